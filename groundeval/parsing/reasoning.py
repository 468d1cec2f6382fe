"""Reasoning and answer tags: separating a model's reasoning from its answer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from groundeval.errors import UsageError


@dataclass(frozen=True, slots=True)
class ReasoningTags:
    """The literal tags around reasoning and answer."""

    think_open: str = "<think>"
    think_close: str = "</think>"
    answer_open: str = "<answer>"
    answer_close: str = "</answer>"

    def all(self) -> tuple[str, str, str, str]:
        """The four tags, in the order in which a well-formed output has them (T in Ground-GRPO)."""
        return (self.think_open, self.think_close, self.answer_open, self.answer_close)

    @classmethod
    def none(cls) -> ReasoningTags:
        """Empty tags: the whole text is the answer, as in the original evaluators."""
        return cls("", "", "", "")

    @classmethod
    def harmony(cls) -> ReasoningTags:
        """The channels of gpt-oss: a text is rewritten in the usual tags before it is split (`parsing.harmony`)."""
        return cls("<|channel|>analysis<|message|>", "<|end|>", "<|channel|>final<|message|>", "<|return|>")

    @property
    def words(self) -> str:
        """The tags as `--reasoning-tags` takes them: a name, or tags with commas between them."""
        name = next((name for name, tags in NAMED_TAGS.items() if tags == self), None)
        has_own_answer = (self.answer_open, self.answer_close) != REASONING_TAGS.all()[2:]
        return name or ",".join(self.all() if has_own_answer else self.all()[:2])


REASONING_TAGS = ReasoningTags()
NAMED_TAGS = {"none": ReasoningTags.none(), "harmony": ReasoningTags.harmony()}
"""The tags that a user may give by a name."""


def tags_from(words: Sequence[str], where: str) -> ReasoningTags:
    """Tags from user input: the pair around the reasoning, or that and the pair around the answer, or a name.

    Raises UsageError for anything else; the message names `where` the tags were given.
    """
    named = NAMED_TAGS.get(words[0].strip()) if len(words) == 1 else None
    if named is not None:
        return named
    if len(words) not in (2, 4) or not all(words) or len(set(words)) < len(words):
        raise UsageError(
            f"{where} {','.join(words)}: must be two different tags around the reasoning, for instance "
            "'<reason>,</reason>', or four, the last two around the answer; or harmony (the channels of gpt-oss); or "
            "none: the whole text is the answer"
        )
    return ReasoningTags(*words)


def with_usual_tags(text: str, tags: ReasoningTags) -> str:
    """The text with a model's own tags replaced by the usual ones, for readers that know no others."""
    for own, usual in zip(tags.all(), REASONING_TAGS.all(), strict=True):
        text = text.replace(own, usual) if own else text
    return text


class Split(NamedTuple):
    """Result of `split_reasoning`."""

    reasoning: str | None
    answer: str
    unclosed: bool


def split_reasoning(text: str, tags: ReasoningTags = REASONING_TAGS) -> Split:
    """Split reasoning and answer.

    - Every think block is reasoning, wherever it occurs; several are joined by a newline.
    - An opening tag inside a think block is part of the reasoning. A closing tag outside a block means that everything
      before it was reasoning too (the template opened the block, or blocks were nested).
    - A block that never closes leaves no answer: `unclosed` is true and the answer empty.
    - In the rest, the last `<answer>` block is the answer (to the end of the text if it is not closed); without one,
      all of the rest is.
    - Without tags (`ReasoningTags.none()`), all of the text is the answer.
    """
    if tags == ReasoningTags.none():
        return Split(None, text, False)
    if tags.think_open not in text and tags.think_close not in text:
        return Split(None, answer_block(text, tags), False)
    thoughts: list[str] = []
    outside: list[str] = []
    thinking = False
    for piece in re.split(f"({re.escape(tags.think_open)}|{re.escape(tags.think_close)})", text):
        if piece == tags.think_open:
            thinking = True
        elif piece == tags.think_close:
            if not thinking:
                thoughts += outside
                outside = []
            thinking = False
        else:
            (thoughts if thinking else outside).append(piece)
    reasoning = "\n".join(part for part in (t.strip() for t in thoughts) if part)
    if thinking:
        return Split(reasoning, "", True)
    return Split(reasoning, answer_block("".join(outside).lstrip(), tags), False)


def answer_block(text: str, tags: ReasoningTags = REASONING_TAGS) -> str:
    """The content of the last `<answer>` block, or all of the text where there is none."""
    start = text.rfind(tags.answer_open)
    if start < 0:
        return text
    start += len(tags.answer_open)
    end = text.find(tags.answer_close, start)
    return text[start:] if end < 0 else text[start:end]


def tag_count(text: str, tags: ReasoningTags = REASONING_TAGS) -> float:
    """Share of the four tags that occur exactly once (Ground-GRPO, R_tag_count), in [0, 1]."""
    return sum(text.count(tag) == 1 for tag in tags.all()) / 4


def is_well_formed(text: str, tags: ReasoningTags = REASONING_TAGS) -> bool:
    """Whether the text is one think block followed by one answer block and only whitespace besides (R_format)."""
    if any(text.count(tag) != 1 for tag in tags.all()):
        return False
    think_open, think_close, answer_open, answer_close = (re.escape(tag) for tag in tags.all())
    pattern = rf"\s*{think_open}.*{think_close}\s*{answer_open}.*{answer_close}\s*"
    return re.fullmatch(pattern, text, flags=re.DOTALL) is not None
