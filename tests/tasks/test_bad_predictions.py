"""Every fault of a file of outputs gives a message with its place, and no traceback."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, record, records, write

from groundeval.errors import DataError
from groundeval.tasks.formats.predictions import read_predictions


def changed(number: int, **changes: Any) -> list[dict[str, Any]]:
    """Three records, one of them changed."""
    return [record(index, **(changes if index == number else {})) for index in range(3)]


DOCS = [{"title": "T", "text": "x"}]
CASES: dict[str, tuple[Any, int, tuple[str, ...]]] = {
    "empty": ("", 1, ("is empty",)),
    "not JSON": ("question,output\n", 1, ("not JSON", "question,output")),
    "an XML page": ("<html>", 1, ("not JSON",)),
    "cut off": (json.dumps(records(3))[:-200], 1, ("cut off", "record 3")),
    "cut off within a string": (json.dumps(records(3))[:300], 1, ("cut off",)),
    "no records": ([], 1, ("no records",)),
    "a number": ("17", 1, ("17", "list of records")),
    "a record that is no object": ([record(), 5], 1, ("record 2", "5")),
    "no question": (changed(1, question=...), 1, ("record 2", '"question"', "missing")),
    "another name for the question": (changed(1, question=..., Question="?"), 1, ("record 2", '"Question"')),
    "an empty question": (changed(1, question=" "), 1, ("record 2", '"question"')),
    "no output": (changed(2, output=...), 1, ("record 3", "What is city 2?", '"output"', "missing")),
    "null output": (changed(2, output=None), 1, ("record 3", '"output"', "null")),
    "NaN output": (changed(2, output=float("nan")), 1, ("record 3", '"output"', "NaN")),
    "a number as output": (changed(0, output=3.5), 1, ("record 1", '"output"', "3.5")),
    "a list as output": (changed(0, output=["a"]), 1, ("record 1", '"output"', "['a']")),
    "no docs in one record": (changed(1, docs=...), 1, ("record 2", '"docs"', "missing")),
    "docs as text": (changed(1, docs="text"), 1, ("record 2", '"docs"', "'text'")),
    "a document as text": (changed(1, docs=["text"]), 1, ("record 2", '"docs[0]"')),
    "a document without text": (changed(1, docs=[*DOCS, {"title": "T"}]), 1, ("record 2", '"docs[1].text"', "missing")),
    "a document whose text is NaN": (changed(1, docs=[{"text": float("nan")}]), 1, ("record 2", "docs[0].text", "NaN")),
    "answers that are no lists": (changed(1, answers=["Paris", "old"]), 1, ("record 2", '"answers[0]"', "'Paris'")),
    "an alias that is a number": (changed(1, answers=[[1889], ["old"]]), 1, ("record 2", "answers[0][0]", "1889")),
    "short answers missing": (changed(1, qa_pairs=[{"question": "?"}]), 1, ("record 2", "qa_pairs[0].short_answers")),
    "no qa_pairs in one record": (changed(1, qa_pairs=...), 1, ("record 2", '"qa_pairs"', "missing")),
    "an id that is a list": (changed(1, id=[1]), 1, ("record 2", '"id"', "[1]")),
    "annotations as text": (changed(1, annotations=["x"]), 1, ("record 2", "annotations[0]", "long_answer")),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("profile", ["alce", "trust"])
def test_a_wrong_file_is_refused_with_file_record_field_and_value(case: str, profile: str, tmp_path: Path, cli: Cli):
    content, code, words = CASES[case]
    path = write(tmp_path / "outputs.json", content)
    ran = cli("score", path, "--task", "asqa", "--profile", profile, "--nli", "lexical", "--json")
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith(f"error: {path}")
    assert "Traceback" not in ran.err
    for word in words:
        assert word in ran.err


@pytest.mark.parametrize(
    ("docs", "words"),
    [
        ([{"text": "x", "answers_found": [1]}], ("answers_found", "2 numbers")),
        ([{"text": "x", "answers_found": [1, 2]}], ("answers_found", "[1, 2]")),
        ([{"text": "x", "answers_found": "10"}], ("answers_found", "'10'")),
        ([{"text": "x", "answers_found": [1, 0]}, {"text": "y"}], ("docs[1].answers_found", "missing")),
    ],
)
@pytest.mark.parametrize("gold", ["answers", "qa_pairs"])
def test_answers_found_must_have_a_0_or_1_for_every_gold_answer(
    docs: Any, words: tuple[str, ...], gold: str, tmp_path: Path, cli: Cli
):
    other = "qa_pairs" if gold == "answers" else "answers"
    path = write(tmp_path / "outputs.json", [record(docs=docs, **{other: ...})])
    ran = cli("score", path, "--task", "asqa", "--profile", "trust", "--nli", "lexical", "--json")
    assert (ran.code, ran.out) == (1, "")
    for word in ("record 1", *words):
        assert word in ran.err


def test_answers_found_for_claims_must_match_the_claims(tmp_path: Path, cli: Cli):
    docs = [{"text": "x", "answers_found": [1, 0]}, {"text": "x", "answers_found": [1]}]
    path = write(tmp_path / "outputs.json", [record(docs=docs, qa_pairs=..., answers=..., claims=["a", "b"])])
    ran = cli("score", path, "--task", "trust_eli5", "--nli", "lexical")
    assert (ran.code, ran.out) == (1, "")
    assert "docs[1].answers_found" in ran.err


def test_a_missing_file_and_a_folder_that_is_no_run_are_refused(tmp_path: Path, cli: Cli):
    ran = cli("score", tmp_path / "nowhere.json", "--task", "asqa", "--nli", "lexical")
    assert ran.code == 2
    assert "nowhere.json: no such file" in ran.err
    ran = cli("score", tmp_path, "--nli", "lexical")
    assert ran.code == 2
    assert "is not a run folder" in ran.err
    assert "groundeval score" not in ran.err
    (tmp_path / "later").mkdir()
    path = write(tmp_path / "later" / "answers.jsonl.gz", "")
    assert f"groundeval score {path}" in cli("score", tmp_path, "--nli", "lexical").err


def test_a_file_that_is_not_utf_8_says_which_byte_and_how_to_convert(tmp_path: Path, cli: Cli):
    path = tmp_path / "outputs.json"
    path.write_bytes('[{"question": "Wö?"}]'.encode("latin-1"))
    ran = cli("score", path, "--task", "asqa")
    assert ran.code == 1
    assert re.search(r"not UTF-8: byte 16 .*\n.*iconv", ran.err)
    path.write_bytes(b"\x97\x00\x01\x02" * 40)
    ran = cli("score", path, "--task", "asqa")
    assert ran.code == 1
    assert "binary file" in ran.err
    assert "iconv" not in ran.err


def test_the_verifier_is_not_even_connected_before_the_file_was_read(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "outputs.json", changed(2, output=None))
    ran = cli("score", path, "--task", "asqa", "--nli", "http://127.0.0.1:9")
    assert ran.code == 1
    assert "record 3" in ran.err


def test_a_file_without_what_a_metric_needs_is_scored_without_it_and_a_note_says_so(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "outputs.json", records(3, docs=..., answer=...))
    ran = cli("score", path, "--task", "asqa", "--nli", "lexical", "--json")
    assert ran.code == 0
    assert set(ran.json["metrics"]) == {"length", "str_em", "str_hit"}
    assert ran.json["nli"] is None
    assert "Citation recall, Citation precision left out: the data has no documents" in ran.json["notes"]
    assert "ROUGE-L left out: the data has no reference answers" in ran.json["notes"]
    assert "Citation recall" in cli("score", path, "--task", "asqa", "--nli", "lexical").err


def test_a_metric_asked_for_by_name_whose_field_is_missing_is_an_error(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "outputs.json", records(3, docs=...))
    for name in ("citation", "citation_rec"):
        ran = cli("score", path, "--task", "asqa", "--nli", "lexical", "--metrics", f"length,{name}")
        assert (ran.code, ran.out) == (1, "")
        assert 'needs the field "docs"' in ran.err


def test_a_file_without_any_gold_data_has_its_lengths_under_alce_and_nothing_under_trust(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "outputs.json", records(2, docs=..., answer=..., qa_pairs=..., answers=...))
    ran = cli("score", path, "--task", "asqa", "--nli", "lexical", "--json")
    assert list(ran.json["metrics"]) == ["length"]
    ran = cli("score", path, "--task", "asqa", "--profile", "trust", "--nli", "lexical", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "nothing can be scored" in ran.err


@pytest.mark.parametrize("at", [0, 1])
def test_a_line_that_is_cut_off_is_named_itself_and_not_the_one_after_it(at: int, tmp_path: Path):
    lines = [json.dumps({"question": f"Number {each}?", "output": "An answer."}) for each in range(3)]
    cut = [line[:30] if each == at else line for each, line in enumerate(lines)]
    path = tmp_path / "cut.jsonl"
    path.write_text("\n".join(cut))
    with pytest.raises(DataError, match=f"line {at + 1} is cut off: it ends in"):
        list(read_predictions(path))
    # Where the next line is no record either, nothing is known of this one.
    path.write_text("\n".join([*lines[:1], '{"question": }', "}", *lines[1:]]))
    with pytest.raises(DataError, match="is not JSON"):
        list(read_predictions(path))
