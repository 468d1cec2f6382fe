"""The frozen records that everything is computed from: documents, examples, responses, statements, verdicts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from groundeval.parsing.harmony import HARMONY, in_usual_tags
from groundeval.parsing.reasoning import REASONING_TAGS, ReasoningTags, split_reasoning
from groundeval.parsing.reasoning_formats import tags_of_text

Status = Literal["ok", "empty", "unclosed_reasoning", "error"]
"""What became of a sample: `ok`; `empty` (no text); `unclosed_reasoning` (the think block never ended: an empty
answer); `error` (generation or scoring failed: it has no values and is left out of every mean)."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document as the model saw it. `sent` is ALCE's shorter premise, used instead of `text` where present."""

    title: str
    text: str
    sent: str | None = None
    summary: str | None = None
    extraction: str | None = None
    answers_found: tuple[int, ...] | None = None
    """0/1 for each gold answer (`Example.answers`): does this document hold it (Trust-Score)."""

    @property
    def premise(self) -> str:
        """The document as an NLI premise: `Title: {title}` and the text on the next line (ALCE)."""
        return f"Title: {self.title}\n{self.text if self.sent is None else self.sent}"


@dataclass(frozen=True, slots=True)
class QAPair:
    """One reading of an ambiguous question (ASQA) with the aliases of its answer."""

    question: str
    short_answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """A question, its documents and its gold data. A field that is None is one that the data does not have."""

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
    """A response that is right by construction, where the data has one (the embedded data does)."""
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
        """For each gold answer: does any document hold it (OR over `answers_found`)."""
        found = [d.answers_found for d in self.docs or () if d.answers_found is not None]
        return tuple(map(any, zip(*found, strict=True))) if found else ()

    @property
    def answerable(self) -> bool:
        """Do the documents hold any gold answer (Trust-Score)."""
        return any(self.supported)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a response: a sentence, or for list tasks the question with one item."""

    text: str
    """As it stands in the response, citations included (under `strict` without them)."""
    hypothesis: str
    """What its citations must support: the text without citations."""
    citations: tuple[int, ...]
    """Indices into the documents, in order of appearance, unchecked: may be negative, too large or repeated."""


class Pair(NamedTuple):
    """What an NLI model judges: does the premise entail the hypothesis."""

    premise: str
    hypothesis: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """An NLI model's answer for one pair."""

    entailed: bool
    score: float
    """The model's score for entailment in [0, 1]; comparable within one model only."""
    rechecked: bool = False
    """Scored a second time, alone, because the batched result lay within numeric noise."""


@dataclass(frozen=True, slots=True)
class Response:
    """A model's text for one example, with the reasoning split off. Made by `Response.build` and nothing else."""

    example: Example
    raw: str
    """All of the model's text, every tag kept; channels of gpt-oss as the usual tags."""
    text: str
    """The answer: what is scored, before a profile's own preparation."""
    reasoning: str | None
    status: Status
    finish_reason: str | None
    tags: ReasoningTags = REASONING_TAGS
    """The tags that the text was read with."""
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
        """The record of a sample for which no text could be had. It gets no values, never a score of 0."""
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


@dataclass(frozen=True, slots=True)
class Prompt:
    """One sample's input before a model's chat template: an id and the text of the user's turn."""

    id: str
    user: str
    system: str | None = None
    draw: int | None = None
    """Which of several answers to the same prompt this asks for, from 1; part of the id, so that each has a seed of its
    own. None where there is one."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt as the model gets it."""

    text: str
    """Chat template applied; for an API that applies its own, the messages as JSON."""
    tokens: int | None
    """Length in the model's tokens, where the generator can know it."""
    prefill: str = ""
    """What the template has already begun for the model, for instance `<think>`."""

    @property
    def sha256(self) -> str:
        """Hash of the text, stored with every generation."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()
