"""A training run for `kill_runs.py`: its processes, how far it has come, and what must be alike at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from forked import Forked
from kill_kinds import Command

HELD_OUT = "held_out"
COMPARED = ("loss", "grad_norm", "reward", "reward_std", "entropy", HELD_OUT)
"""What a step logs and a resumed run must log alike; times and counts of cached verdicts differ."""


class Training(Command):
    """One training run with a folder of its own."""

    kinds = ("time", "metrics", "stages", "stages", "evaluations")
    """Moments to kill at: a time, or a share of the bytes of these files."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.folder = folder
        self.log = folder.with_suffix(".log")
        self.command = [*command, "--output-path", str(folder)]

    def start(self) -> Forked:
        """Start it, or resume it."""
        import transformers
        import trl

        trl.GRPOTrainer, trl.SFTTrainer, transformers.LlamaForCausalLM  # noqa: B018  imported when they are named
        return Forked(self.command, self.log)

    def size(self, kind: str) -> int:
        """Bytes of the logs called `kind`, or below folders of that name."""
        files = [*self.folder.glob(f"training/*/*/{kind}.jsonl"), *self.folder.glob(f"training/*/*/{kind}/**/*")]
        return sum(_bytes(path) for path in files)

    def stage(self, whole: object) -> str:
        """How far it has come."""
        [*found] = self.folder.glob("training/*/*")
        if not found:
            return "before the folder was made"
        [folder] = found
        if not (folder / "metrics.jsonl").exists() and not list(folder.glob("stages/*")):
            return "before the first stage"
        if (folder / "report.md").exists():
            return "after the report"
        place = max(folder.glob("stages/*"), default=folder / "stages")
        if (folder / "stages.json").exists() and len(self.kept()) == int(place.name[0]):
            return "between stages, or in the last evaluation"
        for checkpoint in place.glob("checkpoint-*"):
            if not (checkpoint / "groundeval.json").exists():
                return f"{place.name}, saving a checkpoint"
        return f"{place.name}, saving the model" if (place / "model").exists() else f"{place.name}, training"

    def kept(self) -> list[str]:
        """What must still be there after a resumed session: the finished stages."""
        return [line for file in self.folder.glob("training/*/*/stages.json") for line in _stages(file)]

    def outcome(self) -> dict[str, Any]:
        """What must be as in an undisturbed run: logged values, held-out results, weights, and the names of files."""
        [folder] = self.folder.glob("training/*/*")
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        # An evaluation that was interrupted is made after its step's row is written, else before.
        rows.sort(key=lambda row: (row["total_step"], HELD_OUT in row))
        return {
            "logged": [
                (row["stage"], row["step"], {key: row[key] for key in COMPARED if key in row})
                for row in rows
                if any(key in row for key in COMPARED)
            ],
            "evaluations": (folder / "evaluations.jsonl").read_text()
            if (folder / "evaluations.jsonl").exists()
            else "",
            "stages": self.kept(),
            "completions": {
                str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("stages/*/completions/*")
            },
            "weights": {
                str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("stages/*/model/*.s*")
            },
            "files": sorted(str(path.relative_to(folder)) for path in folder.rglob("*")),
        }


def _stages(file: Path) -> Iterator[str]:
    for each in json.loads(file.read_text()):
        yield json.dumps({key: value for key, value in each.items() if key not in ("started", "finished")})


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
