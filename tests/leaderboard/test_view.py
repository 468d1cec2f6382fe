"""`groundeval view`: the pages of a few runs, served on the loopback address, from folders that may be strangers'."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from many_runs import write_run

from groundeval.cli.app import main
from groundeval.errors import DataError, UsageError
from groundeval.leaderboard import view as serving
from groundeval.leaderboard.viewer import write_viewer


def test_a_run_a_folder_of_scores_and_a_folder_of_runs_are_shown(tmp_path: Path):
    runs = [write_run(tmp_path / "runs", name, samples=5) for name in ("one", "two", "three")]
    for number, (named, page) in enumerate([([runs[0]], "runs/"), ([next(runs[0].glob("scores/*"))], "runs/")]):
        written = write_viewer(named, tmp_path / f"site{number}")
        assert written.page.startswith(page)
        assert (tmp_path / f"site{number}" / written.page).is_file()
    assert write_viewer([tmp_path / "runs"], tmp_path / "all").page == "index.html"
    assert (tmp_path / "all" / "index.html").read_text().count('href="runs/') == 3


def test_of_two_runs_the_first_is_shown_with_the_second_beside_it(tmp_path: Path):
    runs = [write_run(tmp_path, name, samples=5) for name in ("one", "two")]
    page, _, beside = write_viewer(runs, tmp_path / "site").page.partition("?beside=")
    assert f'<option value="{beside}">two' in (tmp_path / "site" / page).read_text()
    assert (tmp_path / "site" / "runs" / beside / "index.js").is_file()


def test_what_cannot_be_checked_is_left_out_and_named(tmp_path: Path):
    good, bad = (write_run(tmp_path, name, samples=5) for name in ("good", "bad"))
    [results] = bad.glob("scores/*/results.json")
    results.write_text(results.read_text().replace('"n": 5', '"n": 6'))
    written = write_viewer([good, bad], tmp_path / "site")
    assert written.runs == 1
    assert len(written.rejected) == 1
    with pytest.raises(DataError, match="its scores cannot be shown"):
        write_viewer([bad], tmp_path / "other")


def test_metrics_of_a_plugin_that_is_not_loaded_are_named_once_with_what_to_do(tmp_path: Path):
    run = write_run(tmp_path, "run", samples=5)
    [path] = run.glob("scores/*/manifest.json")
    manifest = json.loads(path.read_text())
    manifest["identity"]["metrics"] += ["capitals", "rivers"]
    path.write_text(json.dumps(manifest))
    with pytest.raises(DataError) as caught:
        write_viewer([run], tmp_path / "site")
    assert 'of its metrics "capitals", "rivers" are not known here' in str(caught.value)
    assert str(caught.value).count("include_path") == 1
    assert not any(words in str(caught.value) for words in ("Did you mean", "Known:", "groundeval score"))


def test_folders_without_scores_and_folders_that_are_not_there_are_errors_that_say_what_to_do(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="groundeval score"):
        write_viewer([tmp_path / "empty"], tmp_path / "site")
    with pytest.raises(UsageError, match="no such folder"):
        write_viewer([tmp_path / "none"], tmp_path / "site")


def test_nothing_that_a_folder_names_is_read(tmp_path: Path):
    """The manifest names a file of data and a task in a Python file; both are there, and neither is touched."""
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps([{"question": "SECRET?", "docs": []}]))
    plugin = tmp_path / "task.py"
    plugin.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    run = write_run(tmp_path, "one", samples=3)
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["identity"]["data"]["requested"] = str(secret)
    manifest["identity"]["task_reference"] = f"{plugin}:asqa"
    (run / "manifest.json").write_text(json.dumps(manifest))
    write_viewer([run], tmp_path / "site")
    assert not (tmp_path / "ran").exists()
    assert not any("SECRET" in path.read_text() for path in (tmp_path / "site").rglob("*.js"))


def test_pages_can_be_written_instead_and_nothing_else_is_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    run = write_run(tmp_path / "runs", "one", samples=3)
    assert main(["view", str(run), "--out", str(tmp_path / "site")]) == 0
    assert Path(capsys.readouterr().out.strip()).is_file()
    assert main(["view", str(run), "--out", str(tmp_path / "site")]) == 0
    assert main(["view", str(run), "--out", str(tmp_path / "runs")]) == 2
    (tmp_path / "site" / "mine.txt").write_text("mine")
    assert main(["view", str(run), "--out", str(tmp_path / "site")]) == 2


def test_the_command_serves_until_it_is_interrupted_and_leaves_nothing_behind(tmp_path: Path):
    run = write_run(tmp_path / "runs", "one", samples=3)
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "groundeval", "view", str(run), "--no-open"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(tmp_path / "tmp"))
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    page = httpx.get(address)
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert not list((tmp_path / "tmp").glob("groundeval-view-*"))


def environment(temporary: Path) -> dict[str, str]:
    import os

    return {**os.environ, "TMPDIR": str(temporary)}


def test_a_browser_is_opened_only_where_it_has_a_window(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(serving.sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert not serving._has_a_window()
    monkeypatch.setenv("DISPLAY", ":0")
    assert serving._has_a_window()
