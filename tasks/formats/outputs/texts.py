"""Texts in the forms in which tools write them: strings, blocks, messages, cells that hold JSON."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from groundeval.tasks.formats.outputs.parts import Data, Part, at, first_of, objects

QUESTIONS = (
    "question", "user_input", "query", "input", "user_query", "main_input", "user_question", "prompt", "request",
)  # fmt: skip
"""Fields that hold the question, the more specific first."""

_CONVERSATIONS = ("messages", "input", "contents", "chat_history", "inputs")

_TEXTS = ("text", "content", "value", "response", "answer", "result", "output", "output_text", "query", "question")


def text_of(value: Any) -> str | None:
    """A string, the text of a block or message, or the texts of a list of blocks one after the other; else None."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return next((text for name in _TEXTS if (text := text_of(value.get(name))) is not None), None)
    if isinstance(value, list) and value:
        texts = [text_of(each) for each in value if not isinstance(each, Mapping) or is_text(each)]
        return "".join(each for each in texts if each) if any(each is not None for each in texts) else None
    return None


def is_text(block: Data) -> bool:
    """Whether a block of a message is text of the answer: a tool call or a document is not."""
    return block.get("type", "text") in ("text", "input_text", "output_text", "message")


def decoded(value: Any) -> Any:
    """A value that a cell of a table holds as text: JSON, or a Python literal; anything else unchanged."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{", "("):
        return value
    for read in (lambda text: json.loads(text, strict=False), ast.literal_eval):
        try:
            found = read(value.strip())
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        return list(found) if isinstance(found, tuple) else found
    return value


def question_in(data: Any) -> Part | None:
    """The question of a record: a field of that name, or the last turn of the user in its messages or request."""
    if not isinstance(data, Mapping):
        return None
    for name in QUESTIONS:
        value = data.get(name)
        if isinstance(value, str) and value.strip():
            return Part(value, name)
        if isinstance(value, Mapping):
            inner = question_in(value) or first_of(value, "text", "content")
            if inner is not None and isinstance(inner.value, str):
                return Part(inner.value, f"{name}.{inner.field}")
    for name in (*_CONVERSATIONS, *QUESTIONS):
        found = _last_user_turn(data.get(name))
        if found is not None:
            return Part(found, name)
    message = first_of(data, "message")
    return message if message is not None and isinstance(message.value, str) else None


def _last_user_turn(turns: Any) -> str | None:
    if isinstance(turns, Mapping):
        part = question_in(turns)
        return None if part is None else part.value
    said = [turn for turn in objects(turns) if str(turn.get("role", turn.get("type", ""))).lower() in ("user", "human")]
    for turn in reversed(said):
        text = text_of(turn.get("content", turn.get("parts", turn.get("message"))))
        if text and text.strip():
            return text
    return None


def last_answer(turns: Any) -> Data | None:
    """The last message of the assistant."""
    roles = ("assistant", "ai", "model", "chatbot")
    found = [turn for turn in objects(turns) if str(turn.get("role", turn.get("type", ""))).lower() in roles]
    return found[-1] if found else None


def answer_in(choices: Data) -> Data | None:
    """The message of a chat completion's first choice."""
    message = at(choices, "choices", 0, "message")
    return message if isinstance(message, Mapping) else None
