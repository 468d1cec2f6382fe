"""Selection of the examples of a stage: read from tasks, checked against evaluation data, filtered, counted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from groundeval.errors import DataError
from groundeval.records import Example
from groundeval.tasks import Task, load_task
from groundeval.tasks.located import with_located_answers
from groundeval.tasks.task import Dataset
from groundeval.trainers.data.conversations import as_examples
from groundeval.trainers.data.overlap import EvaluationTexts, OverlapReport, Part, evaluation_texts, without_overlap
from groundeval.trainers.recipe import Recipe
from groundeval.trainers.recipe_stage import Data, Stage


@dataclass(frozen=True, slots=True)
class Selected:
    """The training examples of one task for one stage."""

    reference: str
    """The task as named in the recipe."""
    task: Task
    dataset: Dataset
    """The chosen examples, with `answers_found` in their documents."""
    requested: str | None
    """The file or `embedded`, as in the recipe."""

    @property
    def answerable(self) -> int:
        """Number of examples that their documents answer."""
        return sum(example.answerable for example in self.dataset.examples)


class Hygiene:
    """The overlap check: the index of evaluation data, the actions, and the cumulative report."""

    def __init__(self, recipe: Recipe) -> None:
        wanted = recipe.overlap
        held_out = recipe.evaluate
        evaluated = {name: load_task(name).load(file, held_out.split) for name, file in held_out.tasks.items()}
        self.index: EvaluationTexts = evaluation_texts(
            wanted.against, evaluated, ngram=wanted.ngram, share=wanted.share, num_docs=recipe.num_docs
        )
        self.actions: dict[Part, str] = {"questions": wanted.questions, "passages": wanted.passages}
        self.report = OverlapReport(wanted.ngram, wanted.share, self.index.sets, self.index.missing)
        self._checked: dict[str, tuple[Example, ...]] = {}

    def clean(self, source: str, examples: tuple[Example, ...]) -> tuple[Example, ...]:
        """The examples that may be trained on; a source is compared only once, even if several stages use it."""
        if source not in self._checked:
            self._checked[source] = without_overlap(source, examples, self.index, self.actions, self.report)
        return self._checked[source]

    def kept_conversations(self, data: Data) -> frozenset[int]:
        """The positions of a file's conversations that may be trained on. Raises as `clean` does."""
        examples = tuple(as_examples(data.conversations or "", data.count))
        dropped = {each.id for each in examples} - {each.id for each in self.clean(data.name, examples)}
        # A conversation is several examples here, and is left out if one of them is.
        dropped |= {hit.example for hit in self.report.hits.get(data.name, ()) if self.actions[hit.part] == "drop"}
        return frozenset(int(each.id) for each in examples if each.id not in dropped)


def select(recipe: Recipe, stage: Stage, hygiene: Hygiene) -> list[Selected]:
    """The examples of a stage's tasks. Loads no model; a verifier only if claims must be located.

    Raises DataError if the filter leaves none or fewer than `count`, or if the overlap check refuses.
    """
    for data in stage.data:
        if data.conversations is not None:
            hygiene.kept_conversations(data)
    return [_select(recipe, stage, data, hygiene) for data in stage.data if data.task is not None]


def _select(recipe: Recipe, stage: Stage, data: Data, hygiene: Hygiene) -> Selected:
    reference = data.task or ""
    task = load_task(reference)
    dataset = task.load(data.source, data.split)
    # Only the documents in a prompt are trained on, so the filter and the overlap check use no others.
    shown = tuple(replace(each, docs=(each.docs or ())[: recipe.num_docs]) for each in dataset.examples)
    clean = hygiene.clean(data.name, shown)
    short = tuple(each for each in clean if data.longest is None or _words(each) <= data.longest)
    located = with_located_answers(task, short, recipe.nli, recipe.nli_options)
    left_out = {"overlap with evaluation data": len(shown) - len(clean), "are longer": len(clean) - len(short)}
    chosen = _filtered(stage, data, located, recipe.seed_of(stage), left_out)
    return Selected(reference, task, replace(dataset, examples=chosen), data.source)


def _words(example: Example) -> int:
    texts = [example.question, *(text for each in example.docs or () for text in (each.title, each.text))]
    return sum(len(text.split()) for text in texts)


def _filtered(
    stage: Stage, data: Data, examples: Sequence[Example], seed: int, left_out: Mapping[str, int]
) -> tuple[Example, ...]:
    """The first `count` examples that pass the stage's filter, in an order given by the seed."""
    ordered = sorted(examples, key=lambda example: hashlib.sha256(f"{seed}\n{example.id}".encode()).digest())
    yes = [example for example in ordered if example.answerable]
    no = [example for example in ordered if not example.answerable]
    where = f"stage {stage.name}, data {data.name}"
    more = ", ".join(f"{count} more {why}" for why, count in left_out.items() if count)
    there = f"{len(yes)} answerable and {len(no)} unanswerable examples" + (f" ({more})" if more else "")
    if stage.mix is not None:
        wanted = _mixture(stage.mix, data.count, len(yes), len(no))
        if min(wanted) < 1 or wanted[0] > len(yes) or wanted[1] > len(no):
            asked = f"{wanted[0]} answerable and {wanted[1]} unanswerable" if data.count else "both kinds"
            raise DataError(
                f"{where}: the filter `mix: {stage.mix}` needs {asked}, but there are {there}.\n"
                "  Lower `count`, change `mix`, or give more data."
            )
        kept = {example.id for example in (*yes[: wanted[0]], *no[: wanted[1]])}
        return tuple(example for example in ordered if example.id in kept)
    passing = {"any": ordered, "only": yes, "never": no}[stage.answerable]
    if not passing or (data.count is not None and len(passing) < data.count):
        asked = f"{data.count}" if data.count else "at least one"
        raise DataError(
            f"{where}: the filter `answerable: {stage.answerable}` passes {len(passing)} examples where {asked} "
            f"{'are' if data.count else 'is'} needed; there are {there}.\n"
            "  Lower `count`, change the filter, or give more data."
        )
    return tuple(passing[: data.count])


def _mixture(share: float, count: int | None, yes: int, no: int) -> tuple[int, int]:
    """Numbers of answerable and unanswerable examples: `count` in the given ratio, or as many as possible."""
    if count is not None:
        answerable = round(count * share)
        return answerable, count - answerable
    total = int(min(yes / share, no / (1 - share)))
    answerable = round(total * share)
    return min(answerable, yes), min(total - answerable, no)
