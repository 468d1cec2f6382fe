"""Records as their tools meant them: lists of keys and values, numbered names and JSON in texts, put back.

Logs of spans (OpenTelemetry and what builds on it) and tables of traces flatten objects in these three ways.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from groundeval.tasks.formats.outputs.conversations import is_conversation, question_in
from groundeval.tasks.formats.outputs.roles import asked, said, shown
from groundeval.tasks.formats.outputs.texts import decoded

_DEPTH = 3
_NUMBERED = re.compile(r"(.+?)\.(\d+)(?:\.(.+))?")
_NUMBERED_COLUMN = re.compile(r"(.*?[^\d\W])[ _-]*(\d{1,3})")
_MOST_ITEMS = 1_000
_PAIR = {"key", "value"}


def unfolded(data: Mapping[str, Any]) -> dict[str, Any]:
    """A record with what was flattened in it put back; itself where nothing was."""
    found: dict[str, Any] = _unfolded(data if isinstance(data, dict) else dict(data), _DEPTH)
    return found


def _unfolded(value: Any, depth: int) -> Any:
    if isinstance(value, list) and value and all(isinstance(each, Mapping) and each.keys() <= _PAIR for each in value):
        value = {str(each.get("key")): _typed(each.get("value")) for each in value}
    if not isinstance(value, dict) or not depth:
        return value
    inside = {
        name: _unfolded(each, depth - 1) if isinstance(each, dict | list) else each for name, each in value.items()
    }
    inside |= _lists({name: each for name, each in inside.items() if "." in str(name)})
    # Before its columns, of which each looks like documents, too.
    inside = {name: each for name, each in numbered_columns(inside).items() if shown((name,)) is not None} | inside
    inside |= _read(inside)
    same = len(inside) == len(value) and all(each is value.get(name) for name, each in inside.items())
    return value if same else inside


def _typed(value: Any) -> Any:
    """A value of OpenTelemetry without its type: `{"stringValue": "x"}`."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return value
    [(kind, inner)] = value.items()
    if kind == "arrayValue" and isinstance(inner, Mapping):
        return [_typed(each) for each in inner.get("values") or []]
    return inner if str(kind).endswith("Value") else value


def _lists(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The lists that numbered names stand for: `documents.0.content`, `documents.1.content`."""
    found: dict[str, dict[int, Any]] = {}
    for name, value in flat.items():
        match = _NUMBERED.fullmatch(name)
        if match is None or int(match[2]) >= _MOST_ITEMS:
            continue
        items = found.setdefault(match[1], {})
        if match[3] is None:
            items[int(match[2])] = value
        elif isinstance(items.setdefault(int(match[2]), {}), dict):
            items[int(match[2])][match[3]] = value
    return {
        name: [_nested(items[number]) for number in sorted(items)] for name, items in found.items() if name not in flat
    }


def series(name: str) -> str | None:
    """What is before the number at the end of a column's name; None where there is no number."""
    match = _NUMBERED_COLUMN.fullmatch(name)
    return None if match is None else match[1]


def numbered_columns(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """The texts of columns that differ by the number at the end: `context 1` and `context 2` as `context`, in order."""
    found: dict[str, dict[int, str]] = {}
    for name, value in data.items():
        match = _NUMBERED_COLUMN.fullmatch(str(name))
        if match is not None and isinstance(value, str):
            found.setdefault(match[1], {})[int(match[2])] = value
    several = {name: items for name, items in found.items() if len(items) > 1 and name not in data}
    return {name: [items[number] for number in sorted(items)] for name, items in several.items()}


def _nested(item: Any) -> Any:
    """`{"document.content": ...}` as `{"content": ...}`: the first name of all of them says nothing more."""
    if not isinstance(item, dict) or not item:
        return item
    return {name.rpartition(".")[2]: value for name, value in item.items()}


def _read(data: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked, read from its JSON; only beside it is an output read so, for a model may write JSON itself."""
    found = {name: inner for name, value in data.items() if (inner := _asked_in(str(name), value)) is not None}
    if not found:
        return {}
    for name, value in data.items():
        if isinstance(value, str) and said(tuple(str(name).split("."))) is not None:
            inner = _json(value)
            if isinstance(inner, dict | str) or is_conversation(inner):
                found[name] = inner
    return found


def _asked_in(name: str, value: Any) -> Any:
    if not isinstance(value, str) or asked(tuple(name.split("."))) is None:
        return None
    inner = decoded(value)
    holds = is_conversation(inner) or (isinstance(inner, Mapping) and question_in(inner) is not None)
    return inner if holds else None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
