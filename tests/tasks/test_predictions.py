"""Reading files of model outputs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from golden_files import golden_file

from groundeval.errors import DataError
from groundeval.tasks.formats.examples import fields_present
from groundeval.tasks.formats.predictions import read_predictions

EVERYWHERE = {"docs", "answers_found", "answers"}


def written(folder: Path, *records: dict[str, Any]) -> Path:
    path = folder / "predictions.json"
    path.write_text(json.dumps({"data": records}))
    return path


def test_outputs_come_with_their_examples_and_may_be_empty(tmp_path: Path) -> None:
    path = written(tmp_path, {"question": "a", "output": "x [1]."}, {"question": "b", "output": ""})
    assert [(example.id, output) for example, output in read_predictions(path)] == [("0", "x [1]."), ("1", "")]


def test_lone_surrogates_in_outputs_are_kept(tmp_path: Path) -> None:
    [(_, output)] = read_predictions(written(tmp_path, {"question": "a", "output": "\ud83d \x00"}))
    assert output == "\ud83d \x00"


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (None, 'field "output" is null; it must be a string'),
        (math.nan, 'field "output" is NaN'),
        (["a"], 'field "output" is .*a list'),
        (3, 'field "output" is 3'),
    ],
)
def test_an_output_that_is_no_string_is_an_error_that_says_how_to_write_an_empty_one(
    output: Any, says: str, tmp_path: Path
) -> None:
    path = written(tmp_path, {"question": "a", "output": "x"}, {"question": "b", "output": output})
    with pytest.raises(DataError, match=says) as raised:
        list(read_predictions(path))
    assert 'record 2 ("b")' in str(raised.value)
    assert 'Write "" for an empty output' in str(raised.value)


def test_a_missing_output_names_a_field_that_looks_like_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'field "output" is missing \(there is "outptu"\)'):
        list(read_predictions(written(tmp_path, {"question": "a", "outptu": "x"})))


@pytest.mark.parametrize(
    ("name", "count", "fields"),
    [
        ("asqa", 79, {"qa_pairs", "annotations", "answer", "references"}),
        ("eli5", 79, {"claims", "answer", "references"}),
        ("qampari", 79, set()),
        ("edge_asqa", 120, {"qa_pairs", "annotations", "answer", "references"}),
        ("edge_eli5", 120, {"claims", "answer", "references"}),
        ("edge_qampari", 120, {"answer", "references"}),
    ],
)
def test_the_golden_files_are_read_whole(name: str, count: int, fields: set[str]) -> None:
    pairs = list(read_predictions(golden_file(name)))
    assert len(pairs) == count
    assert fields_present(example for example, _ in pairs) == fields | EVERYWHERE


def test_each_published_run_is_read(tmp_path: Path) -> None:
    for run in json.loads(golden_file("alce_published_asqa").read_text()):
        pairs = list(read_predictions(written(tmp_path, *run["data"])))
        assert len(pairs) == 100
        assert all(example.qa_pairs for example, _ in pairs)
