"""Whole runs in fresh processes: CPU time by phase, and how time and memory grow with the number of samples."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
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


@dataclass(frozen=True, slots=True)
class Growth:
    """What more samples cost, from one size of a command to the next: start-up is in neither."""

    command: str
    smaller: int
    larger: int
    cpu_ms: float
    """CPU milliseconds for each sample more."""
    times_memory: float
    """Peak memory of the larger run, divided by that of the smaller."""


def growth(runs: Sequence[WholeRun]) -> list[Growth]:
    """Of every command from each size to the next."""
    found = []
    for command in dict.fromkeys(each.command for each in runs):
        for small, large in pairwise(sorted((each for each in runs if each.command == command), key=_samples)):
            more = large.samples - small.samples
            if more:
                cpu = 1000 * (large.cpu_seconds - small.cpu_seconds) / more
                found.append(Growth(command, small.samples, large.samples, cpu, large.peak_mb / small.peak_mb))
    return found


def _samples(run: WholeRun) -> int:
    return run.samples


def _measured(name: str, samples: int, arguments: Sequence[str], folder: Path) -> WholeRun:
    report = folder / "phases.json"
    command = [sys.executable, "-m", "groundeval.bench.phases", str(report), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise DataError(f"{' '.join(arguments)} ended with code {run.returncode}:\n  {run.stderr.strip()}")
    told = json.loads(report.read_text(encoding="utf-8"))
    return WholeRun(name, samples, **told)
