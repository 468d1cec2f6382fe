"""The harmony format of gpt-oss: reasoning and answer in channels, with special tokens or as decoded without them."""

from __future__ import annotations

import re

from groundeval.parsing.reasoning import REASONING_TAGS, ReasoningTags

HARMONY = ReasoningTags.harmony()

_HEADER = re.compile(
    r"(?:<\|start\|>[^<>|]*|assistant(?=<\|channel\|>))?<\|channel\|>\s*(analysis|commentary|final)\b[^<>|]*"
    r"(?:<\|constrain\|>[^<>|]*)?<\|message\|>"
)
_BEGINS = re.compile(r"(?:<\|start\|>assistant[^<>|]*|assistant)?<\|channel\|>\s*(?:analysis|commentary|final)\b")
_CONTINUES = re.compile(rf"<\|end\|>\s*(?:{_BEGINS.pattern})[^<>|]*<\|message\|>")
_MESSAGE_END = re.compile(r"<\|(?:end|return|call)\|>")
_PLAIN = re.compile(r"\s*(?:assistant)?analysis(?=\S)")
_PLAIN_FINAL = re.compile(r"\s*(?:assistant)?final(?=[^\sa-z])")
_FINAL = "assistantfinal"


def has_channels(text: str) -> bool:
    """Whether a text begins with the header of a channel, or has one behind the end of a message that the template
    began. One mentioned elsewhere is not a channel."""
    return _BEGINS.match(text) is not None or _CONTINUES.search(text) is not None


def looks_plain(text: str) -> bool:
    """Whether a text can only be harmony without its special tokens: `analysis` with text directly behind it at the
    beginning, and `assistantfinal`."""
    return _PLAIN.match(text) is not None and _FINAL in text


def in_usual_tags(text: str) -> str:
    """A text in the format as `<think>reasoning</think>answer`; any other text unchanged.

    All channels but `final` are reasoning; the last `final` is the answer. Without one, the thought is not closed.
    """
    pieces = _HEADER.split(text)
    if len(pieces) > 1:
        channels = list(zip(pieces[1::2], pieces[2::2], strict=True))
        thoughts = [pieces[0], *(body for name, body in channels if name != "final")]
        return _written(thoughts, [body for name, body in channels if name == "final"])
    if _BEGINS.match(text.lstrip()):
        return REASONING_TAGS.think_open
    if begun := _PLAIN.match(text):
        thought, final, answer = text[begun.end() :].rpartition(_FINAL)
        return _written([thought], [answer]) if final else _written([answer], [])
    if begun := _PLAIN_FINAL.match(text):
        return text[begun.end() :]
    return text


def _written(thoughts: list[str], answers: list[str]) -> str:
    said = [part for part in (_message(each).strip() for each in thoughts) if part]
    reasoning = REASONING_TAGS.think_open + "\n".join(said)
    if not answers:
        return reasoning
    answer = _message(answers[-1])
    return f"{reasoning}{REASONING_TAGS.think_close}{answer}" if said else answer


def _message(body: str) -> str:
    """The text of a message; what stands between its end and the next header belongs to no message."""
    return _MESSAGE_END.split(body, maxsplit=1)[0]
