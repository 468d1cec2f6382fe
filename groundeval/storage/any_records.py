"""Reads records from a file of any format that is known, told by its content before its name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from groundeval.errors import DataError
from groundeval.storage.archived import is_archive_of_samples, read_archive
from groundeval.storage.columnar import columnar_kind, read_columnar
from groundeval.storage.compression import SUFFIXES, opened
from groundeval.storage.delimited import delimiter_of, read_delimited
from groundeval.storage.json_records import Layout, Record, read_records

FORMATS = "JSON, JSON lines, CSV, TSV (each also as .gz, .xz, .bz2, .zst), Parquet, Arrow, Feather"
"""For messages and help."""

_DELIMITED = {".csv": None, ".tsv": "\t", ".tab": "\t"}
_JSON = (".json", ".jsonl", ".ndjson")
_COLUMNAR = (".parquet", ".arrow", ".feather")


def read_any(
    path: str | Path, *, layout: Layout = "auto", name: str | None = None, fill: bool = False
) -> Iterator[Record]:
    """The records of a file in any of `FORMATS`, or of a folder that `datasets` saved, one at a time.

    A file that begins like JSON is JSON and one that begins like Parquet is Parquet, whatever it is called; the name
    decides between CSV, TSV and nothing of the kind. `fill`: as `read_columnar` takes
    it. Raises UserError as the readers of each format do.
    """
    path = Path(path)
    shown = name or str(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        # A pipe can be read only once, so its content cannot be inspected first.
        yield from read_records(path, layout=layout, name=name)
        return
    kind = columnar_kind(path)
    if kind is not None:
        yield from read_columnar(path, shown, kind, fill=fill)
    elif path.is_file() and is_archive_of_samples(path):
        yield from read_archive(path, shown)
    elif path.is_dir():
        raise DataError(f"{shown} is a folder that `datasets` did not save; name a file: {FORMATS}")
    elif (delimiter := _delimiter(path, shown)) is not None:
        with opened(path, shown) as stream:
            yield from read_delimited(stream, shown, delimiter=delimiter)
    else:
        yield from read_records(path, layout=layout, name=name)


def _delimiter(path: Path, name: str) -> str | None:
    """The delimiter of a CSV or TSV file; None for a file to be read as JSON."""
    with opened(path, name) as stream:
        begin = _first_line(stream)
    if begin.lstrip()[:1] in ("{", "["):
        return None
    suffix = _suffix(path)
    if suffix in _DELIMITED:
        return _DELIMITED[suffix] or delimiter_of(begin) or ","
    return None if suffix in _JSON else delimiter_of(begin)


def _first_line(stream: IO[bytes]) -> str:
    begin = stream.read(1 << 16)
    return begin.decode("utf-8", "replace").lstrip("\ufeff").partition("\n")[0]


def has_known_name(path: Path) -> bool:
    """Whether a file is called as those of `FORMATS` are."""
    return _suffix(path) in (*_DELIMITED, *_JSON, *_COLUMNAR)


def _suffix(path: Path) -> str:
    """The ending of the name, without that of the compression."""
    suffixes = [each.lower() for each in path.suffixes]
    while suffixes and suffixes[-1] in SUFFIXES:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""
