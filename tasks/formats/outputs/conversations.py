"""Conversations in the forms in which tools write them: the question of a record, and what was said last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundeval.tasks.formats.outputs.parts import Data, Part, at, first_of, objects
from groundeval.tasks.formats.outputs.texts import QUESTIONS, text_of

_USER = ("user", "human", "humanmessage", "customer", "visitor")
_MODEL = ("assistant", "ai", "model", "chatbot", "gpt", "bot", "agent", "aimessage", "aimessagechunk")
_OTHERS = ("system", "tool", "developer", "function", "context", "systemmessage", "toolmessage", "message")
SYSTEM = ("system", "developer", "systemmessage")
_ROLES = frozenset((*_USER, *_MODEL, *_OTHERS))
CONVERSATIONS = ("messages", "conversations", "conversation", "input", "contents", "chat_history", "inputs")
"""Fields that hold a conversation."""
_TEXTS = ("content", "parts", "message", "value", "text", "data")


def role_of(turn: Data) -> str:
    """The role of a turn in lower case; empty where it has none."""
    role = next((turn[name] for name in ("role", "type", "from", "author", "sender", "speaker") if name in turn), "")
    role = role.get("role", "") if isinstance(role, dict) else role
    if role == "constructor":  # as LangChain serialises its messages
        role = at(turn, "id", -1)
    return str(role).lower()


def is_conversation(value: Any) -> bool:
    """Whether it is a list of turns, at least one of the user or the model."""
    turns = objects(value)
    if not turns or len(turns) != len(value) or role_of(turns[0]) not in _ROLES:
        return False
    roles = {role_of(turn) for turn in turns}
    return roles <= _ROLES and not roles.isdisjoint((*_USER, *_MODEL))


def last_question(turns: Any) -> str | None:
    """The text of the last turn of the user that has one."""
    for turn in reversed(objects(turns)):
        if role_of(turn) in _USER:
            text = turn_text(turn)
            if text and text.strip():
                return text
    return None


def last_answer(turns: Any) -> Data | None:
    """The last message of the assistant."""
    return next((turn for turn in reversed(objects(turns)) if role_of(turn) in _MODEL), None)


def turn_text(turn: Data) -> str | None:
    """The text of a turn."""
    inside = turn["kwargs"] if isinstance(turn.get("kwargs"), dict) else turn
    return next((text for name in _TEXTS if (text := text_of(inside.get(name))) is not None), None)


def answer_in(choices: Data) -> Data | None:
    """The message of a chat completion's first choice."""
    message = at(choices, "choices", 0, "message")
    return message if isinstance(message, dict) else None


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
    for name in (*CONVERSATIONS, *QUESTIONS):
        found = _asked(data.get(name))
        if found is not None:
            return Part(found, name)
    message = first_of(data, "message")
    return message if message is not None and isinstance(message.value, str) else None


def _asked(turns: Any) -> str | None:
    if isinstance(turns, Mapping):
        part = question_in(turns)
        return None if part is None else part.value
    return last_question(turns)
