"""`groundeval bench speed`: text metrics, rewards, ROUGE and whole processes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from groundeval.bench.damaged_text import damaged
from groundeval.cli.app import main


def measured(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["bench", "speed", "--repeats", "1", "--json", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_clean_and_damaged_outputs_are_measured_under_every_profile(capsys: pytest.CaptureFixture[str]):
    found = measured(capsys, "--no-processes")
    names = ["asqa", "asqa, damaged", "qampari", "qampari, damaged", "eli5", "eli5, damaged"]
    speeds = [(each["name"], each["profile"]) for each in found["speeds"]]
    assert speeds == [(name, profile) for name in names for profile in ("alce", "trust", "strict")]
    assert all(each["responses_per_second"] > 0 for each in found["speeds"])
    # Claim tasks ask a verifier for their correctness, too.
    assert [each["name"] for each in found["rewards"]] == names[:4]
    assert all(each["rewards_per_second"] > 0 and each["responses"] for each in found["rewards"])


def test_rouge_is_shown_beside_rouge_score(capsys: pytest.CaptureFixture[str]):
    costs = measured(capsys, "--no-processes")["costs"]
    assert {each["reference"] for each in costs} == {"rouge-score"}
    # The list task has references in the embedded data, but its outputs are lists.
    names = ("asqa", "asqa, damaged", "eli5", "eli5, damaged")
    assert [each["what"] for each in costs] == [f"{name}, rougeLsum" for name in names]


def test_whole_processes_are_shown_beside_an_empty_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    docs = [{"title": "T", "text": "Paris", "answers_found": [1]}]
    lines = [{"question": f"{n}?", "output": "Paris [1]", "docs": docs, "answers": [["Paris"]]} for n in range(12)]
    path = tmp_path / "outputs.json"
    path.write_text(json.dumps(lines))
    costs = measured(capsys, f"qampari={path}")["costs"]
    scored = [f"outputs, {profile}, {count} records" for profile in ("alce", "trust", "strict") for count in (10, 12)]
    assert [each["what"] for each in costs] == ["import groundeval", "groundeval --help", *scored]
    assert all(each["reference_seconds"] > 0 and each["ratio"] > 0 for each in costs)


def test_damage_is_the_same_for_the_same_seed_and_changes_most_texts():
    text = "Paris is the capital of France, and the tower stands there [1]."
    assert damaged(text, 1) == damaged(text, 1)
    assert len({damaged(text, seed) for seed in range(20)}) > 10
    assert any(not damaged(text, seed).isascii() for seed in range(20))
