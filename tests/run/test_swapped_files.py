"""Folders of strangers that change while they are read: whatever is swapped when, nothing outside of them is read.

Every moment is tried in turn: the swap happens just before the first, second, ... time that a path of the folder is
opened, listed or asked about.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from many_runs import data_file, write_run

from groundeval.comparison.api import compare
from groundeval.comparison.saved_scores import find_scorings, read_scoring
from groundeval.errors import GroundevalError
from groundeval.leaderboard.collect import collect
from groundeval.leaderboard.curves import extras
from groundeval.leaderboard.texts import texts_of
from groundeval.run.api import score
from groundeval.storage.folder import Folder
from groundeval.storage.regular import holding, identities

SECRET = "of-another-folder"
VICTIMS = (
    "runs/system", "runs/system/asqa", "run", "run/scores", "scoring", "run/manifest.json", "run/prompts.jsonl",
    "run/generations.jsonl", "scoring/manifest.json", "scoring/results.json", "scoring/scores.jsonl",
    "runs/history.json",
)  # fmt: skip
FEW = ("runs/system", "run/scores", "run/generations.jsonl", "scoring/results.json")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """`runs` with a run and a log, and `elsewhere` the same with secrets in every file."""
    data = data_file(tmp_path / "data.json", 4)
    folder = write_run(tmp_path / "runs", "monks", samples=4, data=data, prompts=True)
    folder.parents[1].rename(tmp_path / "runs" / "system")
    (tmp_path / "runs" / "history.json").write_text('[{"step": 1, "reward_monks": 0.5}]')
    for path in tmp_path.rglob("scores/*/*.json"):
        says = json.loads(path.read_text())
        says.get("identity", {}).get("origin", {})["by"] = "monks"
        path.write_text(json.dumps({**says, "notes": ["monks"]} if path.name == "results.json" else says))
    shutil.copytree(tmp_path / "runs", tmp_path / "elsewhere")
    for path in (tmp_path / "elsewhere").rglob("*.json*"):
        assert "monks" in path.read_text(), path
        path.write_text(path.read_text().replace("monks", SECRET))
    return tmp_path


def victim_of(place: Path, name: str) -> Path:
    """`run/...`, `scoring/...` or a path as it is."""
    [scoring] = (path.parent for path in (place / "runs").rglob("results.json"))
    first, _, rest = name.partition("/")
    return {"run": scoring.parents[1], "scoring": scoring, "runs": place / "runs"}[first] / rest


def elsewhere(place: Path, victim: Path) -> Path:
    return place / "elsewhere" / victim.relative_to(place / "runs")


@contextmanager
def before(moment: int, folder: Path, act: Callable[[], None]) -> Iterator[list[str]]:
    """Act just before the path of something in a folder is used for the `moment`-th time; gives all those uses."""
    uses: list[str] = []

    def watched(call: Callable[..., Any]) -> Callable[..., Any]:
        def use(path: Any, *args: Any, **more: Any) -> Any:
            within = isinstance(path, str | Path) and str(path).startswith(str(folder))
            if within or more.get("dir_fd") is not None or (isinstance(path, int) and call in listing):
                uses.append(str(path))
                if len(uses) == moment:
                    act()
            return call(path, *args, **more)

        return use

    listing = (os.listdir, os.scandir)
    with pytest.MonkeyPatch.context() as patch:
        for module, names in ((os, ("open", "stat", "lstat", "listdir", "scandir")), (io, ("open",))):
            for name in names:
                patch.setattr(module, name, watched(getattr(module, name)))
        patch.setattr(builtins, "open", io.open)
        yield uses


def every_moment(place: Path, name: str, put: Callable[[Path, Path], None], read: Callable[[], object]) -> int:
    """Read once for every moment at which the victim can be swapped; gives the number of moments."""
    victim = victim_of(place, name)
    aside = place / "aside"

    def swap() -> None:
        victim.rename(aside)
        put(victim, elsewhere(place, victim))

    for moment in count(1):
        with before(moment, place / "runs", swap) as uses:
            found: object = ""
            with suppress(GroundevalError), limited():
                found = read()
        assert SECRET not in str(found), f"{name} swapped before use {moment}: {uses[moment - 1 :][:1]}"
        if not aside.exists():
            return moment - 1
        shutil.rmtree(victim) if victim.is_dir() and not victim.is_symlink() else victim.unlink()
        aside.rename(victim)
    raise AssertionError


@contextmanager
def limited(seconds: int = 60) -> Iterator[None]:
    """A process that waits in vain fails."""

    def stop(*_: object) -> None:
        raise AssertionError("still waiting")

    handler = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)


def link(victim: Path, target: Path) -> None:
    victim.symlink_to(target)


def pipe(victim: Path, target: Path) -> None:
    os.mkfifo(victim)


def directory(victim: Path, target: Path) -> None:
    victim.mkdir()


def read_all(place: Path) -> str:
    """All that pages and comparisons are made of."""
    found = []
    for folder in find_scorings(place / "runs"):
        run = read_scoring(folder, place / "runs")
        texts = texts_of(run)
        found += [run.generation, run.scoring, run.results.as_bytes(), run.samples, texts.responses, texts.prompts]
    return f"{found}{extras([place / 'runs'])}"


def test_what_is_elsewhere_would_be_seen(place: Path):
    assert SECRET not in read_all(place)
    for name in VICTIMS:
        victim = victim_of(place, name)
        copy = place / "copy"
        shutil.copytree(place / "runs", copy)
        target = copy / victim.relative_to(place / "runs")
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        other = elsewhere(place, victim)
        shutil.copytree(other, target) if other.is_dir() else shutil.copy(other, target)
        (place / "runs").rename(place / "kept")
        copy.rename(place / "runs")
        assert SECRET in read_all(place), name
        shutil.rmtree(place / "runs")
        (place / "kept").rename(place / "runs")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in FEW else pytest.mark.slow) for name in VICTIMS]
)
def test_a_link_put_in_at_any_moment_is_not_followed(place: Path, name: str):
    assert every_moment(place, name, link, lambda: read_all(place)) > 20


@pytest.mark.parametrize("put", [pipe, directory])
@pytest.mark.parametrize("name", ["run/generations.jsonl", "scoring/results.json"])
def test_a_pipe_or_folder_put_in_at_any_moment_stops_nothing(place: Path, name: str, put: Callable[[Path, Path], None]):
    assert every_moment(place, name, put, lambda: read_all(place)) > 20


@pytest.mark.slow
@pytest.mark.parametrize("name", VICTIMS)
def test_commands_read_and_write_nothing_elsewhere_whatever_is_swapped_when(place: Path, name: str):
    run = victim_of(place, "run")

    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in (place / "elsewhere").rglob("*") if path.is_file()}

    def scored() -> str:
        return str(score(run, data=str(place / "data.json"), nli="lexical")[0].samples())

    def published() -> str:
        shutil.rmtree(place / "site", ignore_errors=True)
        return str(collect([place / "runs"], place / "site", data=[place / "data.json"])) + "".join(
            path.read_text() for path in (place / "site").rglob("*") if path.is_file()
        )

    kept = files()
    with holding(identities([run])):  # as at the beginning of a command
        every_moment(place, name, link, lambda: compare(place / "runs", run).as_json())
        every_moment(place, name, link, published)
        every_moment(place, name, link, scored)
    assert files() == kept


def test_a_folder_that_is_locked_and_written_is_the_one_that_was_there(place: Path):
    """The folder of scores, and its parent, become links to another while they are locked and written."""
    for name in ("run/scores", "scoring"):
        scoring, run = victim_of(place, "scoring"), victim_of(place, "run")
        other = elsewhere(place, scoring)
        (other / ".results.json.0123abcd.part").write_text("somebody's")
        (scoring / "scores.jsonl").unlink()
        kept = {path: path.read_bytes() for path in other.iterdir()}

        def write(scoring: Path = scoring, run: Path = run) -> None:
            with Folder(scoring, run).open() as folder:
                folder.write_json("results.json", {})
                folder.lines("scores.jsonl").append([{"id": "q0"}])

        assert every_moment(place, name, link, write) > 5
        assert {path: path.read_bytes() for path in other.iterdir()} == kept
        shutil.copy(other / "scores.jsonl", scoring / "scores.jsonl")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["run", "run/scores", "run/generations.jsonl", "scoring/scores.jsonl"])
def test_somebody_who_swaps_as_fast_as_he_can_gains_nothing(place: Path, name: str):
    victim, aside = victim_of(place, name), place / "aside"
    other = place / "other"
    other.symlink_to(elsewhere(place, victim))
    is_over = threading.Event()

    def swap() -> None:
        while not is_over.is_set():
            victim.rename(aside)
            other.rename(victim)
            victim.rename(other)
            aside.rename(victim)

    swapper = threading.Thread(target=swap)
    swapper.start()
    outcomes = {"read": 0, "refused": 0}
    try:
        for _ in range(1_000):
            try:
                assert SECRET not in read_all(place)
                outcomes["read"] += 1
            except (GroundevalError, FileNotFoundError):
                outcomes["refused"] += 1
    finally:
        is_over.set()
        swapper.join()
    assert outcomes["refused"] > 0
