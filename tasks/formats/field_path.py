"""Field paths: the syntax by which a YAML task names a place in a record, for instance `passages[].text`.

`a.b` is a field of a field, `a[0]` an element (`a[-1]` the last), `a[1:]` a part of a list, `a[]` every element, `a.*`
every value of an object, `["any name"]` a field whose name has dots or brackets, and `.` the value itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from groundeval.errors import kind_of, quoted

Step = str | int | slice | None
"""A field's name, an index, a slice, or None for every value of an object."""

_STEP = re.compile(
    r"""\[\s*(?: (?P<index>-?\d+) | (?P<start>-?\d*)\s*:\s*(?P<stop>-?\d*) | "(?P<quoted>[^"]+)" | (?P<all>) )\s*\]
      | (?P<star>\*)
      | (?P<name>[^.\[\]*]+)""",
    re.VERBOSE,
)


class Absent(Exception):
    """The place does not exist; `str()` gives the part of the path that exists, and what is there instead."""


@dataclass(frozen=True, slots=True)
class FieldPath:
    """A parsed path."""

    text: str
    steps: tuple[Step, ...]

    @property
    def many(self) -> bool:
        """Whether the path leads to a list of places (`[]`, `[1:]`, `.*`) rather than to one."""
        return any(step is None or isinstance(step, slice) for step in self.steps)

    def find(self, value: Any) -> Any:
        """The value at the place, or the list of values if the path leads to many. Raises Absent."""
        found = _walk(value, self.steps, "")
        return found if self.many else found[0]


def parse_path(text: str) -> FieldPath:
    """Parse a path. Raises ValueError, which names the faulty place."""
    if text.strip() == ".":
        return FieldPath(".", ())
    steps: list[Step] = []
    position = 0
    while position < len(text):
        if steps and text[position] == ".":
            position += 1
        elif steps and text[position] != "[":
            raise ValueError(f"in the path {text!r}: a dot is missing before {text[position:]!r}")
        match = _STEP.match(text, position)
        if match is None:
            raise ValueError(f"in the path {text!r}: {text[position:]!r} is not a field name, [index], [] or *")
        steps.append(_step(match))
        position = match.end()
    if not steps:
        raise ValueError("the path is empty: name a field, for instance passages[].text")
    return FieldPath(text, tuple(steps))


def _step(match: re.Match[str]) -> Step:
    if match["name"] is not None:
        if not match["name"].strip():
            raise ValueError(f"in the path {match.string!r}: a field name is missing")
        return match["name"].strip()
    if match["quoted"] is not None:
        return match["quoted"]
    if match["index"] is not None:
        return int(match["index"])
    if match["star"] is not None:
        return None
    bounds = [int(bound) if bound else None for bound in (match["start"], match["stop"])]
    return slice(*bounds)


def _walk(value: Any, steps: tuple[Step, ...], at: str) -> list[Any]:
    for index, step in enumerate(steps):
        if isinstance(step, str):
            here = f"{at}.{step}" if at else step
            if not isinstance(value, Mapping):
                raise Absent(f'"{here}" does not exist: "{at or "."}" is {kind_of(value)}, not an object')
            if step not in value:
                raise Absent(f'"{here}" does not exist; there is {quoted(value, 10) if value else "nothing"}')
            value, at = value[step], here
        elif isinstance(step, int):
            at = f"{at}[{step}]"
            if not isinstance(value, list):
                raise Absent(f'"{at}" does not exist: there is {kind_of(value)} instead of a list')
            if not -len(value) <= step < len(value):
                raise Absent(f'"{at}" does not exist: the list has {len(value)} elements')
            value = value[step]
        else:
            branches = _branches(value, step, at)
            return [found for place, branch in branches for found in _walk(branch, steps[index + 1 :], place)]
    return [value]


def _branches(value: Any, step: slice | None, at: str) -> list[tuple[str, Any]]:
    if step is None:
        if not isinstance(value, Mapping):
            raise Absent(f'"{at}.*" does not exist: "{at or "."}" is {kind_of(value)}, not an object')
        return [(f"{at}.{name}" if at else str(name), branch) for name, branch in value.items()]
    if not isinstance(value, list):
        raise Absent(f'"{at}[]" does not exist: "{at or "."}" is {kind_of(value)}, not a list')
    return [(f"{at}[{index}]", value[index]) for index in range(len(value))[step]]
