"""Reads Parquet, Arrow and Feather files, and folders that `datasets` saved, in batches of rows."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from groundeval.errors import DataError, GroundevalError, UsageError, excerpt, quoted
from groundeval.extras import require
from groundeval.storage.file_kinds import HEAD, kind_of_file
from groundeval.storage.json_records import Record

ROWS = 256
"""Most rows in memory at a time."""
MOST_AT_ONCE = 512 << 20
"""Bytes that the rows in memory may take, if each held all that a column has: equal values are stored only once."""
MOST_UNFOLDED, MOST_FOLDED = 1 << 30, 200
"""Bytes that a group of rows may unfold to, unless the file has a two hundredth of them."""

MOST_EMPTY_ROWS = 10_000_000
"""Rows that a file may have if they are more than its bytes: it takes no room to say that there are many empty ones."""

_STATE, _SPLITS = "state.json", "dataset_dict.json"
"""What `datasets` writes beside the data of one data set, and of one with several splits."""


def columnar_kind(path: Path) -> str | None:
    """`parquet`, `arrow` or `stream` by the first bytes of a file; `folder`; None for anything else."""
    if path.is_dir():
        return "folder" if (path / _STATE).is_file() or (path / _SPLITS).is_file() else None
    try:
        with path.open("rb") as file:
            begin = file.read(HEAD)
    except OSError:
        return None
    kind = kind_of_file(begin)
    if kind is None or kind.name not in ("parquet", "arrow"):
        return None
    return "stream" if kind.name == "arrow" and not begin.startswith(b"ARROW1") else kind.name


def read_columnar(path: Path, name: str, kind: str, *, fill: bool = False) -> Iterator[Record]:
    """The records of a file or folder of `columnar_kind`, one at a time; a cell without a value is an absent field.

    With `fill` there is something in its place: `filled`.
    Raises UsageError where pyarrow is missing, and DataError for a file that is damaged or has no rows.
    """
    require("tables", f"{name}: reading {'Parquet' if kind == 'parquet' else 'Arrow'} files")
    number = 0
    for row in _rows(path, name, kind, fill):
        number += 1
        yield Record(name, number, row)
    if not number:
        raise DataError(f"{name} holds no records")


def _rows(path: Path, name: str, kind: str, fill: bool) -> Iterator[dict[str, Any]]:
    try:
        for batch in _batches(path, name, kind):
            refuse_named_twice(batch.schema.names, name)
            flat = is_flat(batch.schema)
            for row in batch.to_pylist():
                values = {field: value for field, value in row.items() if value is not None}
                yield filled(values, row, is_flat=flat) if fill else values
    except GroundevalError:
        raise
    except Exception as error:
        # Damaged bytes, and values that Python does not have (a date in the year 5,000,000), make pyarrow raise much.
        raise DataError(f"{name} cannot be read as {kind}: {' '.join(str(error).split())[:200]}") from error


def is_flat(schema: Any) -> bool:
    """Whether the columns of an Arrow schema are all of texts and numbers, as those of CSV are."""
    from pyarrow import types

    return not any(types.is_nested(field.type) for field in schema)


def filled(values: Mapping[str, Any], row: Iterable[str], *, is_flat: bool) -> dict[str, Any]:
    """A row with something in the cells that have no value.

    In a flat table it is an empty text, so that the table is read as the CSV file that says the same. In others,
    which could be JSON, it is null.
    """
    return {name: values.get(name, "" if is_flat else None) for name in row}


def refuse_named_twice(columns: Iterable[object], name: str) -> None:
    """Raise DataError for a table two of whose columns have the same name: only one of them would be read."""
    counted = Counter(columns)
    twice = next((column for column, count in counted.items() if count > 1), None)
    if twice is not None:
        raise DataError(
            f"{name}: the column {excerpt(twice)} is named twice; the columns are {quoted(map(str, counted))}"
        )


def _batches(path: Path, name: str, kind: str) -> Iterator[Any]:
    if kind == "folder":
        for file in _shards(path, name):
            yield from _batches(file, name, columnar_kind(file) or "stream")
    elif kind == "parquet":
        from pyarrow import parquet

        with parquet.ParquetFile(path) as file:
            _refuse_empty_rows(file.metadata.num_rows, path, name)
            yield from file.iter_batches(_rows_at_once(_largest_group(file.metadata, path, name)))
    else:
        yield from _arrow_batches(path, name, kind)


def _arrow_batches(path: Path, name: str, kind: str) -> Iterator[Any]:
    import pyarrow as arrow
    from pyarrow import ipc

    with arrow.memory_map(str(path)) as source:
        reader = ipc.open_stream(source) if kind == "stream" else ipc.open_file(source)
        batches = reader if kind == "stream" else map(reader.get_batch, range(reader.num_record_batches))
        found = 0
        for batch in batches:
            # Offsets of a damaged file may point outside of its texts: even its size must not be asked before.
            batch.validate(full=True)
            found += batch.num_rows
            _refuse_empty_rows(found, path, name)
            rows = _rows_at_once(batch.nbytes)
            for start in range(0, batch.num_rows, rows):
                yield batch.slice(start, rows)


def _refuse_empty_rows(rows: int, path: Path, name: str) -> None:
    if rows > MOST_EMPTY_ROWS and rows > path.stat().st_size:
        raise DataError(f"{name}: it has {rows:,} rows, more than bytes. It is not read.")


def _rows_at_once(size: int) -> int:
    """Number of rows that are read together, where a value has at most so many bytes."""
    return max(1, min(ROWS, MOST_AT_ONCE // max(size, 1)))


def _largest_group(metadata: Any, path: Path, name: str) -> int:
    """The bytes that the largest group of rows takes in memory. Raises DataError for one that explodes.

    Its columns are not asked one by one: of a damaged file, pyarrow ends the process.
    """
    largest = 0
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        size = group.total_byte_size
        if size > MOST_UNFOLDED and size > MOST_FOLDED * path.stat().st_size:
            raise DataError(
                f"{name}: {group.num_rows:,} rows unfold to {size:,} bytes, in a file of {path.stat().st_size:,}. "
                "It is not read."
            )
        largest = max(largest, size)
    return largest


def _shards(folder: Path, name: str) -> list[Path]:
    """The files of a data set that `datasets` saved, in their order. DataError for links, which lead elsewhere."""
    _refuse_links([folder / _STATE, folder / _SPLITS], folder, name)
    if not (folder / _STATE).is_file():
        splits = json.loads((folder / _SPLITS).read_text(encoding="utf-8")).get("splits", [])
        one = folder / str(next(iter(splits), "SPLIT"))
        raise UsageError(f"{name} holds several data sets: {quoted(splits)}.\n  Name one: {one}")
    state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    if state.get("_indices_data_files"):
        raise UsageError(f"{name}: its rows are chosen by an index; save it again after flatten_indices()")
    files = [folder / str(each["filename"]) for each in state.get("_data_files", [])]
    missing = [file for file in files if file.parent != folder or not file.is_file()]
    if missing or not files:
        raise DataError(f"{name}: {missing[0] if missing else _STATE} is missing or names no file of the folder")
    _refuse_links(files, folder, name)
    return files


def _refuse_links(files: list[Path], folder: Path, name: str) -> None:
    link = next((file for file in files if file.is_symlink()), None)
    if link is not None:
        raise DataError(
            f"{name}: {link.name} is a link, which may lead out of the folder. It is not followed.\n"
            f"  If the folder is yours, copy it: {shlex.join(['cp', '-rL', str(folder), 'NEW'])}"
        )
