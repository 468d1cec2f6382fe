"""A table in memory or in Parquet is read as the CSV file that says the same, empty cells included."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import groundeval
from groundeval.errors import DataError
from groundeval.run.options import ScoreOptions
from groundeval.run.outputs import read_outputs
from groundeval.tasks import load_task

ROWS = [
    ["nr", "frage", "kontext", "antwort", "gold", "year"],
    ["1", "How long is it?", "It lasts five years and no longer.", "Five years [1].", "five years", "1871"],
    ["2", "What is the price?", "It lasts five years and no longer.", "I could not find it.", "", "1872"],
    ["", "Who made it?", "", "", "five years", ""],
]
NAMED = [["id", "question", "context", "output", "expected_answer", "year"], *ROWS[1:]]
MAP = {"id": "nr", "question": "frage", "docs": "kontext", "output": "antwort", "answers": "gold"}


def pandas(path: Path) -> Any:
    return pytest.importorskip("pandas").read_csv(path)


def pandas_arrow(path: Path) -> Any:
    pytest.importorskip("pyarrow")
    return pytest.importorskip("pandas").read_csv(path, dtype_backend="pyarrow")


def polars(path: Path) -> Any:
    return pytest.importorskip("polars").read_csv(path)


def datasets(path: Path) -> Any:
    datasets = pytest.importorskip("datasets")
    return datasets.Dataset.from_csv(str(path), cache_dir=str(path.parent / "cache"))


def arrow(path: Path) -> Any:
    csv = pytest.importorskip("pyarrow.csv")
    return csv.read_csv(path, convert_options=csv.ConvertOptions(strings_can_be_null=True))


def parquet(path: Path) -> Any:
    pytest.importorskip("pyarrow.parquet").write_table(arrow(path), path.with_suffix(".parquet"))
    return path.with_suffix(".parquet")


TABLES = [pandas, pandas_arrow, polars, datasets, arrow, parquet]


def written(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def read(source: Any, **options: Any) -> list[Any]:
    outputs = read_outputs(ScoreOptions(predictions=source, **options), load_task("own"))
    return [(each.example, each.text, outputs.task.kind) for each in outputs.responses]


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(("rows", "map_"), [(NAMED, {}), (ROWS, MAP)], ids=["recognised", "mapped"])
def test_a_table_with_empty_cells_gives_what_its_csv_gives(
    table: Callable[[Path], Any], rows: Any, map_: Any, tmp_path: Path
):
    path = written(tmp_path / "log.csv", rows)
    expected = read(path, map=map_)
    assert [each[0].answers for each in expected] == [(("five years",),), (), (("five years",),)]
    assert [each[1] for each in expected] == ["Five years [1].", "I could not find it.", ""]
    assert read(table(path), map=map_) == expected
    values = [
        {key: metric.value for key, metric in result.results.metrics.items()}
        for source in (path, table(path))
        for result in groundeval.score(source, map=map_, nli="lexical")
    ]
    assert values[0] == values[1]


@pytest.mark.parametrize("table", [pandas, polars, datasets, arrow])
def test_years_of_which_one_is_missing_stay_whole_numbers(table: Callable[[Path], Any], tmp_path: Path):
    path = written(tmp_path / "log.csv", ROWS)
    found = [example.answers for example, *_ in read(table(path), map={**MAP, "answers": "year"})]
    assert found == [(("1871",),), (("1872",),), ()]


def test_fractions_stay_fractions(tmp_path: Path):
    path = written(tmp_path / "log.csv", [*ROWS[:1], [*ROWS[1][:5], "0.5"], [*ROWS[2][:5], "2"], ROWS[3]])
    found = [example.answers for example, *_ in read(pandas(path), map={**MAP, "answers": "year"})]
    assert found == [(("0.5",),), (("2.0",),), ()]


def test_in_a_table_with_lists_a_missing_cell_is_null_as_in_json():
    rows = [
        {"frage": "How?", "belege": ["It lasts five years and no longer."], "antwort": "So.", "gold": "five years"},
        {"frage": "Who?", "belege": None, "antwort": "So.", "gold": None},
    ]
    names = {"question": "frage", "docs": "belege", "output": "antwort", "answers": "gold"}
    table = pytest.importorskip("pyarrow").Table.from_pylist(rows)
    frame = pytest.importorskip("pandas").DataFrame(rows)
    assert read(table, map=names) == read(frame, map=names) == read(rows, map=names)
    own = [{"question": "Who?", "output": "I.", "docs": [{"text": "I did."}], "answers": [["I"]], "answer": each}
           for each in ("I did.", None)]  # fmt: skip
    assert read(pytest.importorskip("pandas").DataFrame(own)) == read(own)


def test_a_number_that_is_none_is_no_gold_answer():
    with pytest.raises(DataError, match='field "expected" is NaN'):
        read([{"question": "Who?", "output": "I.", "expected": math.nan}])
