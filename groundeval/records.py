"""The frozen records behind all computations: documents, examples, responses, statements, verdicts."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import Any, Literal, NamedTuple, TypeVar

from groundeval.parsing.harmony import HARMONY, in_usual_tags
from groundeval.parsing.reasoning import REASONING_TAGS, ReasoningTags, split_reasoning
from groundeval.parsing.reasoning_formats import tags_of_text

Status = Literal["ok", "empty", "unclosed_reasoning", "error"]
"""Status of a sample: `ok`; `empty` (no text); `unclosed_reasoning` (the think block never ended: an empty
answer); `error` (generation or scoring failed: it has no values and is left out of every mean)."""


T = TypeVar("T")


def _pickled_by_position(record: type[T]) -> type[T]:
    """Class decorator: pickle a record as the call that builds it, which takes half the time of its fields by name."""
    values = attrgetter(*(each.name for each in fields(record)))  # type: ignore[arg-type]
    record.__reduce__ = lambda self: (type(self), values(self))  # type: ignore[method-assign]
    return record


@_pickled_by_position
@dataclass(frozen=True, slots=True)
class Document:
    """One document as given to the model. `sent` is ALCE's shorter premise, used instead of `text` if present."""

    title: str
    text: str
    sent: str | None = None
    summary: str | None = None
    extraction: str | None = None
    answers_found: tuple[int, ...] | None = None
    """For each gold answer (`Example.answers`), 1 if this document holds it, else 0 (Trust-Score)."""

    @property
    def premise(self) -> str:
        """The document as an NLI premise: `Title: {title}` and the text on the next line (ALCE)."""
        return f"Title: {self.title}\n{self.text if self.sent is None else self.sent}"


@_pickled_by_position
@dataclass(frozen=True, slots=True)
class QAPair:
    """One sub-question of an ambiguous question (ASQA) with the aliases of its answer."""

    question: str
    short_answers: tuple[str, ...]


@_pickled_by_position
@dataclass(frozen=True, slots=True)
class Example:
    """A question, its documents and its gold data. Fields that the data lacks are None."""

    id: str
    question: str
    docs: tuple[Document, ...] | None = None
    answers: tuple[tuple[str, ...], ...] | None = None
    """Gold answers, each a tuple of aliases (QAMPARI, Trust-Score; for claim tasks the claim is the first alias)."""
    qa_pairs: tuple[QAPair, ...] | None = None
    claims: tuple[str, ...] | None = None
    answer: str | None = None
    annotations: tuple[str, ...] | None = None
    """Long reference answers (ASQA has two)."""
    response: str | None = None
    """A reference response that is right by construction, if the data has one (the embedded data does)."""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Further fields, for plugin tasks."""

    @property
    def references(self) -> tuple[str, ...]:
        """Long reference answers: up to two annotations (ASQA), else the answer, else none (ALCE)."""
        if self.annotations:
            return self.annotations[:2]
        return () if self.answer is None else (self.answer,)

    @property
    def supported(self) -> tuple[bool, ...]:
        """For each gold answer, whether any document holds it (OR over `answers_found`)."""
        found = [d.answers_found for d in self.docs or () if d.answers_found is not None]
        return tuple(map(any, zip(*found, strict=True))) if found else ()

    @property
    def answerable(self) -> bool:
        """Whether the documents hold any gold answer (Trust-Score)."""
        return any(self.supported)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a response: a sentence, or for list tasks the question with one item."""

    text: str
    """The text in the response, citations included (under `strict` without them)."""
    hypothesis: str
    """The text that its citations must support: without citations."""
    citations: tuple[int, ...]
    """Indices into the documents, in order of appearance, unchecked: may be negative, too large or repeated."""


class Pair(NamedTuple):
    """Premise and hypothesis, for an NLI model to judge."""

    premise: str
    hypothesis: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """An NLI model's answer for one pair."""

    entailed: bool
    score: float
    """The model's score for entailment in [0, 1]; comparable within one model only."""
    rechecked: bool = False
    """Whether it was scored again, alone, because the batched result was within numeric noise."""


@_pickled_by_position
@dataclass(frozen=True, slots=True)
class Response:
    """A model's text for one example, with the reasoning split off. Created only by `Response.build`."""

    example: Example
    raw: str
    """All of the model's text, every tag kept; channels of gpt-oss as the usual tags."""
    text: str
    """The answer, which is scored, before a profile's own preparation."""
    reasoning: str | None
    status: Status
    finish_reason: str | None
    tags: ReasoningTags = REASONING_TAGS
    """The reasoning tags used to read the text."""
    guessed: ReasoningTags | None = None
    """The tags where they are not the usual ones and only the text's own form shows them."""

    @property
    def was_cut(self) -> bool:
        """Whether the text ends where it had reached its greatest length, not where the model ended it."""
        return self.status != "error" and cut_at_limit(self.finish_reason)

    @classmethod
    def build(
        cls,
        example: Example,
        raw: str,
        *,
        prefill: str = "",
        finish_reason: str | None = None,
        tags: ReasoningTags | None = None,
    ) -> Response:
        """Split a model's text into reasoning and answer; the same constructor in evaluation and in training.

        `raw` is the text after the rendered prompt, special reasoning tags kept; `prefill` is what the chat template
        had already begun for the model (for instance `<think>`), and is put back in front. `tags` are those of the
        model; None: `<think>`, or the tags of another model family where the text has their form
        (`groundeval.parsing.reasoning_formats`). Never raises on any text.
        """
        whole, guessed = prefill + raw, None
        if tags is None:
            tags = tags_of_text(whole)
            guessed = None if tags.think_open == REASONING_TAGS.think_open else tags
        if tags == HARMONY:
            whole, tags = in_usual_tags(whole), REASONING_TAGS
        split = split_reasoning(whole, tags)
        status: Status = "ok" if split.answer.strip() else "empty"
        if split.unclosed:
            status = "unclosed_reasoning"
        return cls(example, whole, split.answer, split.reasoning, status, finish_reason, tags, guessed)

    @classmethod
    def failed(cls, example: Example, reason: str) -> Response:
        """The record of a sample without a text. It gets no values, never a score of 0."""
        return cls(example, "", "", None, "error", reason)


_CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "token_limit", "max_length"})


def cut_at_limit(finish_reason: object) -> bool:
    """Whether a finish reason says that the answer was cut at the greatest length; engines have several words for it.

    Any other value, and none, says that it was not.
    """
    return isinstance(finish_reason, str) and finish_reason.lower() in _CUT


def as_premise(docs: Sequence[Document], cited: Sequence[int]) -> str:
    """Several documents as one NLI premise: joined by newlines in citation order (ALCE)."""
    return "\n".join(docs[index].premise for index in cited)


@_pickled_by_position
@dataclass(frozen=True, slots=True)
class Prompt:
    """One sample's input before a model's chat template: an id and the text of the user's turn."""

    id: str
    user: str
    system: str | None = None
    draw: int | None = None
    """Number of the answer among several to the same prompt, from 1; part of the id, so that each has its own seed.
    None for a single answer."""
    ids: array[int] | None = field(default=None, compare=False, repr=False)
    """The prompt in the model's tokens, where the generator has counted them: it need not do so again."""


@_pickled_by_position
@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt in the form given to the model."""

    text: str
    """The text with the chat template applied; for an API that applies its own, the messages as JSON."""
    tokens: int | None
    """Length in the model's tokens, if the generator knows it."""
    prefill: str = ""
    """The text that the template begins for the model, for instance `<think>`."""
    ids: array[int] | None = field(default=None, compare=False, repr=False)
    """The model's tokens, if the generator will ask for them again."""

    @property
    def sha256(self) -> str:
        """Hash of the text, stored with every generation."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()
