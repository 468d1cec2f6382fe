"""Checking a task's data, demonstrations and prompt for faults that reading them does not reveal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from groundeval.errors import UserError, excerpt
from groundeval.generation.prompts import render_prompt
from groundeval.metrics.metric import METRICS
from groundeval.metrics.profiles import PROFILES
from groundeval.metrics.reading import AnswerKind
from groundeval.parsing.citations import citations
from groundeval.parsing.normalize import normalize
from groundeval.parsing.refusal import refuses
from groundeval.records import Example
from groundeval.tasks.embedded_rules import embedded_problems
from groundeval.tasks.formats.sources import EMBEDDED, PublicData
from groundeval.tasks.task import Dataset, Task

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of a task."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def validate_task(task: Task, source: str | None = None) -> list[Problem]:
    """All problems of a task that can be found without scoring; an empty list if there are none.

    `source` is as for `--data`: a file, `embedded`, or None for the task's own data. The test split must load; a
    training split is checked if there is one.
    """
    problems = list(_task_problems(task))
    try:
        test = task.load(source)
    except UserError as error:
        return [*problems, Problem(f"task {task.name}, data", str(error))]
    problems += data_problems(test.examples, task.kind)
    if task.profile != "alce":
        problems += _share_problems(test)
    problems += _demonstration_problems(task, test)
    problems += _training_problems(task, test, source)
    problems += _prompt_problems(task, test)
    if source == EMBEDDED and isinstance(task.load, PublicData):
        problems += [Problem(where, what) for where, what in embedded_problems(task.load.dataset)]
    return problems


def data_problems(examples: Sequence[Example], kind: AnswerKind) -> list[Problem]:
    """Faults of examples: repeated ids and questions, no gold data, mismatched flags, bad reference responses."""
    if not examples:
        return [Problem("data", "there are no examples")]
    problems = [*_repeated(examples)]
    for example in examples:
        where = f'example "{example.id}"'
        problems += [Problem(where, what) for what in _example_faults(example, kind)]
    return _shortened(problems)


def _task_problems(task: Task) -> Iterator[Problem]:
    where = f"task {task.name}"
    if task.profile not in PROFILES:
        yield Problem(where, f'unknown profile "{task.profile}"; known: {", ".join(PROFILES)}')
        return
    applicable = [metric for _, metric in METRICS.items() if metric.applies(task.profile, task.kind)]
    keys = {key for metric in applicable for key in metric.aggregates}
    if not task.headline:
        yield Problem(where, "no headline: name the keys that summarise the task")
    for key in task.headline:
        if key not in keys:
            known = ", ".join(sorted(keys))
            yield Problem(
                where, f'headline "{key}" is not a key of profile {task.profile} and kind {task.kind}; known: {known}'
            )
    for name in task.metrics or ():
        if name not in {metric.name for metric in applicable}:
            yield Problem(where, f'metric "{name}" does not exist under profile {task.profile} for kind {task.kind}')


def _repeated(examples: Iterable[Example]) -> Iterator[Problem]:
    ids: set[str] = set()
    questions: dict[str, str] = {}
    for example in examples:
        if example.id in ids:
            yield Problem(f'example "{example.id}"', "another example has the same id")
        ids.add(example.id)
        first = questions.setdefault(normalize(example.question), example.id)
        if first != example.id:
            yield Problem(
                f'example "{example.id}"', f'the question is that of example "{first}": {excerpt(example.question)}'
            )


def _example_faults(example: Example, kind: AnswerKind) -> Iterator[str]:
    if not example.question.strip():
        yield "the question is empty"
    gold = example.answers if example.answers is not None else example.qa_pairs if kind == "em" else example.claims
    if gold is None:
        yield f"no gold data: a task of kind {kind} needs answers" + {"em": " or qa_pairs", "claims": " or claims"}.get(
            kind, ""
        )
    for index, aliases in enumerate(example.answers or ()):
        if not aliases:
            yield f"answers[{index}] has no alias: no output can contain it"
        elif not all(normalize(alias) for alias in aliases):
            yield f"answers[{index}] has an alias without words, which every output contains: {excerpt(aliases)}"
    for index, document in enumerate(example.docs or ()):
        if not document.text.strip():
            yield f"docs[{index}] has an empty text"
        found = document.answers_found
        if found is not None and example.answers is not None and len(found) != len(example.answers):
            yield f"docs[{index}].answers_found has {len(found)} entries for {len(example.answers)} gold answers"
    if example.response is not None:
        yield from _response_faults(example, example.response)


def _response_faults(example: Example, response: str) -> Iterator[str]:
    """Faults of a reference response, which must cite existing documents, or refuse if nothing can be answered."""
    known = [document for document in example.docs or () if document.answers_found is not None]
    if not response.strip():
        yield "the reference response is empty"
    elif refuses(response):
        if known and example.answerable:
            yield "the reference response refuses, but the documents hold an answer"
        return
    elif known and not example.answerable:
        yield "the reference response answers, but no document holds a gold answer"
    cited = citations(response)
    if example.docs and not cited:
        yield "the reference response cites nothing"
    for index in sorted(set(cited)):
        if example.docs is not None and not 0 <= index < len(example.docs):
            yield f"the reference response cites [{index + 1}], but there are {len(example.docs)} documents"


def _share_problems(test: Dataset) -> Iterator[Problem]:
    known = [e for e in test.examples if any(d.answers_found is not None for d in e.docs or ())]
    answerable = sum(example.answerable for example in known)
    if known and answerable in (0, len(known)):
        which = "none" if answerable == 0 else "every one"
        yield Problem("data", f"{which} of {len(known)} examples is answerable: refusals cannot be judged on this data")


def _demonstration_problems(task: Task, test: Dataset) -> list[Problem]:
    try:
        examples = task.demonstrations()
    except UserError as error:
        return [Problem(f"task {task.name}, demonstrations", str(error))]
    questions = {normalize(example.question) for example in test.examples}
    problems = []
    for example in examples:
        where = f'demonstration "{example.id}"'
        if example.response is None:
            problems.append(Problem(where, "it has no response to imitate"))
        else:
            problems += [Problem(where, what) for what in _response_faults(example, example.response)]
        if normalize(example.question) in questions:
            problems.append(Problem(where, "its question is in the test data"))
    return problems


def _training_problems(task: Task, test: Dataset, source: str | None) -> list[Problem]:
    if source not in (None, EMBEDDED):
        return []
    try:
        train = task.load(source, "train")
    except UserError:
        return []  # a task need not have training data
    problems = data_problems(train.examples, task.kind)
    questions = {normalize(example.question) for example in test.examples}
    ids = {example.id for example in test.examples}
    for example in train.examples:
        where = f'training example "{example.id}"'
        if example.id in ids:
            problems.append(Problem(where, "its id is in the test data"))
        if normalize(example.question) in questions:
            problems.append(Problem(where, "its question is in the test data"))
    return problems


def _prompt_problems(task: Task, test: Dataset) -> list[Problem]:
    demonstrations = task.demonstrations()
    problems = []
    for example in test.examples[:_SHOWN]:
        try:
            prompt = render_prompt(
                example,
                task.prompt,
                num_docs=len(example.docs or ()),
                demonstrations=demonstrations,
                num_fewshot=len(demonstrations),
            )
        except UserError as error:
            return [Problem(f"task {task.name}, prompt", str(error))]
        missing = [
            doc.title for doc in example.docs or () if doc.text.split()[:1] and doc.text.split()[0] not in prompt.user
        ]
        if missing:
            problems.append(
                Problem(f'example "{example.id}"', f"the prompt does not show the document {excerpt(missing[0])}")
            )
    return problems


def _shortened(problems: list[Problem]) -> list[Problem]:
    """At most a few problems of each wording, so that a fault of 10,000 records stays readable."""
    kept: dict[str, int] = {}
    shown = []
    for problem in problems:
        kind = "".join(" " if letter.isdigit() else letter for letter in problem.what.split(":")[0])
        kept[kind] = kept.get(kind, 0) + 1
        if kept[kind] <= _SHOWN:
            shown.append(problem)
    more = sum(count - _SHOWN for count in kept.values() if count > _SHOWN)
    return [*shown, Problem("data", f"{more} more problems of these kinds")] if more else shown
