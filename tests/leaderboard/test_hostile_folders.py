"""Run folders of strangers: nothing in them runs, nothing outside of them is read, and one spoils only itself."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from many_runs import data_file, write_run

from groundeval.leaderboard.build import build

DEEP = "[" * 200_000 + "]" * 200_000
SECRET = "the-secret-of-another-folder"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs, of which the tests spoil the first."""
    data = data_file(tmp_path / "data.json", 20)
    bad = write_run(tmp_path / "runs", "bad", samples=20, data=data, prompts=True)
    bad.parents[1].rename(tmp_path / "runs" / "bad")
    write_run(tmp_path / "runs", "good", samples=20, data=data)
    return tmp_path / "runs"


def file_of(runs: Path, name: str) -> Path:
    [path] = [path for path in (runs / "bad").rglob(name) if path.is_file()]
    return path


def built(runs: Path, tmp_path: Path) -> tuple[list[str], list[str], str]:
    """Systems on the site, reasons for what was left out, and all text of the site."""
    board = build([runs], tmp_path / "site", shipped=False)
    shown = json.loads((tmp_path / "site" / "leaderboard.json").read_text())["entries"]
    text = "".join(
        path.read_text("utf-8") for path in (tmp_path / "site").rglob("*") if path.suffix in (".js", ".json", ".html")
    )
    return [entry["system"] for entry in shown], [each.reason for each in board.rejected], text


def replaced(path: Path, make: Callable[[Path], Any]) -> None:
    path.unlink()
    make(path)


@pytest.mark.parametrize(
    "name", ["results.json", "scores.jsonl", "scores/*/manifest.json", "generations.jsonl", "prompts.jsonl"]
)
def test_links_out_of_a_run_folder_are_not_followed(runs: Path, tmp_path: Path, name: str):
    path = file_of(runs, name)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(
        path.read_text() + json.dumps({"id": SECRET, "text": SECRET, "raw": SECRET, "status": "ok"}) + "\n"
    )
    replaced(path, lambda place: place.symlink_to(elsewhere))
    systems, [reason], text = built(runs, tmp_path)
    assert systems == ["good"]
    assert "symbolic link" in reason
    assert SECRET not in text


def test_a_linked_folder_of_scores_is_not_followed(runs: Path, tmp_path: Path):
    [scores] = (runs / "bad").rglob("scores")
    scores.rename(tmp_path / "moved")
    scores.symlink_to(tmp_path / "moved")
    systems, reasons, _ = built(runs, tmp_path)
    assert systems == ["good"]
    assert all("symbolic link" in reason for reason in reasons)


@pytest.mark.parametrize("name", ["results.json", "scores.jsonl", "generations.jsonl", "prompts.jsonl"])
def test_a_pipe_does_not_hold_a_build_up(runs: Path, tmp_path: Path, name: str):
    replaced(file_of(runs, name), os.mkfifo)
    systems, [reason], _ = built(runs, tmp_path)
    assert systems == ["good"]
    assert "FIFO" in reason


@pytest.mark.parametrize("name", ["results.json", "scores.jsonl", "manifest.json"])
@pytest.mark.parametrize("content", [DEEP, "[]", "17", '{"id": 1}', "{", '{"kind": "scores", "identity": []}'])
def test_damage_in_one_folder_is_a_line_of_the_report(runs: Path, tmp_path: Path, name: str, content: str):
    for path in (runs / "bad").rglob(name):
        path.write_text(content + "\n")
    systems, reasons, _ = built(runs, tmp_path)
    assert systems == ["good"]
    assert reasons
    assert not any("Traceback" in reason or len(reason) > 1_000 for reason in reasons)


@pytest.mark.parametrize("value", ["1" + "0" * 400, "1e999", "[]", '"x"', "true"])
def test_numbers_that_are_none_are_refused(runs: Path, tmp_path: Path, value: str):
    path = file_of(runs, "results.json")
    found = json.loads(path.read_text())
    found["metrics"]["str_em"]["value"] = "HERE"
    path.write_text(json.dumps(found).replace('"HERE"', value))
    systems, [reason], _ = built(runs, tmp_path)
    assert systems == ["good"]
    assert "str_em" in reason


@pytest.mark.parametrize(
    "line", ['{"raw": "x"}', "[]", '{"id": ["a"], "status": "ok", "raw": ""}', '{"id": "a", "status": "ok", "raw": 3}']
)
def test_a_line_that_is_no_generation_is_named(runs: Path, tmp_path: Path, line: str):
    with file_of(runs, "generations.jsonl").open("a") as file:
        file.write(line + "\n")
    systems, [reason], _ = built(runs, tmp_path)
    assert systems == ["good"]
    assert "generations.jsonl, line 21" in reason


def test_no_task_file_that_a_manifest_names_is_run(runs: Path, tmp_path: Path):
    planted = tmp_path / "task.py"
    planted.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    path = file_of(runs, "generations.jsonl").parent / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["identity"]["task_reference"] = f"{planted}:asqa"
    path.write_text(json.dumps(manifest))
    built(runs, tmp_path)
    assert not (tmp_path / "ran").exists()


def test_no_data_file_that_a_manifest_names_is_opened(runs: Path, tmp_path: Path):
    """A FIFO: opening it would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    path = file_of(runs, "generations.jsonl").parent / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["identity"]["data"]["requested"] = str(tmp_path / "pipe")
    path.write_text(json.dumps(manifest))
    systems, reasons, _ = built(runs, tmp_path)
    assert sorted(systems) == ["bad", "good"]
    assert not reasons


def test_folders_within_folders_do_not_end_a_build(runs: Path, tmp_path: Path):
    """Fifteen hundred of them, more than functions may call each other."""
    here = Path.cwd()
    os.chdir(runs)
    try:
        for _ in range(1_500):
            os.mkdir("d")
            os.chdir("d")
    finally:
        os.chdir(here)
    (runs / "history.json").write_text('[{"step": 1, "reward": 0.5}, {"step": 2, "reward": 0.6}]')
    try:
        systems, left_out, text = built(runs, tmp_path)
    finally:
        subprocess.run(["rm", "-rf", runs / "d"], check=True)
    assert systems == ["bad", "good"]
    assert left_out == []
    assert "Training: " in text


def test_a_file_beside_the_runs_that_cannot_be_read_is_passed_over(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (runs / "history.json").write_text("[]")

    def refuses(path: Path, root: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("groundeval.leaderboard.curves.read_json", refuses)
    systems, left_out, _ = built(runs, tmp_path)
    assert systems == ["bad", "good"]
    assert left_out == []
