"""Tables and records in memory whose cells hold what no file can: a clear error, or the value left out."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from groundeval.errors import DataError
from groundeval.tasks.formats.accepted import Accepted
from groundeval.tasks.formats.predictions import read_predictions

RECORD = {
    "question": "Where is Paris?",
    "output": "In France [1].",
    "docs": [{"title": "P", "text": "Paris is in France."}],
}


def read(source: Any) -> list[Any]:
    return list(read_predictions(source, Accepted()))


def table(**columns: Any) -> Any:
    arrow = pytest.importorskip("pyarrow")
    return arrow.table({name: [value] for name, value in RECORD.items()} | columns)


def unreadable() -> list[Any]:
    arrow = pytest.importorskip("pyarrow")
    names = arrow.array([1]), arrow.array([2])
    return [
        arrow.array([2**62], arrow.duration("s")),
        arrow.array([2**31 - 1], arrow.date32()),
        arrow.array([1], arrow.timestamp("us", "No/Zone")),
        arrow.StringArray.from_buffers(1, arrow.py_buffer(b"\0\0\0\0\1\0\0\0"), arrow.py_buffer(b"\xff")),
        arrow.StructArray.from_arrays(names, ["same", "same"]),
    ]


@pytest.mark.parametrize("number", range(5))
def test_a_cell_that_python_has_no_value_for_is_an_error_that_says_so(number: int) -> None:
    with pytest.raises(DataError, match=r"^predictions: the table cannot be read: "):
        read(table(extra=unreadable()[number]))


@pytest.mark.parametrize("field", ["id", "answers"])
@pytest.mark.parametrize("value", [10**5000, Decimal("sNaN"), object()], ids=["long", "decimal", "object"])
def test_a_value_that_is_no_text_is_refused_by_its_field(field: str, value: Any) -> None:
    with pytest.raises(DataError, match=f'field "{field}" is'):
        read([{**RECORD, field: value}])


@pytest.mark.parametrize("field", ["id", "answers"])
def test_missing_values_of_pandas_are_absent_and_tables_in_cells_are_refused(field: str) -> None:
    pandas = pytest.importorskip("pandas")
    for missing in (pandas.NA, pandas.NaT):
        assert read([{**RECORD, field: missing}])[0][0].question == RECORD["question"]
    with pytest.raises(DataError, match=f'field "{field}" is'):
        read([{**RECORD, field: pandas.DataFrame({"a": [1]})}])


def test_a_column_that_is_named_twice_is_refused_as_in_csv(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    twice = table().append_column("question", [["Another?"]])
    parquet.write_table(twice, tmp_path / "twice.parquet")
    for source in (twice, twice.to_batches()[0], tmp_path / "twice.parquet"):
        with pytest.raises(
            DataError, match=r'the column .question. is named twice; the columns are "question", "output"'
        ):
            read(source)


def test_a_table_of_pandas_with_a_column_named_twice_is_refused() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match="is named twice"):
        read(pandas.DataFrame([[*RECORD.values(), "Another?"]], columns=[*RECORD, "question"]))


@pytest.mark.parametrize("name", ["state.json", "data.arrow"])
def test_links_in_a_folder_of_datasets_are_not_followed(name: str, tmp_path: Path) -> None:
    ipc = pytest.importorskip("pyarrow.ipc")
    folder = tmp_path / "saved"
    folder.mkdir()
    with ipc.new_stream(folder / "data.arrow", table().schema) as writer:
        writer.write_table(table())
    (folder / "state.json").write_text('{"_data_files": [{"filename": "data.arrow"}]}', encoding="utf-8")
    assert len(read(folder)) == 1
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(DataError, match=rf"{name} is a link.*\n.*cp -rL"):
        read(folder)


def test_the_error_of_a_generator_of_records_stays_its_own() -> None:
    def records() -> Any:
        yield RECORD
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read(records())
