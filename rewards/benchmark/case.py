"""The data available to an attack: the example, its honest response, and names and statements of other examples."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from groundeval.errors import DataError
from groundeval.metrics.gold import with_answers, with_gold_for_alce
from groundeval.metrics.reading import AnswerKind
from groundeval.parsing.normalize import normalize
from groundeval.records import Document, Example
from groundeval.rewards.benchmark.answer import Answer, Part, answer_of
from groundeval.rewards.benchmark.language import canonical, contains, overlap
from groundeval.tasks.reference import reference_response
from groundeval.tasks.task import Task


@dataclass(frozen=True)
class Case:
    """One example, its honest response, and material of other examples."""

    task: str
    kind: AnswerKind
    example: Example
    honest: Answer
    strangers: tuple[str, ...] = ()
    """Names (gold aliases) of other examples that no document of this one holds."""
    strange_statements: tuple[str, ...] = ()
    """Honest statements of other examples."""

    @property
    def name(self) -> str:
        """Task and id, which identify the example."""
        return f"{self.task}/{self.example.id}"

    @property
    def docs(self) -> tuple[Document, ...]:
        """The documents."""
        return self.example.docs or ()

    @property
    def answerable(self) -> bool:
        """Whether the documents hold a gold answer: then the honest response answers, else it refuses."""
        return self.example.answerable

    def aliases(self, answer: int) -> tuple[str, ...]:
        """The aliases of a gold answer."""
        return (self.example.answers or ())[answer]

    @cached_property
    def stating(self) -> dict[int, frozenset[int]]:
        """For each supported gold answer, the honest parts that state it.

        In text and list tasks each states it alone; in claim tasks all of them together (a gold claim may be several
        sentences long).
        """
        supported = [answer for answer, held in enumerate(self.example.supported) if held]
        return {answer: frozenset(self._parts_stating(answer)) for answer in supported}

    def _parts_stating(self, answer: int) -> list[int]:
        parts, aliases = self.honest.parts, self.aliases(answer)
        if self.kind == "em":
            return [k for k, part in enumerate(parts) if any(contains(part.text, alias) for alias in aliases)]
        if self.kind == "list":
            names = {normalize(alias) for alias in aliases}
            return [k for k, part in enumerate(parts) if normalize(part.text) in names]
        said = [canonical(part.text) for part in parts]
        asked = [canonical(part.text) for part in answer_of(aliases[0], "claims").parts]
        if all(each in said for each in asked):
            return [said.index(each) for each in asked]
        return [max(range(len(parts)), key=lambda k: overlap(aliases[0], parts[k].text))]

    def states(self, part: Part) -> frozenset[int]:
        """The gold answers that an honest part states, alone or with others."""
        return frozenset(answer for answer, parts in self.stating.items() if part.origin in parts)

    def irrelevant(self, part: Part) -> list[int]:
        """Documents that hold none of the answers that a part states and are not its honest citations."""
        stated = self.states(part)
        own = self.honest.parts[part.origin].cited if part.origin is not None else part.cited
        return [
            index
            for index, document in enumerate(self.docs)
            if index not in own and not any((document.answers_found or ())[answer] for answer in stated)
        ]

    def needs_each(self, part: Part) -> bool:
        """Whether a part needs all its citations: it has only one, or no cited document holds all of its answers."""
        stated = self.states(part)
        cited = [self.docs[index].answers_found or () for index in part.cited if 0 <= index < len(self.docs)]
        return len(part.cited) == 1 or not any(all(found[answer] for answer in stated) for found in cited)

    def holders(self, answer: int) -> list[int]:
        """Documents that hold a gold answer."""
        return [index for index, document in enumerate(self.docs) if (document.answers_found or ())[answer]]


def cases_of(task: Task, examples: Sequence[Example]) -> tuple[Case, ...]:
    """The cases of a task's examples; gold fields that only some rewards read are derived from `answers`.

    Raises DataError for an example without documents, or without `answers_found` in all of them.
    """
    known = [with_gold_for_alce(with_answers(example), task.kind) for example in examples]
    for example in known:
        if not example.docs or example.answers is None or any(d.answers_found is None for d in example.docs):
            raise DataError(
                f'task {task.name}, example "{example.id}": an honest response needs documents, gold answers and '
                "which document holds which answer (answers_found)."
            )
    honest = [answer_of(reference_response(example, task.kind), task.kind) for example in known]
    return tuple(
        Case(
            task.name,
            task.kind,
            example,
            answer,
            strangers=tuple(_strangers(example, known)) if task.kind != "claims" else (),
            strange_statements=tuple(
                part.text
                for other, response in zip(known, honest, strict=True)
                if other is not example and other.answerable
                for part in response.parts
            ),
        )
        for example, answer in zip(known, honest, strict=True)
    )


def as_item(text: str, case: Case) -> str:
    """A text made fit for one part of the response: in a list, commas would split it."""
    return text.replace(",", "") if case.kind == "list" else text


def _strangers(example: Example, examples: Sequence[Example]) -> list[str]:
    own = [alias for aliases in example.answers or () for alias in aliases]
    texts = [*(f"{document.title} {document.text}" for document in example.docs or ()), *own, example.question]
    found = [
        aliases[0]
        for other in examples
        if other is not example
        for aliases in other.answers or ()
        if aliases and re.search(r"\w", aliases[0]) and not any(contains(text, aliases[0]) for text in texts)
    ]
    return list(dict.fromkeys(found))
