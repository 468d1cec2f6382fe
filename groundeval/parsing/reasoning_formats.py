"""The reasoning formats of model families, and detection of the format of a model or a text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from groundeval.parsing.harmony import HARMONY, has_channels, looks_plain
from groundeval.parsing.reasoning import REASONING_TAGS, ReasoningTags


@dataclass(frozen=True, slots=True)
class ReasoningFormat:
    """The tags of a family of models, and the evidence for it."""

    tags: ReasoningTags
    models: str = ""
    """A pattern for names of models that write it."""
    signs: tuple[str, ...] = ()
    """Strings in the chat template or special tokens of such a model; default: both reasoning tags."""
    is_phrase: bool = False
    """Whether the tags are ordinary words: a text must then have both of them."""
    shows_in_texts: bool = True
    """Whether a text alone identifies the format: false if its tags may also occur in an answer."""


KNOWN_FORMATS = (
    ReasoningFormat(REASONING_TAGS),
    ReasoningFormat(ReasoningTags("<think>", "</think>", "<response>", "</response>"), signs=("<think>", "<response>")),
    ReasoningFormat(HARMONY, r"gpt-?oss", signs=("<|channel|>", "<|message|>")),
    ReasoningFormat(ReasoningTags("[THINK]", "[/THINK]"), r"magistral|ministral.*reasoning"),
    ReasoningFormat(ReasoningTags("<seed:think>", "</seed:think>"), r"seed-?oss"),
    ReasoningFormat(ReasoningTags("<|channel>thought", "<channel|>"), r"gemma-?4", signs=("<|channel>", "<channel|>")),
    ReasoningFormat(
        ReasoningTags("<|START_THINKING|>", "<|END_THINKING|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"),
        r"command-a-reasoning",
    ),
    ReasoningFormat(
        ReasoningTags("<|begin_of_thought|>", "<|end_of_thought|>", "<|begin_of_solution|>", "<|end_of_solution|>"),
        r"openthinker|sky-t1",
    ),
    ReasoningFormat(ReasoningTags("◁think▷", "◁/think▷"), r"kimi-vl.*thinking"),
    ReasoningFormat(ReasoningTags("<thinking>", "</thinking>")),
    ReasoningFormat(
        ReasoningTags("<thinking>", "</thinking>", "<output>", "</output>"), signs=("<thinking>", "<output>")
    ),
    ReasoningFormat(ReasoningTags("<thought>", "</thought>"), r"exaone-deep"),
    ReasoningFormat(ReasoningTags("<Thought>", "</Thought>", "<Output>", "</Output>"), r"marco-o1"),
    ReasoningFormat(ReasoningTags("<reasoning>", "</reasoning>")),
    ReasoningFormat(ReasoningTags("<reason>", "</reason>"), shows_in_texts=False),
    ReasoningFormat(
        ReasoningTags("Here is my thought process:", "Here is my response:"), r"granite-3\.[12]", is_phrase=True
    ),
)
"""The formats of known reasoning models, the most common first."""
KNOWN_TAGS = tuple(each.tags for each in KNOWN_FORMATS)


def tags_in(text: str) -> ReasoningTags | None:
    """The tags of the first format whose signs all occur in a text, such as a model's chat template."""
    return next(
        (
            each.tags
            for each in KNOWN_FORMATS
            if all(sign in text for sign in each.signs or (each.tags.think_open, each.tags.think_close))
        ),
        None,
    )


def tags_of_model(name: str) -> ReasoningTags | None:
    """The tags of a model's family, guessed from its name. None for other names."""
    found = (each for each in KNOWN_FORMATS if each.models and re.search(each.models, name, re.IGNORECASE))
    return next((each.tags for each in found), None)


def begun_thought(prompt: str, tags: Sequence[ReasoningTags] = KNOWN_TAGS) -> str:
    """The text that a prompt begins for the model: from an unclosed opening tag on; "" if there is none."""
    start, opened = max(((prompt.rfind(each.think_open), each) for each in tags), key=lambda found: found[0])
    return "" if start < 0 or opened.think_close in prompt[start:] else prompt[start:]


def tags_of_text(text: str) -> ReasoningTags:
    """The tags by which a text of an unknown model is read: the usual ones, unless its form shows others.

    It shows others where it begins with their opening tag, or where their closing tag alone ends a paragraph or
    sentence (the template had begun the reasoning). A text that mentions tags is not split.
    """
    if REASONING_TAGS.think_open in text or REASONING_TAGS.think_close in text:
        return _with_answer(REASONING_TAGS, text)
    body = text.lstrip()
    if has_channels(body) or looks_plain(body):
        return HARMONY
    possible = [each for each in KNOWN_FORMATS if each.shows_in_texts]
    for each in possible:
        tags = each.tags
        if body.startswith(tags.think_open) and (not each.is_phrase or tags.think_close in body):
            return _with_answer(tags, text)
    for each in possible:
        if not each.is_phrase and each.tags != HARMONY and _ends_thought(each.tags, text):
            return _with_answer(each.tags, text)
    return REASONING_TAGS


def _with_answer(tags: ReasoningTags, text: str) -> ReasoningTags:
    """Of the formats with these reasoning tags, the first whose answer begins in the text behind the reasoning."""
    behind = text.rpartition(tags.think_close)[2].lstrip()
    same = (each for each in KNOWN_TAGS if (each.think_open, each.think_close) == (tags.think_open, tags.think_close))
    return next((each for each in same if behind.startswith(each.answer_open)), tags)


def _ends_thought(tags: ReasoningTags, text: str) -> bool:
    """Whether a closing tag stands in a text once, without an opening one, where a thought can end: not within code."""
    if text.count(tags.think_close) != 1 or tags.think_open in text:
        return False
    before = text.partition(tags.think_close)[0]
    return before.count("```") % 2 == 0 and _CAN_END.search(before[-80:]) is not None


_CAN_END = re.compile(r"(?:\A|\n|[.!?…。！？)\]])[ \t]*\Z|[^\s`'\"“”‘’«([{<>]\Z")
"""The end of a paragraph or sentence, or a word that touches the tag; no space or quotation mark within a sentence."""
