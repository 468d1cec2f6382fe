"""Notes of `score` on outputs and gold data that the published protocols treat in a special way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, record, write

from groundeval.parsing.strict.citations import citations


def notes(path: Path, cli: Cli, profile: str, *more: str) -> list[str]:
    ran = cli("score", path, "--task", "asqa", "--profile", profile, "--nli", "lexical", *more, "--json")
    assert ran.code == 0, ran.err
    found: list[str] = ran.json["notes"]
    return found


def about_marks(found: list[str]) -> list[str]:
    return [note for note in found if "marks" in note]


@pytest.mark.parametrize("profile", ["alce", "trust"])
@pytest.mark.parametrize("mark", ["[1, 2]", "[1,2]", "[1-2]", "【1】", "[Doc 1]", "(1)", "[1][2, 1]"])
def test_outputs_with_marks_that_the_profile_does_not_read_are_counted(
    mark: str, profile: str, tmp_path: Path, cli: Cli
):
    content = [record(0, output=f"City 0 is Paris {mark}."), record(1), record(2, output="City 2 is Oslo.")]
    found = about_marks(notes(write(tmp_path / "f.json", content), cli, profile))
    # `strict` decides what is a mark.
    assert [note.split(" cite")[0] for note in found] == (["1 of 3 outputs"] if citations(f"Paris {mark}.") else [])
    assert mark == "(1)" or found


@pytest.mark.parametrize("profile", ["alce", "trust"])
@pytest.mark.parametrize("output", ["A [1]. B [2][3].", "In [2023] it was.", "See [note].", "", "[0] [17]"])
def test_marks_that_are_read_and_brackets_that_cite_nothing_give_no_note(
    output: str, profile: str, tmp_path: Path, cli: Cli
):
    assert not about_marks(notes(write(tmp_path / "f.json", [record(output=output)]), cli, profile))


def test_strict_reads_them_and_says_nothing(tmp_path: Path, cli: Cli):
    assert not about_marks(notes(write(tmp_path / "f.json", [record(output="Old [1, 2].")]), cli, "strict"))


def test_what_alce_cuts_off_is_not_counted(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "f.json", [record(output="Paris [1].\nOld [1, 2].")])
    assert not about_marks(notes(path, cli, "alce"))
    assert about_marks(notes(path, cli, "trust"))


def test_without_documents_marks_do_not_matter(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "f.json", [record(output="Old [1, 2].", docs=...)])
    assert not about_marks(notes(path, cli, "alce"))


def test_people_are_told_too(tmp_path: Path, cli: Cli):
    path = write(tmp_path / "f.json", [record(output="Old [1, 2].")])
    assert "note: 1 of 1 outputs cite by marks" in cli("score", path, "--task", "asqa", "--nli", "lexical").err


@pytest.mark.parametrize(
    ("profile", "empty", "keys", "undefined"),
    [
        ("alce", {"qa_pairs": []}, "str_em", ["str_em"]),
        ("trust", {"answers": [], "qa_pairs": []}, "regular_str_em", ["regular_str_em", "answered_str_em"]),
    ],
)
def test_a_sample_without_gold_answers_is_named_and_makes_undefined_what_is_so_in_the_original(
    profile: str, empty: dict[str, Any], keys: str, undefined: list[str], tmp_path: Path, cli: Cli
):
    docs = {"docs": [{"text": "x", "answers_found": []}]} if profile == "trust" else {}
    content = [record(0), record(1, **empty, **docs)]
    if profile == "trust":
        content[0]["docs"] = [{**doc, "answers_found": [1, 0]} for doc in content[0]["docs"]]
    path = write(tmp_path / "f.json", content)
    [note] = [note for note in notes(path, cli, profile) if "no gold answer" in note]
    assert note.startswith("1 of 2 samples")
    assert keys in note
    ran = cli("score", path, "--task", "asqa", "--profile", profile, "--nli", "lexical", "--json")
    for key in undefined:
        metric = ran.json["metrics"][key]
        assert (metric["value"], metric["stderr"], metric["ci95"], metric["n"]) == (None, None, None, 0)
    if profile == "alce":
        assert (ran.json["metrics"]["str_hit"]["value"], ran.json["metrics"]["str_hit"]["n"]) == (50.0, 2)
