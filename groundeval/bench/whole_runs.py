"""Whole runs in fresh processes: CPU time by phase, and how time and memory grow with the number of samples."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from groundeval.bench.made_outputs import write_outputs
from groundeval.errors import DataError

TASK = "asqa"


@dataclass(frozen=True, slots=True)
class WholeRun:
    """The cost of one command on one number of samples, verifier `lexical`."""

    command: str
    samples: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    """Peak of resident memory, in MiB."""
    phases: Mapping[str, float]
    """CPU seconds by phase, from looks at the stack."""


def measure_runs(sizes: Sequence[int], folder: Path) -> list[WholeRun]:
    """`score` and `run --backend replay` of generated outputs, every record with texts of its own, smallest first."""
    found = []
    for size in sorted(sizes):
        file = write_outputs(folder / f"{size}.jsonl", size, TASK)
        common = ("--nli", "lexical", "--no-cache", "--quiet")
        found.append(_measured("score", size, ("score", str(file), "--task", TASK, *common), folder))
        replay = ("run", "--model", str(file), "--backend", "replay", "--tasks", TASK, "--data", str(file))
        output = ("--output-path", str(folder / f"runs-{size}"))
        found.append(_measured("run, replay", size, (*replay, *output, *common), folder))
        file.unlink()
    return found


def _measured(name: str, samples: int, arguments: Sequence[str], folder: Path) -> WholeRun:
    report = folder / "phases.json"
    command = [sys.executable, "-m", "groundeval.bench.phases", str(report), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise DataError(f"{' '.join(arguments)} ended with code {run.returncode}:\n  {run.stderr.strip()}")
    told = json.loads(report.read_text(encoding="utf-8"))
    return WholeRun(name, samples, **told)
