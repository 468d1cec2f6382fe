"""Reads model outputs, each beside the question, documents and gold data that it answers: files, records, tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from groundeval.errors import DataError, UsageError, excerpt
from groundeval.records import Example, Response
from groundeval.storage.any_records import read_any
from groundeval.storage.json_records import Layout, Record
from groundeval.tasks.formats.examples import Checked
from groundeval.tasks.formats.fields import missing, wrong

IN_MEMORY = "predictions"
"""What messages call records that come from no file."""


class Table(Protocol):
    """A pandas or polars DataFrame, a pyarrow table: rows with named columns."""

    @property
    def columns(self) -> Any:
        """The columns."""


Predictions: TypeAlias = str | Path | Iterable[Mapping[str, Any]] | Iterable[Response] | Table
"""A file of outputs or a run folder; records (a list of dicts, a `datasets.Dataset`); a table; or responses."""


def read_predictions(
    source: str | Path | Iterable[Mapping[str, Any]] | Table,
    checked: Checked | None = None,
    *,
    layout: Layout = "auto",
    name: str | None = None,
) -> Iterator[tuple[Example, str]]:
    """The examples with what the model said (field `output`), one at a time.

    `source` is a file of records in the ALCE or Trust-Score format (`groundeval.storage.any_records`), or records or a
    table with the same fields. An output may be empty, but has to be there. `checked` says what else is accepted, by
    default nothing amiss. Raises DataError for anything wrong in it.
    """
    checked = Checked() if checked is None else checked
    is_file = isinstance(source, str | Path)
    records = read_any(source, layout=layout, name=name) if is_file else records_of(source)  # type: ignore[arg-type]
    for record in records:
        yield checked.example(record), _output(record)


def responses_in(source: Any) -> list[Response] | None:
    """The responses in memory; None for records and tables.

    Raises DataError for responses beside other things, and for two responses to examples of one id.
    """
    if isinstance(source, Mapping) or not isinstance(source, list | tuple) or not source:
        return None
    if not any(isinstance(each, Response) for each in source):
        return None
    seen: dict[str, int] = {}
    for index, each in enumerate(source):
        if not isinstance(each, Response):
            raise DataError(
                f"{IN_MEMORY}[{index}]: it is {excerpt(each)}, and others are responses: give one kind only"
            )
        first = seen.setdefault(each.example.id, index)
        if first != index:
            raise DataError(f'{IN_MEMORY}[{index}]: the id "{each.example.id}" is that of {IN_MEMORY}[{first}] already')
    return list(source)


def records_of(source: Any) -> Iterator[Record]:
    """Records in memory, as a file would give them.

    A table has a value in every cell: what is missing there (None, NaN) is absent. Raises DataError for what is no list
    of records.
    """
    if isinstance(source, Mapping) and isinstance(source.get("data"), list):
        source = source["data"]
    if isinstance(source, Mapping | bytes) or not _has_rows(source):
        raise UsageError(
            f"predictions: {excerpt(source)}: must be a file, a run folder, a list of records or responses, or a table "
            "with a row for each record"
        )
    is_table, rows = _rows(source)
    count = 0
    for count, row in enumerate(rows, 1):
        if not isinstance(row, Mapping):
            raise DataError(
                f"{IN_MEMORY}[{count - 1}]: it is {excerpt(row)}; every record must be a dict "
                'such as {"question": ..., "output": ..., "docs": [...]}'
            )
        yield Record(IN_MEMORY, count, plain(row, drop_missing=is_table), in_memory=True)
    if not count:
        raise DataError(f"{IN_MEMORY}: holds no records")


def _has_rows(source: Any) -> bool:
    return hasattr(source, "columns") or isinstance(source, Iterable)


def _rows(source: Any) -> tuple[bool, Iterable[Any]]:
    """Whether it is a table, and its rows."""
    if hasattr(source, "to_pylist"):  # pyarrow
        return True, source.to_pylist()
    if hasattr(source, "to_dicts"):  # polars
        return True, source.to_dicts()
    if hasattr(source, "columns") and hasattr(source, "to_dict"):  # pandas
        return True, source.to_dict("records")
    return hasattr(source, "column_names"), source  # a Dataset of `datasets`, or a list


def plain(value: Any, *, drop_missing: bool = False) -> Any:
    """A value in the types of JSON: arrays and tuples as lists, scalars of numpy as Python's.

    `drop_missing`: fields without a value (None, NaN) are left out.
    """
    if isinstance(value, Mapping):
        found = {key: plain(each, drop_missing=drop_missing) for key, each in value.items()}
        return {key: each for key, each in found.items() if not (drop_missing and _is_missing(each))}
    if isinstance(value, list | tuple):
        return [plain(each, drop_missing=drop_missing) for each in value]
    if hasattr(value, "tolist"):  # numpy and pyarrow, arrays and scalars
        return plain(value.tolist(), drop_missing=drop_missing)
    return value


def _is_missing(value: Any) -> bool:
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def _output(record: Record) -> str:
    output = record.data.get("output")
    if type(output) is str:
        return output
    advice = 'Write "" for an empty output: it counts as an answer that says nothing.'
    if "output" not in record.data:
        missing(record, "output", f"Every record needs the model's text. {advice}")
    return wrong(record, "output", output, "a string, the model's text", advice)
