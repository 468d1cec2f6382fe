"""Tables stored by columns: one object whose fields are lists of the same length, or objects of rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from groundeval.storage.json_records import Record
from groundeval.tasks.formats.outputs.named import OUTPUTS
from groundeval.tasks.formats.outputs.texts import QUESTIONS


def by_rows(records: Iterator[Record]) -> Iterator[Record]:
    """The records; of a source that is a single table by columns, its rows."""
    first = next(records, None)
    if first is None:
        return
    second = next(records, None)
    rows = rows_in(first.data) if second is None else None
    if rows is None:
        yield first
        yield from chain([] if second is None else [second], records)
        return
    for number, row in enumerate(rows, 1):
        yield Record(first.file, number, row, first.in_memory)


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
