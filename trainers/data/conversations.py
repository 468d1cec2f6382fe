"""Ready-made training data in TRL's format: conversations, and preferences between two answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundeval.errors import DataError, excerpt
from groundeval.records import Document, Example
from groundeval.storage.json_records import Record, read_records
from groundeval.tasks.formats.fields import missing, wrong

Messages = list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Imitation:
    """A prompt and the answer to learn."""

    prompt: Messages
    completion: str


@dataclass(frozen=True, slots=True)
class Preference:
    """A prompt, the better answer and the worse one."""

    prompt: Messages
    chosen: str
    rejected: str


def as_examples(path: str | Path, count: int | None = None) -> list[Example]:
    """The conversations as examples for the overlap check, one per record, by position.

    A conversation does not mark its question: every line of its prompt may be the question, and every line may be a
    document.
    """
    examples = []
    for number, record in enumerate(_first(path, count)):
        lines = [line for message in _asked(record) for line in message["content"].splitlines() if line.strip()]
        docs = tuple(Document("", line) for line in lines)
        examples += [Example(str(number), part, docs) for part in _questions(lines)] or [Example(str(number), "", docs)]
    return examples


def _asked(record: Record) -> Messages:
    if "completion" in record.data or "messages" in record.data:
        return _imitation(record).prompt
    return _preference(record).prompt


def _questions(lines: Sequence[str]) -> Iterator[str]:
    """The lines that may be the question, without a label such as `Question:`."""
    for line in lines:
        text = line.partition(":")[2] if line.lower().startswith(("question:", "q:")) else line
        if text.strip().endswith("?") or text is not line:
            yield text.strip()


def read_imitations(path: str | Path, count: int | None = None) -> list[Imitation]:
    """The records of a file with `prompt` and `completion`, or with `messages` whose last turn is the answer.

    A prompt is a list of messages or the text of the user's turn. Raises DataError for anything else, naming file,
    record, field and what is allowed.
    """
    return [_imitation(record) for record in _first(path, count)]


def read_preferences(path: str | Path, count: int | None = None) -> list[Preference]:
    """The records of a file with `prompt`, `chosen` and `rejected`; each a text or a list of messages.

    If `chosen` is a whole conversation, its last turn is the answer and the others are the prompt.
    """
    return [_preference(record) for record in _first(path, count)]


def _first(path: str | Path, count: int | None) -> Iterator[Record]:
    read = 0
    for record in read_records(path):
        if count is not None and read >= count:
            return
        read += 1
        yield record
    if count is not None and read < count:
        raise DataError(f"{path}: {count} records are required (`count`), but it has {read}")


def _imitation(record: Record) -> Imitation:
    if "messages" in record.data:
        messages = _messages(record, "messages", record.data["messages"])
        return Imitation(messages[:-1], _last_answer(record, "messages", messages))
    return Imitation(_prompt(record), _answer(record, "completion"))


def _preference(record: Record) -> Preference:
    chosen = record.data.get("chosen")
    if isinstance(chosen, list) and len(chosen) > 1:
        messages = _messages(record, "chosen", chosen)
        return Preference(messages[:-1], _last_answer(record, "chosen", messages), _answer(record, "rejected"))
    return Preference(_prompt(record), _answer(record, "chosen"), _answer(record, "rejected"))


def _prompt(record: Record) -> Messages:
    value = record.data.get("prompt")
    if isinstance(value, str) and value.strip():
        return [{"role": "user", "content": value}]
    if value is None:
        missing(record, "prompt", "A record is {prompt, completion}, {messages}, or {prompt, chosen, rejected}.")
    return _messages(record, "prompt", value)


def _answer(record: Record, field: str) -> str:
    value = record.data.get(field)
    if isinstance(value, str):
        return value
    if value is None:
        missing(record, field, "A record is {prompt, completion}, {messages}, or {prompt, chosen, rejected}.")
    messages = _messages(record, field, value)
    return _last_answer(record, field, messages)


def _last_answer(record: Record, field: str, messages: Messages) -> str:
    if messages[-1]["role"] != "assistant":
        wrong(record, f"{field}[-1].role", messages[-1]["role"], '"assistant": the last turn is the answer to learn')
    return messages[-1]["content"]


def _messages(record: Record, field: str, value: Any) -> Messages:
    form = 'a text, or a list of messages {"role": ..., "content": ...}'
    if not isinstance(value, list) or not value:
        wrong(record, field, value, form)
    for place, message in enumerate(value):
        if not isinstance(message, dict) or not all(isinstance(message.get(key), str) for key in ("role", "content")):
            raise DataError(
                f'{record.where}: field "{field}[{place}]" is {excerpt(message)}; it must be '
                '{"role": "user", "content": "..."}'
            )
    return [{"role": message["role"], "content": message["content"]} for message in value]
