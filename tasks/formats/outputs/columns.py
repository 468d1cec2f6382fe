"""Sources that are a single object: a table by columns, or a log that holds its records in a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from groundeval.storage.json_records import Record
from groundeval.tasks.formats.outputs.anywhere import SHAPE
from groundeval.tasks.formats.outputs.conversations import is_conversation, question_in
from groundeval.tasks.formats.outputs.named import OUTPUTS
from groundeval.tasks.formats.outputs.parts import objects
from groundeval.tasks.formats.outputs.texts import QUESTIONS
from groundeval.tasks.formats.outputs.unfolded import unfolded

_LOOKED_AT = 5
"""Number of objects of a list by which it is known to hold records."""


def by_rows(records: Iterator[Record]) -> Iterator[Record]:
    """The records; of a source that is a single table by columns or a single log, its rows."""
    first = next(records, None)
    if first is None:
        return
    second = next(records, None)
    rows = rows_in(first.data) or _listed_in(first.data) if second is None else None
    if rows is None:
        for record in chain([first] if second is None else [first, second], records):
            yield replace(record, data=unfolded(record.data))
        return
    for number, row in enumerate(rows, 1):
        yield Record(first.file, number, unfolded(row), first.in_memory)


def rows_in(data: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of a table by columns; None for anything else."""
    if all(isinstance(each, Mapping) for each in data.values()):  # as pandas writes columns, by row
        columns: dict[str, Any] = {name: list(each.values()) for name, each in data.items()}
    else:
        columns = dict(data)
    if not all(isinstance(each, list) for each in columns.values()):
        return None
    # A conversation is a list, too: questions and outputs have to be columns of texts.
    if not (_texts(columns, QUESTIONS) and _texts(columns, OUTPUTS)):
        return None
    lengths = {len(each) for each in columns.values()}
    if len(lengths) != 1 or lengths == {0}:
        return None
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _texts(columns: Mapping[str, list[Any]], names: Iterable[str]) -> bool:
    return any(all(isinstance(each, str) for each in columns[name]) for name in names if name in columns)


def _listed_in(data: Mapping[str, Any], depth: int = 3) -> list[dict[str, Any]] | None:
    """The records of a log, `{"eval": {...}, "samples": [...]}`: its longest list of objects with question and output.

    None for an object that is a record itself.
    """
    if depth == 3 and question_in(data) is not None:
        return None
    if question_in(data) is not None and any(isinstance(data.get(name), str) for name in OUTPUTS):
        return None  # lists beside a question and its output are parts of one record
    lists: list[list[dict[str, Any]]] = [value for value in data.values() if _holds_records(value)]
    if lists:
        return max(lists, key=len)
    if not depth:
        return None
    inside = [value if isinstance(value, list) else [value] for value in data.values()]
    nested = ([row for each in objects(values) for row in _listed_in(each, depth - 1) or []] for values in inside)
    return next((rows for rows in nested if rows), None)


def _holds_records(value: Any) -> bool:
    items = objects(value)
    if not items or len(items) != len(value) or is_conversation(value):
        return False
    return any(SHAPE.fits(unfolded(item)) for item in items[:_LOOKED_AT])
