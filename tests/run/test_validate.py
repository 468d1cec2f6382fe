"""`groundeval validate` on tasks and rewards whose data do not say which document holds which gold answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, write

import groundeval

CITIES = {"France": "Paris", "Italy": "Rome", "Norway": "Oslo", "Spain": "Madrid"}


def task_file(folder: Path, kind: str, *, docs: bool = True, **changes: Any) -> Path:
    """A task whose records name gold answers, and documents without a word on what they hold."""
    rows = []
    for number, (country, city) in enumerate(CITIES.items()):
        held = number != 3
        text = f"The capital of {country} is {city}." if held else f"{country} is a country with mountains."
        gold = f"The capital of {country} is {city}." if kind == "claims" else city
        row = {"question": f"Capital of {country}?", "gold": [gold], "passages": [{"title": country, "text": text}]}
        rows.append({**row, **changes})
    write(folder / "rows.json", rows)
    documents = "  documents: {path: passages, title: title, text: text}\n" if docs else ""
    return write(
        folder / "capitals.yaml",
        f"name: capitals\nkind: {kind}\nprofile: trust\ndata: rows.json\n"
        f"fields:\n  question: question\n{documents}  answers: gold\n",
    )


@pytest.mark.parametrize("kind", ["em", "list", "claims"])
def test_a_correct_task_passes_without_holds_answer(kind: str, tmp_path: Path, cli: Cli):
    checks = groundeval.validate(task_file(tmp_path, kind))
    assert checks.passed, [check for check in checks if not check.passed]
    assert any("refuse_rec" in check.name for check in checks), "one document does not hold the answer: it is refused"
    ran = cli("validate", tmp_path / "capitals.yaml", "--json")
    assert ran.code == 0, ran.out
    assert [row["name"] for row in ran.json] == [check.name for check in checks]


@pytest.mark.parametrize("kind", ["em", "list", "claims"])
def test_a_task_whose_gold_answers_do_not_score_fails(kind: str, tmp_path: Path, cli: Cli):
    """The word of a gold answer that no normalisation leaves anything of."""
    checks = groundeval.validate(task_file(tmp_path, kind, gold=["the"]))
    assert not checks.passed
    assert "failed" in repr(checks)
    assert cli("validate", tmp_path / "capitals.yaml").code == 1


@pytest.mark.parametrize("kind", ["em", "list", "claims"])
def test_a_reward_is_checked_on_such_data_too(kind: str, tmp_path: Path):
    path = task_file(tmp_path, kind)
    checks = groundeval.validate("trust", task=groundeval.load_task(path))
    assert checks.passed, [check for check in checks if not check.passed]


def test_a_plugin_file_is_loaded_first(tmp_path: Path, cli: Cli):
    plugin = write(
        tmp_path / "plugin.py",
        "from groundeval import load_task, register_task\nfrom dataclasses import replace\n"
        "@register_task('renamed')\ndef renamed():\n    return replace(load_task('trust_asqa'), name='renamed')\n",
    )
    ran = cli("validate", "renamed", "--data", "embedded", "--include-path", plugin)
    assert ran.code == 0, ran.err
