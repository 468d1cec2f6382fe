"""Reading model outputs with their questions, documents and gold data from files, records and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from groundeval.errors import DataError, UsageError, excerpt
from groundeval.parsing.reasoning import ReasoningTags
from groundeval.records import Example, Response
from groundeval.storage.any_records import read_any
from groundeval.storage.json_records import Layout, Record
from groundeval.tasks.formats.examples import Checked
from groundeval.tasks.formats.fields import missing, wrong
from groundeval.tasks.formats.outputs.columns import by_rows, rows_in
from groundeval.tasks.formats.outputs.failed import failure_in
from groundeval.tasks.formats.outputs.own_format import is_written_here
from groundeval.tasks.formats.outputs.parts import NO_OUTPUT
from groundeval.tasks.formats.outputs.reader import OutputReader
from groundeval.tasks.formats.outputs.traces import joined
from groundeval.tasks.formats.tables import plain, table_rows

if TYPE_CHECKING:
    from groundeval.tasks.task import RecordFields

IN_MEMORY = "predictions"
"""Name in messages of records that come from no file."""


class Table(Protocol):
    """A pandas or polars DataFrame, or a pyarrow table: rows with named columns."""

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
    reader: OutputReader | None = None,
    fields: RecordFields | None = None,
) -> Iterator[tuple[Example, str]]:
    """The examples with the model's text, one at a time.

    `source` is a file of any format that is known (`groundeval.storage.any_records`), or records or a table, in
    groundeval's own format (that of ALCE and Trust-Score), where the output is the field `output`, or in that of
    another tool (`reader`). `fields` is the mapping of a task's own data; it counts where the records have its fields
    and are not complete in groundeval's format.
    An output may be empty, but has to be there. A record of a request that failed is left out
    (`groundeval.tasks.formats.outputs.failed`). `checked` says what else is accepted, by default nothing amiss. Raises
    DataError for anything wrong in it.
    """
    for example, output in _read(source, checked, layout=layout, name=name, reader=reader, fields=fields):
        if not isinstance(output, Failure):
            yield example, output


def read_responses(
    source: str | Path | Iterable[Mapping[str, Any]] | Table,
    checked: Checked | None = None,
    *,
    tags: ReasoningTags | None = None,
    reader: OutputReader | None = None,
    fields: RecordFields | None = None,
) -> Iterator[Response]:
    """The responses of a source, read as `read_predictions` does; one for each request that failed, too."""
    for example, output in _read(source, checked, reader=reader, fields=fields):
        if isinstance(output, Failure):
            yield Response.failed(example, output.reason)
        else:
            yield Response.build(example, output, tags=tags)


@dataclass(frozen=True, slots=True)
class Failure:
    """Stands for the output of a request that failed."""

    reason: str


def _read(
    source: str | Path | Iterable[Mapping[str, Any]] | Table,
    checked: Checked | None,
    *,
    layout: Layout = "auto",
    name: str | None = None,
    reader: OutputReader | None,
    fields: RecordFields | None,
) -> Iterator[tuple[Example, str | Failure]]:
    checked = Checked() if checked is None else checked
    reader = OutputReader() if reader is None else reader
    is_file = isinstance(source, str | Path)
    records = (
        read_any(source, layout=layout, name=name, fill=True)  # type: ignore[arg-type]
        if is_file
        else records_of(source)
    )
    records = joined(by_rows(records), reader.tell)
    first = next(records, None)
    if first is None:
        return
    records = chain([first], records)
    if fields is not None and fields.covers(first) and not is_written_here(first.data):
        for record in records:
            failure = failure_in(record.data)
            if failure is not None:
                yield checked.lenient(record), Failure(failure)
                continue
            output = reader.output_beside(fields.roots, record)
            example = checked.identified(fields.example(record, str(record.number - 1)), record)
            checked.complete(example, record)
            yield example, output
        return
    for record in reader.read(records):
        if record.failure is not None:
            yield checked.lenient(record), Failure(record.failure)
        else:
            yield checked.example(record), _output(record)


def responses_in(source: Any) -> list[Response] | None:
    """The responses in memory; None for records and tables.

    Raises DataError for responses mixed with other values, and for two responses with the same id.
    """
    if isinstance(source, Mapping) or not isinstance(source, list | tuple) or not source:
        return None
    if not any(isinstance(each, Response) for each in source):
        return None
    seen: dict[str, int] = {}
    for index, each in enumerate(source):
        if not isinstance(each, Response):
            raise DataError(
                f"{IN_MEMORY}[{index}]: it is {excerpt(each)}, but others are responses: give one kind only"
            )
        first = seen.setdefault(each.example.id, index)
        if first != index:
            raise DataError(f'{IN_MEMORY}[{index}]: the id "{each.example.id}" is already used by {IN_MEMORY}[{first}]')
    return list(source)


def records_of(source: Any) -> Iterator[Record]:
    """Records in memory, in the form in which a file gives them.

    Raises UsageError for anything but a list of records or a table, and DataError for one that cannot be read.
    """
    rows = None if isinstance(source, Mapping) else table_rows(source, IN_MEMORY)
    if isinstance(source, Mapping):
        source = source["data"] if isinstance(source.get("data"), list) else rows_in(source) or source
    if rows is None and (isinstance(source, Mapping | bytes) or not isinstance(source, Iterable)):
        raise UsageError(
            f"predictions: {excerpt(source)}: must be a file, a run folder, a list of records or responses, or a table "
            "with one row per record"
        )
    count = 0
    for count, row in enumerate(source if rows is None else rows, 1):
        if not isinstance(row, Mapping):
            raise DataError(
                f"{IN_MEMORY}[{count - 1}]: it is {excerpt(row)}; every record must be a dict "
                'such as {"question": ..., "output": ..., "docs": [...]}'
            )
        try:
            data: dict[str, Any] = plain(row) if rows is None else dict(row)
        except RecursionError:
            raise DataError(f"{IN_MEMORY}[{count - 1}]: it is nested too deeply to be read") from None
        yield Record(IN_MEMORY, count, data, in_memory=True)
    if not count:
        raise DataError(f"{IN_MEMORY}: holds no records")


def _output(record: Record) -> str:
    output = record.data.get("output")
    if type(output) is str:
        return output
    if "output" not in record.data:
        missing(record, "output", f"Every record needs the model's text. {NO_OUTPUT}")
    return wrong(record, "output", output, "a string, the model's text", NO_OUTPUT)
