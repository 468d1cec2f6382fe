"""Reads CSV and TSV as a stream of records: the first line names the fields, every cell is a text."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import IO

from groundeval.errors import DataError, excerpt, quoted
from groundeval.storage.json_records import Record, not_utf8

DELIMITERS = (",", "\t", ";", "|")
_LONGEST_LINE = 1 << 26
_LONGEST_CELL = 1 << 26
"""Characters, of which the reader takes four bytes each: a quote that is never closed would otherwise take the rest of
the file for one cell."""


def delimiter_of(header: str) -> str | None:
    """The most frequent delimiter in a header line, outside quotes; None if there is none."""
    outside = "".join(header.split('"')[::2])
    found = max(DELIMITERS, key=outside.count)
    return found if found in outside else None


def read_delimited(stream: IO[bytes], name: str, *, delimiter: str | None = None) -> Iterator[Record]:
    """The records of a CSV or TSV file (UTF-8), one at a time; `delimiter` None: by the header.

    Raises DataError for a file that is empty or not UTF-8, for a header that names a field twice, and for a line that
    has more or fewer cells than the header.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    csv.field_size_limit(_LONGEST_CELL)
    line = 1
    try:
        lines = _lines(text, name)
        first = next(lines, "")
        if not first.strip():
            raise DataError(f"{name} is empty: its first line must name the fields")
        found = csv.reader(chain([first], lines), delimiter=delimiter or delimiter_of(first) or ",", strict=True)
        header = _header(next(found), name)
        number = 0
        line = found.line_num + 1
        for cells in found:
            if cells:
                number += 1
                yield Record(name, number, _record(cells, header, name, line), line=line)
            line = found.line_num + 1
    except UnicodeDecodeError as error:
        raise not_utf8(name, f", on line {line} or after it:", error) from None
    except csv.Error as error:
        raise DataError(
            f"{name}, record from line {line}: {error}.\n"
            "  A cell that contains a quote must be in quotes, with the quote written twice"
        ) from None
    if not number:
        raise DataError(f"{name} holds no records: only the line that names the fields ({quoted(header)})")


def _lines(text: io.TextIOWrapper, name: str) -> Iterator[str]:
    number = 0
    while line := text.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE:
            raise DataError(f"{name}, line {number}: more than {_LONGEST_LINE} characters in one line")
        yield line


def _header(cells: list[str], name: str) -> list[str]:
    fields = [cell.strip() for cell in cells]
    counted = Counter(fields)
    twice = [field for field in fields if counted[field] > 1]
    if twice:
        raise DataError(
            f"{name}, line 1: the field {excerpt(twice[0])} is named twice; the fields are {quoted(fields)}"
        )
    return fields


def _record(cells: list[str], header: list[str], name: str, line: int) -> dict[str, str]:
    if len(cells) != len(header):
        more = "A cell with a delimiter or a line break must be in quotes"
        raise DataError(
            f"{name}, line {line}: {len(cells)} cells, and the header names {len(header)} fields ({quoted(header)}).\n"
            f"  The line begins with {excerpt(cells[0])}. {more}"
        )
    # A first column without a name is the row number that pandas writes.
    return {field: cell for field, cell in zip(header, cells, strict=True) if field}
