"""Rows of tables in memory, in the types of JSON: of pandas, polars, pyarrow and `datasets`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from groundeval.errors import DataError
from groundeval.storage.columnar import filled, is_flat, refuse_named_twice


def table_rows(source: Any, name: str) -> Iterator[dict[str, Any]] | None:
    """The rows of a table; None for anything else. `name`: of the source, for messages.

    A cell without a value (None, NaN, NA) is what the same table has there in a file: `filled`. Raises DataError for a
    column that is named twice, and for cells that Python has no value for, as a date in the year 9,999,999.
    """
    if hasattr(source, "collect_schema") and hasattr(source, "collect"):  # a lazy table of polars
        source = source.collect()
    if hasattr(source, "to_pylist"):  # pyarrow
        schema = getattr(source, "schema", None)
        refuse_named_twice(() if schema is None else schema.names, name)
        return _readable(source.to_pylist, name, is_flat=schema is not None and is_flat(schema))
    if hasattr(source, "to_dicts"):  # polars
        nested = any(kind.is_nested() for kind in source.dtypes)
        return _readable(source.to_dicts, name, is_flat=not nested)
    if hasattr(source, "columns") and hasattr(source, "to_dict"):  # pandas
        refuse_named_twice(source.columns, name)
        return _readable(lambda: _of_pandas(source), name, is_flat=not any(map(_holds_lists, _columns(source))))
    if hasattr(source, "column_names"):  # a Dataset of `datasets`; one that streams may not know its columns' types
        features = getattr(source, "features", None)
        flat = features is not None and is_flat(features.arrow_schema)
        return _readable(lambda: _whole_again(source, _were_whole_in(source)), name, is_flat=flat)
    return None


def _readable(rows: Callable[[], Iterable[Any]], name: str, *, is_flat: bool) -> Iterator[dict[str, Any]]:
    try:
        for row in rows():
            yield filled(plain(row, drop_missing=True), row, is_flat=is_flat)
    except RecursionError:
        raise DataError(f"{name}: the table is nested too deeply to be read") from None
    except Exception as error:  # of many types, by library and cell
        raise DataError(f"{name}: the table cannot be read: {' '.join(str(error).split())[:200]}") from error


def _columns(frame: Any) -> Iterator[Any]:
    return (frame.iloc[:, number] for number in range(len(frame.columns)))


def _holds_lists(column: Any) -> bool:
    return column.dtype == object and any(isinstance(plain(each), list | Mapping) for each in column)


def _of_pandas(frame: Any) -> Iterator[dict[str, Any]]:
    whole = {name for name, column in zip(frame.columns, _columns(frame), strict=True) if _was_whole(column)}
    return _whole_again(frame.to_dict("records"), whole)


def _whole_again(rows: Iterable[dict[str, Any]], columns: Collection[str]) -> Iterator[dict[str, Any]]:
    """The rows; in these columns, whole numbers that pandas has made fractions because other cells are empty."""
    for row in rows:
        yield {name: int(each) if name in columns and each == each and each is not None else each
               for name, each in row.items()}  # fmt: skip


def _was_whole(column: Any) -> bool:
    if getattr(column.dtype, "kind", "") != "f" or not column.hasnans:
        return False
    return all(each.is_integer() for each in column.dropna())


def _were_whole_in(dataset: Any) -> set[str]:
    """The same columns of a data set, which reads CSV with pandas."""
    table = getattr(dataset, "data", None)
    floats = [each.name for each in getattr(table, "schema", ()) if str(each.type) in ("double", "float")]
    return {
        name
        for name in floats
        if table.column(name).null_count  # type: ignore[union-attr]
        and all(each.as_py().is_integer() for each in table.column(name) if each.is_valid)  # type: ignore[union-attr]
    }


def plain(value: Any, *, drop_missing: bool = False) -> Any:
    """A value in the types of JSON: arrays and tuples as lists, scalars of numpy as Python's.

    Missing values of pandas are None. `drop_missing`: fields without a value (None, NaN) are left out.
    """
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, Mapping):
        found = {key: plain(each, drop_missing=drop_missing) for key, each in value.items()}
        return {key: each for key, each in found.items() if not (drop_missing and _is_missing(each))}
    if isinstance(value, list | tuple):
        return [plain(each, drop_missing=drop_missing) for each in value]
    if hasattr(value, "model_dump"):  # an answer or document of a client's library
        return plain(value.model_dump(), drop_missing=drop_missing)
    if hasattr(value, "tolist"):  # numpy and pyarrow, arrays and scalars
        return plain(value.tolist(), drop_missing=drop_missing)
    return value


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value)
