"""The parts of a record of outputs, and the definition of a shape of records."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from groundeval.tasks.formats.outputs.roles import asked, said

PARTS = {
    "id": "a string or whole number that differs from record to record",
    "question": "the question, a string",
    "output": "the model's text, a string",
    "docs": "the documents that the model saw, in the order in which it cites them",
    "answers": "gold answers: a string, a list of strings, or a list of lists of aliases",
    "claims": "gold claims: a string or a list of strings",
    "answer": "a long reference answer, a string",
}
"""The parts of a record that can be mapped, with what each is."""

Data = Mapping[str, Any]


NO_OUTPUT = (
    "Remove a record that has none, such as a failed request. "
    'Write "" for an empty output: it counts as an empty answer.'
)


class Misfit(Exception):
    """A field whose value cannot be read as its part: the field, its value, and what is allowed."""

    def __init__(self, field: str, value: object, allowed: str) -> None:
        super().__init__(field)
        self.field, self.value, self.allowed = field, value, allowed


class Part(NamedTuple):
    """A part of a record, and the field that it was found in."""

    value: Any
    field: str


Parts = dict[str, Part]
"""By the names of `PARTS`, and `reference`: gold data not declared to be answers or claims."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The record format of one tool."""

    name: str
    """The name of the tool, for messages."""
    fits: Callable[[Data], bool]
    """Whether a record looks like one of this tool."""
    parts: Callable[[Data], Parts]
    """The parts of a record that fits. Raises `Misfit`."""
    is_whole: bool = False
    """Whether `parts` looks everywhere in a record; else what it does not find is looked for by the names of fields."""


def first_of(data: Data, *names: str) -> Part | None:
    """The first of these fields that the record has with a value."""
    return next((Part(data[name], name) for name in names if data.get(name) is not None), None)


def at(data: Any, *steps: str | int) -> Any:
    """The value behind names and indices; None where the path ends early."""
    for step in steps:
        if isinstance(step, str) and isinstance(data, Mapping):
            data = data.get(step)
        elif isinstance(step, int) and isinstance(data, list) and -len(data) <= step < len(data):
            data = data[step]
        else:
            return None
    return data


_ENVELOPES = ("response", "output", "completion", "result", "message", "body", "raw_response", "raw")


def within(data: Any, holds: Callable[[Data], bool], depth: int = 3) -> tuple[Data, str] | None:
    """The object that a test holds of, and the field that it lies in: the record itself, or what a log wraps."""
    if not isinstance(data, Mapping):
        return None
    if holds(data):
        return data, ""
    # What else is called an answer: `response_body`, `llmResponse`.
    called = (name for name in data if name not in _ENVELOPES and said((str(name),)) is not None)
    for name in (*_ENVELOPES, *called) if depth else ():
        found = within(data.get(name), holds, depth - 1)
        if found is not None:
            return found[0], f"{name}.{found[1]}".rstrip(".")
    return None


def requests_in(data: Data) -> Iterator[tuple[Data, str]]:
    """The requests that a log keeps beside answers, with their fields."""
    for name in ("request", "body", *(name for name in data if asked((str(name),)) is not None)):
        if isinstance(data.get(name), Mapping):
            yield data[name], str(name)


def objects(value: Any) -> list[Data]:
    """The objects of a list; none if it is not a list."""
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def offset(data: Data, name: str, place: str) -> int:
    """An offset in a text. Raises `Misfit` for anything but a whole number. `place`: path of the object."""
    value = data.get(name)
    if type(value) is not int:
        raise Misfit(f"{place}.{name}", value, "a whole number, an offset in the text")
    return value


def listed(value: Any, place: str) -> list[Any]:
    """A list, or none. Raises `Misfit` for anything else."""
    if value is not None and not isinstance(value, list):
        raise Misfit(place, value, "a list")
    return value or []
