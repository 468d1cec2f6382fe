"""Parsing the answer of an OpenAI-compatible server into a completion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundeval.errors import excerpt
from groundeval.generation.interface import Completion
from groundeval.parsing.reasoning import ReasoningTags
from groundeval.records import cut_at_limit


def completion_of(sample: str, answer: Any, prefill: str, tags: ReasoningTags) -> Completion:
    """The completion in an answer.

    Raises ValueError, LookupError, TypeError or AttributeError if there is none.
    """
    choice = answer["choices"][0]
    finish = choice.get("finish_reason")
    usage = answer.get("usage")
    return Completion(
        sample,
        _text(choice, finish, prefill, tags),
        finish_reason=finish if isinstance(finish, str) else None,
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
    )


def _count(usage: object, name: str) -> int | None:
    """A number of tokens; None if the server gives none: the answer is valid without it."""
    found = usage.get(name) if isinstance(usage, dict) else None
    return found if type(found) is int and found >= 0 else None


def _text(choice: Mapping[str, Any], finish: object, prefill: str, tags: ReasoningTags) -> str:
    """A choice's text, preceded by reasoning that the server split off, as a think block.

    Without tags, the text is the server's answer alone.
    """
    if "message" not in choice:
        return _string(choice["text"])
    message = choice["message"]
    content, thought = _parts(message.get("content") or message.get("refusal"))
    reasoning = _words(message.get("reasoning_content") or message.get("reasoning")) or thought
    if not reasoning or tags == ReasoningTags.none():
        return content
    opened = "" if prefill else tags.think_open
    # An answer cut off while still thinking has no closing tag, so that it is recognised as such.
    closed = "" if cut_at_limit(finish) and not content else tags.think_close
    return f"{opened}{reasoning}{closed}{content}"


def _parts(content: object) -> tuple[str, str]:
    """The answer and the reasoning of a message's content, which is a text or a list of parts."""
    if not isinstance(content, list):
        return _words(content), ""
    answer = [_words(part) for part in content if not _is_thought(part)]
    thought = [_words(part) for part in content if _is_thought(part)]
    return "".join(answer), "".join(thought)


def _is_thought(part: object) -> bool:
    kind = part.get("type") if isinstance(part, dict) else None
    return isinstance(kind, str) and ("think" in kind or "reason" in kind)


def _words(value: object) -> str:
    """The text of a part, wherever its kind has it; a list is the texts of its parts. Raises TypeError for no text."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "".join(map(_words, value))
    if isinstance(value, dict):
        held = next((value[name] for name in _HOLDERS if value.get(name) is not None), None)
        if held is None and not _is_thought(value):
            raise TypeError(f"a part without text: {excerpt(value)}")
        return _words(held)
    return _string(value)


_HOLDERS = ("text", "thinking", "reasoning", "summary", "content", "refusal")
"""The fields in which a part's text may be. A thought that the server hides has none."""


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"must be text: {excerpt(value)}")
    return value
