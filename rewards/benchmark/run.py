"""The whole benchmark: data, trials, rows, climbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from groundeval.aio import run_anywhere
from groundeval.errors import DataError, UsageError
from groundeval.metrics.gold import needs_answers_found, with_answers, with_answers_found
from groundeval.metrics.metric import Context
from groundeval.metrics.profiles import TRUST
from groundeval.nli import NLI, connect
from groundeval.records import Example
from groundeval.rewards.benchmark.candidates import Candidate, Jury, candidates_named
from groundeval.rewards.benchmark.case import Case, cases_of
from groundeval.rewards.benchmark.climbing import Climb, climb
from groundeval.rewards.benchmark.families import Family, families_named
from groundeval.rewards.benchmark.given import read_trials
from groundeval.rewards.benchmark.oracle import ByConstruction, Suggestible
from groundeval.rewards.benchmark.table import Row, Values, row
from groundeval.rewards.benchmark.trials import Trial, trials_of
from groundeval.tasks import Task, load_task
from groundeval.tasks.formats.sources import EMBEDDED

TASKS = ("trust_asqa", "trust_qampari", "trust_eli5", "trust_expertqa")
"""The tasks of the default run, on embedded data."""

VERIFIERS = {each.name: each for each in (ByConstruction, Suggestible)}
"""The oracle verifiers of this benchmark's texts, in addition to those of `connect`."""


@dataclass(frozen=True, slots=True)
class BenchmarkOptions:
    """Options of the benchmark."""

    rewards: tuple[str, ...] = ()
    """Rewards, or parts of them (`trust.citation`); none: all."""
    data: Mapping[str, str | None] = field(default_factory=lambda: dict.fromkeys(TASKS, EMBEDDED))
    """Task (a name or a YAML file) to file or `embedded`; None: the task's own data."""
    nli: str = ByConstruction.name
    nli_options: Mapping[str, object] = field(default_factory=dict)
    families: tuple[str, ...] = ()
    """Keys of families; none: all."""
    seed: int = 0
    limit: int | None = None
    """Largest number of examples of each task."""
    edits: int = 0
    """Number of random edits that climb each reward; 0: none."""
    given: str | None = None
    """A file of trials instead of the benchmark's own (`given.py`), which excludes the oracle verifiers."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Results of the benchmark."""

    data: Mapping[str, int]
    """Number of examples by task."""
    answerable: int
    nli: str
    seed: int
    families: tuple[Family, ...]
    trials: int
    texts: int
    rows: tuple[Row, ...]
    climbs: tuple[Climb, ...]
    notes: tuple[str, ...]


def run_benchmark(options: BenchmarkOptions) -> Outcome:
    """Run the benchmark. Raises UserError for wrong names, files and data before anything is scored."""
    if options.nli in VERIFIERS and options.nli_options:
        given = ", ".join(options.nli_options)
        raise UsageError(f"--nli {options.nli} takes no options, but --nli-args gives {given}")
    if options.given is not None and options.nli in VERIFIERS:
        raise UsageError(f"--nli {options.nli} knows only the benchmark's own texts; choose another for --cases")
    candidates = candidates_named(options.rewards)
    notes: list[str] = []
    if options.given is not None:
        own: tuple[Trial, ...] = read_trials(Path(options.given))
        families = tuple(dict.fromkeys(trial.family for trial in own))
        cases = list({trial.case.name: trial.case for trial in own}.values())
        tasks = {case.task: load_task(case.task) for case in cases}
    else:
        own, families = (), families_named(options.families)
        tasks = {str(name): load_task(name) for name in options.data}
        cases = [case for name, task in tasks.items() for case in _cases(task, options.data[name], options, notes)]
    with _verifier(options, cases) as nli:
        jury = Jury({task.name: task for task in tasks.values()}, {case.name: case for case in cases}, nli)
        jury.check(candidates)
        nli.load()
        trials = own or trials_of(cases, families, options.seed)
        if not trials:
            raise DataError("none of the requested families applies to any example of the data")
        rows = _rows(candidates, jury, trials, families, options.seed)
        climbs = tuple(
            found
            for candidate in candidates
            if options.edits
            and candidate.part is None
            and (found := climb(candidate, jury, options.edits, options.seed))
        )
        return Outcome(
            data={task.name: sum(case.task == task.name for case in cases) for task in tasks.values()},
            answerable=sum(case.answerable for case in cases),
            nli=nli.name,
            seed=options.seed,
            families=families,
            trials=len(trials),
            texts=len(_texts(trials)),
            rows=rows,
            climbs=climbs,
            notes=(*notes, *jury.notes),
        )


def _cases(task: Task, source: str | None, options: BenchmarkOptions, notes: list[str]) -> tuple[Case, ...]:
    examples = [with_answers(example) for example in task.load(source).examples[: options.limit]]
    usable = [example for example in examples if example.docs and example.answers is not None]
    if not usable:
        raise DataError(f"task {task.name}: no example has documents and gold answers to build honest responses from")
    if len(usable) < len(examples):
        notes.append(f"{task.name}: {len(examples) - len(usable)} examples left out, without documents or gold answers")
    if any(map(needs_answers_found, usable)):
        # The oracle verifiers are built from the answers in the documents, so they cannot locate these.
        judge = connect("lexical" if options.nli in VERIFIERS else options.nli, **options.nli_options)
        how = f"the document entails the claim, by {judge.name}" if task.kind == "claims" else "an alias is in its text"
        notes.append(f'{task.name}: "answers_found" is missing in the data and was computed: {how}')
        usable = run_anywhere(lambda: _with_answers_found(usable, task, judge))
    return cases_of(task, usable)


async def _with_answers_found(examples: Sequence[Example], task: Task, nli: NLI) -> list[Example]:
    return [await with_answers_found(example, Context(TRUST, task.kind, nli)) for example in examples]


def _verifier(options: BenchmarkOptions, cases: Sequence[Case]) -> NLI:
    if options.nli in VERIFIERS:
        return NLI(VERIFIERS[options.nli](cases))
    return connect(options.nli, **options.nli_options)


def _texts(trials: Sequence[Trial]) -> list[tuple[str, str]]:
    """The distinct texts."""
    return list(dict.fromkeys((trial.case.name, text) for trial in trials for text in (trial.better, trial.worse)))


def _rows(
    candidates: Sequence[Candidate], jury: Jury, trials: Sequence[Trial], families: Sequence[Family], seed: int
) -> tuple[Row, ...]:
    """The rows, in the order of the candidates; each reward scores every text only once, including for its parts."""
    texts = _texts(trials)
    rows: dict[str, Row] = {}
    for reward in dict.fromkeys(candidate.reward for candidate in candidates):
        rewarded, cost = jury.timed(reward, texts)
        for candidate in candidates:
            if candidate.reward == reward:
                values: Values = {
                    text: None if found is None else candidate.value(found)
                    for text, found in zip(texts, rewarded, strict=True)
                }
                rows[candidate.name] = row(candidate.name, trials, families, values, cost, seed)
    return tuple(rows[candidate.name] for candidate in candidates)
