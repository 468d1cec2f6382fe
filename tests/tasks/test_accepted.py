"""Files that the original evaluators score are scored, with a note on their faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, record, write

SENT = [{"title": "Paris", "sent": "City 0 is Paris."}, {"title": "Age", "text": "It is old and large."}]
WRONG_FLAGS: list[list[dict[str, Any]]] = [
    [{"text": "x", "answers_found": [1]}],
    [{"text": "x", "answers_found": [1, 0, 0]}],
    [{"text": "x", "answers_found": [1, 2]}],
    [{"text": "x", "answers_found": "10"}],
    [{"text": "x", "answers_found": [1, [0]]}],
    [{"text": "x", "answers_found": [1, 0]}, {"text": "y"}],
]


def scored(path: Path, cli: Cli, profile: str = "alce", *more: str) -> Any:
    ran = cli("score", path, "--task", "asqa", "--profile", profile, "--nli", "lexical", "--json", *more)
    assert ran.code == 0, ran.err
    return ran.json


def ids(folder: Path, cli: Cli, content: list[dict[str, Any]]) -> list[str]:
    """The ids under which records are scored."""
    scored(write(folder / "outputs.json", content), cli, "alce", "--output-path", str(folder / "out"))
    [lines] = (folder / "out").rglob("scores.jsonl")
    return [line.split('"')[3] for line in lines.read_text().splitlines()]


@pytest.mark.parametrize("profile", ["alce", "trust", "strict"])
def test_records_with_the_same_id_are_all_scored_and_a_note_says_so(profile: str, tmp_path: Path, cli: Cli):
    content = [record(0, id="q"), record(1, id="q"), record(2, id="other"), record(3, id="q")]
    found = scored(write(tmp_path / "outputs.json", content), cli, profile)
    assert found["n"] == 4
    [note] = [note for note in found["notes"] if "suffix" in note]
    assert "2 (first: record 2" in note
    assert '"q" is now "q-2"' in note


def test_a_suffix_makes_an_id_that_no_earlier_record_has(tmp_path: Path, cli: Cli):
    content = [record(0, id="q"), record(1, id="q-2"), record(2, id="q"), record(3, id="q-2")]
    assert ids(tmp_path, cli, content) == ["q", "q-2", "q-3", "q-2-2"]


@pytest.mark.parametrize("empty", ["", float("nan"), None, ...])
def test_the_position_stands_for_an_empty_id(empty: Any, tmp_path: Path, cli: Cli):
    assert ids(tmp_path, cli, [record(0, id="q"), record(1, id=empty)]) == ["q", "1"]


def test_an_id_that_is_there_and_empty_is_worth_a_note_and_one_that_is_not_is_none(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "outputs.json", [record(0, id=""), record(1, id="")])
    assert any("empty id" in note and "2 (first: record 1)" in note for note in scored(path, cli)["notes"])
    path = write(tmp_path / "outputs.json", [record(0, id=None), record(1, id=...)])
    assert scored(path, cli)["notes"] == []


@pytest.mark.parametrize("profile", ["alce", "trust"])
def test_a_document_with_sent_and_no_text_supports_as_one_with_both(profile: str, tmp_path: Path, cli: Cli):
    both = [{**SENT[0], "text": SENT[0]["sent"]}, SENT[1]]
    without = scored(write(tmp_path / "a.json", [record(docs=SENT)]), cli, profile)
    complete = scored(write(tmp_path / "b.json", [record(docs=both)]), cli, profile)
    assert without["metrics"] == complete["metrics"]
    assert [note for note in without["notes"] if note not in complete["notes"]] == [
        'records whose documents have "sent" and no "text", read as their text: 1 (first: record 1)'
    ]


@pytest.mark.parametrize("docs", WRONG_FLAGS)
def test_alce_does_not_read_answers_found_and_trust_must(docs: list[dict[str, Any]], tmp_path: Path, cli: Cli):
    right = [{**doc, "answers_found": [1, 0]} for doc in docs]
    path = write(tmp_path / "outputs.json", [record(0, docs=right), record(1, docs=docs)])
    found = scored(path, cli)
    without = [[{"text": doc["text"]} for doc in each] for each in (right, docs)]
    plain = scored(write(tmp_path / "b.json", [record(0, docs=without[0]), record(1, docs=without[1])]), cli)
    assert found["metrics"] == plain["metrics"]
    assert any("answers_found" in note and "1 (first: record 2)" in note for note in found["notes"])
    for profiles in ("trust", "alce,trust"):
        ran = cli("score", path, "--task", "asqa", "--profile", profiles, "--nli", "lexical")
        assert (ran.code, ran.out) == (1, "")
        assert "answers_found" in ran.err


def test_flags_that_fit_are_kept_and_give_no_note(tmp_path: Path, cli: Cli):
    docs = [{"text": "x", "answers_found": [1, 0]}]
    assert scored(write(tmp_path / "outputs.json", [record(docs=docs)]), cli)["notes"] == []


def test_data_that_a_model_is_run_on_still_needs_ids_of_their_own_and_texts(tmp_path: Path, cli: Cli):
    for content in ([record(0, id="q"), record(1, id="q")], [record(0, docs=SENT)]):
        path = write(tmp_path / "data.json", content)
        ran = cli("validate", "asqa", "--data", path)
        assert ran.code != 0
        assert "record" in ran.out + ran.err
