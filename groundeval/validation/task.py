"""Checks that a task is fit for use: its data are sound, gold answers score best, empty ones score nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from groundeval.console.notebook import Tabular
from groundeval.metrics.gold import with_answers, with_gold_for_alce
from groundeval.metrics.reading import AnswerKind
from groundeval.records import Example, Response
from groundeval.run.options import ScoringOptions
from groundeval.run.responses import ResponseSet
from groundeval.run.score import score_responses
from groundeval.scoring.results import Results
from groundeval.tasks import Task
from groundeval.tasks.formats.examples import known_fields
from groundeval.tasks.located import with_located_answers
from groundeval.tasks.reference import reference_response
from groundeval.tasks.validation import validate_task

CALIBRATED = {
    "em": "calib_answerable_str_em",
    "list": "calib_answerable_qampari_rec",
    "claims": "calib_answerable_claims_nli",
}
RECALL = {"em": "str_em", "list": "qampari_rec", "claims": "claims_nli"}
GROUNDED = ("answerable_rec", "refuse_rec", "answered_citation_rec", "answered_citation_prec")
LEAST_WITH_A_MODEL = 90.0
"""Least score of gold answers in keys that use an NLI model, whose verdicts may differ from the gold data."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a validation."""

    name: str
    passed: bool
    detail: str


class Checks(list[Check], Tabular):
    """The checks of a validation."""

    @property
    def passed(self) -> bool:
        """Whether all of them passed."""
        return all(each.passed for each in self)

    def _rows(self) -> list[dict[str, object]]:
        return [{"check": each.name, "": "ok" if each.passed else "FAILED", "detail": each.detail} for each in self]

    def __repr__(self) -> str:
        failed = "; ".join(each.name for each in self if not each.passed)
        passed = sum(each.passed for each in self)
        return f"<Checks: {passed} of {len(self)} passed{f'; failed: {failed}' if failed else ''}>"


def validate_task_and_metrics(task: Task, source: str | None, options: ScoringOptions) -> Checks:
    """Check a task's data, and score gold and empty answers with the real metrics.

    - The data, demonstrations and prompts are sound (`tasks/validation.py`).
    - All gold answers in one text score 100 in the task's recall, under profile `alce`.
    - Reference responses, which give the supported answers with citations and refuse otherwise, score 100 in
      calibrated correctness, refusal and citations under profile `trust`. Where an NLI model judges, 90 is enough:
      its verdicts are not part of the task.
    - Empty answers score 0 in all of them.
    """
    problems = validate_task(task, source)
    found = [Check("data, demonstrations and prompts are sound", False, str(problem)) for problem in problems]
    checks = found or [Check("data, demonstrations and prompts are sound", True, "")]
    if any(problem.where == f"task {task.name}, data" for problem in problems):
        return Checks(checks)
    examples = [with_answers(example) for example in task.load(source).examples]
    if all(example.answers for example in examples):
        checks += _gold_checks(task, examples, options)
    held = [example for example in examples if example.docs]
    if held and all(example.answers is not None for example in held):
        # Responses are built from the answers that the documents hold, which the data need not list.
        located = with_located_answers(task, held, options.nli, options.verifier_options)
        checks += _grounded_checks(task, located, options)
    return Checks(checks)


def _gold_checks(task: Task, examples: Sequence[Example], options: ScoringOptions) -> list[Check]:
    key = RECALL[task.kind]
    with_gold = [with_gold_for_alce(example, task.kind) for example in examples]
    gold = _score(task, with_gold, lambda example: _all_gold(example, task.kind), "alce", (key,), options)
    empty = _score(task, with_gold, lambda example: "", "alce", (key,), options)
    return [
        _at_least("all gold answers", key, gold, task.kind == "claims"),
        _zero("empty answers", key, empty),
    ]


def _all_gold(example: Example, kind: AnswerKind) -> str:
    first = [aliases[0] for aliases in example.answers or ()]
    if kind == "list":
        return ", ".join(alias.replace(",", "") for alias in first)
    return " ".join(first).replace("\n", " ")


def _grounded_checks(task: Task, examples: Sequence[Example], options: ScoringOptions) -> list[Check]:
    keys = (CALIBRATED[task.kind], *GROUNDED)
    honest = _score(task, examples, lambda example: reference_response(example, task.kind), "trust", keys, options)
    empty = _score(task, examples, lambda example: "", "trust", keys, options)
    checks = [
        _at_least("honest responses", key, honest, "citation" in key or "claims" in key)
        for key in keys
        if honest.metrics[key].n
    ]
    return checks + [_zero("empty answers", key, empty) for key in keys if key not in ("answerable_rec", "refuse_rec")]


def _score(
    task: Task,
    examples: Sequence[Example],
    say: Callable[[Example], str],
    profile: str,
    keys: tuple[str, ...],
    options: ScoringOptions,
) -> Results:
    chosen = replace(options, profiles=(profile,), metrics=keys, quiet=True)
    responses = ResponseSet(
        task, examples, lambda row: Response.build(examples[row], say(examples[row])), known_fields(examples)
    )
    return score_responses(responses, chosen)[0].results


def _at_least(what: str, key: str, results: Results, by_model: bool) -> Check:
    value = results.metrics[key].number
    least = LEAST_WITH_A_MODEL if by_model else 100.0
    detail = f"{value:.2f}" + (f" by {results.nli}, at least {least:.0f} asked" if by_model else "")
    return Check(f"{what} score {'100' if not by_model else 'high'} in {key}", value >= least - 1e-9, detail)


def _zero(what: str, key: str, results: Results) -> Check:
    value = results.metrics[key].value
    return Check(f"{what} score 0 in {key}", not value, results.metrics[key].text(2))
