"""Commands for `kill_runs.py`, but `train`: how each is started, how far it is, and what must be alike at its end."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from forked import Forked


class Command:
    """A command with a folder of its own for what it writes, its verdicts, and its temporary files."""

    kinds: tuple[str, ...] = ("time",)
    """Moments to kill at: a time, or a share of the bytes of these files."""
    times = 1
    """How often it has to end well."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.folder = folder
        self.log = folder.with_suffix(".log")
        self.temporary = folder.with_suffix(".tmp")
        self.cache = folder.with_suffix(".cache")
        self.command = [*command, *self.target()]
        if any(part == "hf" or part.startswith("true:") for part in command):
            import transformers

            transformers.AutoModelForCausalLM, transformers.LlamaForCausalLM  # noqa: B018  imported when they are named
            transformers.AutoModelForSeq2SeqLM, transformers.T5ForConditionalGeneration  # noqa: B018

    def target(self) -> list[str]:
        """The arguments that name the folder."""
        return ["--output-path", str(self.folder), "--quiet"]

    def start(self) -> Forked:
        """Start it, or resume it."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        places = {"TMPDIR": str(self.temporary), "GROUNDEVAL_CACHE": str(self.cache)}
        return Forked(self.command, self.log, places)

    def size(self, kind: str) -> int:
        """Bytes that such files have so far."""
        return sum(_bytes(path) for path in self.folder.rglob(f"{kind}*.jsonl"))

    def kept(self) -> list[str]:
        """What must still be there after a kill."""
        return []

    def keeps(self, before: list[str]) -> bool:
        """Whether what was there before is there now, and first."""
        return self.kept()[: len(before)] == before

    def stage(self, whole: Command) -> str:
        """How far it has come."""
        raise NotImplementedError

    def results(self) -> Any:
        """What must be as in an undisturbed run, if what it is computed with is deterministic."""
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("results.json")}

    def outcome(self) -> dict[str, Any]:
        """What must be as in an undisturbed run: the results, and the names of all files that are left."""
        places = (self.folder, self.temporary, self.cache)
        left = sorted(
            str(path.relative_to(place))
            for place in places
            for path in place.rglob("*")
            if "__pycache__" not in str(path)
        )
        return {"results": self.results(), "files": left}


class Evaluation(Command):
    """`run`."""

    kinds = ("time", "generations", "scores")

    def kept(self) -> list[str]:
        """All whole lines of generations."""
        return _lines(self.folder, "*/*/*/generations*.jsonl")

    def stage(self, whole: Command) -> str:
        """How far it has come."""
        texts, scores = self.size("generations"), self.size("scores")
        if texts == 0:
            return "before the first text"
        if texts < whole.size("generations"):
            return "while generating"
        if scores == 0:
            return "before the first score"
        return "while scoring" if scores < whole.size("scores") else "after the last score"

    def outcome(self) -> dict[str, Any]:
        """The ids of all generations, as often as they are there, too."""
        return {"samples": sorted(json.loads(line)["id"] for line in self.kept()), **super().outcome()}


class Scoring(Command):
    """`score` of a file, with a verifier in its process whose verdicts go to a cache of its own."""

    kinds = ("time", "verdicts", "verdicts", "scores")

    def size(self, kind: str) -> int:
        """Bytes of the scores, or of the file of verdicts with its log."""
        if kind == "verdicts":
            return sum(_bytes(path) for path in self.cache.glob("nli.sqlite*"))
        return super().size(kind)

    def kept(self) -> list[str]:
        """All whole lines of scores."""
        return _lines(self.folder, "**/scores*.jsonl")

    def keeps(self, before: list[str]) -> bool:
        """Whether they are there now: they are brought into the order of the data at the end."""
        return set(before) <= set(self.kept())

    def stage(self, whole: Command) -> str:
        """How far it has come."""
        assert isinstance(whole, Scoring)
        verdicts, scores = len(self.verdicts()), self.size("scores")
        if not verdicts:
            return "before the first verdict"
        if verdicts < len(whole.verdicts()):
            return "while the cache is written"
        return "while scores are written" if scores < whole.size("scores") else "after the last score"

    def verdicts(self) -> list[Any]:
        """What the cache holds. It is read from a copy: opening it would repair what a kill has left."""
        with tempfile.TemporaryDirectory() as copy:
            for path in self.cache.glob("nli.sqlite*"):
                shutil.copy(path, copy)
            if not Path(copy, "nli.sqlite").exists():
                return []
            with closing(sqlite3.connect(Path(copy, "nli.sqlite"))) as found:
                if found.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                    raise SystemExit(f"error: {self.cache}: the file of verdicts is damaged")
                tables = {name for (name,) in found.execute("SELECT name FROM sqlite_master")}
                return found.execute("SELECT * FROM verdict ORDER BY pair").fetchall() if "verdict" in tables else []

    def outcome(self) -> dict[str, Any]:
        """The verdicts, too; and every line of the scores, in order."""
        return {
            "verdicts": self.verdicts(),
            "scores": _lines(self.folder, "**/scores*.jsonl"),
            **super().outcome(),
        }


class Building(Command):
    """`leaderboard build`, into a new folder, and then over the site that is there: at any time it is whole."""

    kinds = ("time", "site", "site")
    times = 2

    def size(self, kind: str) -> int:
        """Bytes of the site that is being written; of the finished one where none is."""
        places = list(self.folder.glob(".site.*")) or [self.folder / "site"]
        # `os.walk` passes over a folder that is put in its place meanwhile.
        files = ((folder, name) for place in places for folder, _, names in os.walk(place) for name in names)
        return sum(_bytes(Path(folder, name)) for folder, name in files)

    def target(self) -> list[str]:
        """The arguments that name the folder of the site."""
        return ["--out", str(self.folder / "site")]

    def kept(self) -> list[str]:
        """The site, if it is there: its files with hashes of their content."""
        return [json.dumps(self.results())] if (self.folder / "site").exists() else []

    def stage(self, whole: Command) -> str:
        """How far it has come."""
        building = list(self.folder.glob(".site.*"))
        again = "over a site" if (self.folder / "site").exists() else "into a new folder"
        return f"{again}, {'writing' if building else 'before or after writing'}"

    def results(self) -> Any:
        """The files of the site with hashes of their content."""
        site = self.folder / "site"
        files = sorted(path for path in site.rglob("*") if path.is_file())
        return {str(path.relative_to(site)): sha256(path.read_bytes()).hexdigest() for path in files}


COMMANDS: dict[str, type[Command]] = {"run": Evaluation, "score": Scoring, "leaderboard": Building}


def _lines(folder: Path, names: str) -> list[str]:
    """All whole lines of some files."""
    return [
        line
        for path in sorted(folder.glob(names))
        for line in path.read_text().splitlines(keepends=True)
        if line.endswith("\n")
    ]


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
