"""Kill a run with SIGKILL at random moments, start it again each time, and check that nothing is lost or changed.

    python tools/kill_runs.py --kills 50 -- run --model outputs.json --backend replay --batch-size 1 --tasks asqa ...
    python tools/kill_runs.py --kills 30 -- train tiny.yaml

What stands behind `--` is a command of groundeval; it is run once undisturbed, then again and again into folders of its
own, killed when a random time has passed, or a random share of the texts or of the scores is written, until so many
kills have hit. After each kill, all lines that were there before must still be there; at the end of each run, every
sample has one line and `results.json` has the bytes of the undisturbed run (with `--texts-may-differ`: of what was
generated, the lines only). Of `train`, finished stages stay; logged values, completions, weights, held-out results and
the names of all files are those of the undisturbed run. Exits with 1 at the first thing that is not so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kill_training import Training


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kills", type=int, default=50)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--texts-may-differ", action="store_true", help="the backend is not deterministic")
    arguments.add_argument("command", nargs="+", help="after --: run --model ..., or train RECIPE ...")
    asked = arguments.parse_args()
    moments = random.Random(asked.seed)
    kind = Training if asked.command[0] == "train" else Evaluation
    with tempfile.TemporaryDirectory(prefix="groundeval-kills-") as place:
        began = time.monotonic()
        whole = kind(Path(place, "undisturbed"), asked.command)
        if lives(whole, None) != 0:
            fail(f"the undisturbed run failed:\n{whole.log.read_text()}")
        longest = time.monotonic() - began
        print(f"undisturbed: {longest:.1f} s", flush=True)
        hits: Counter[str] = Counter()
        runs = 0
        while hits.total() < asked.kills:
            runs += 1
            hits += killed(kind(Path(place, str(runs)), asked.command), asked, whole, moments, longest, hits.total())
            print(f"{hits.total()} kills, {runs} runs", flush=True)
    print(f"{hits.total()} kills in {runs} runs: " + ", ".join(f"{count} {when}" for when, count in hits.items()))
    print("every line stayed, every sample is there once, " + ("" if asked.texts_may_differ else "all results alike"))


def killed(
    run: Evaluation | Training,
    asked: argparse.Namespace,
    whole: Evaluation | Training,
    moments: random.Random,
    longest: float,
    before: int,
) -> Counter[str]:
    """One run from its first start to its end; where it was hit."""
    hits: Counter[str] = Counter()
    while True:
        lines = run.kept()
        code = lives(run, moment(run, whole, moments, longest) if before + hits.total() < asked.kills else None)
        if run.kept()[: len(lines)] != lines:
            fail(f"{run.folder}: lines that were written have changed")
        if code == 0:
            break
        if code != -signal.SIGKILL:
            fail(f"exit code {code}:\n{run.log.read_text()}")
        hits[run.stage(whole)] += 1
    expected, found = whole.outcome(), run.outcome()
    for part in expected:
        if found[part] != expected[part] and not (asked.texts_may_differ and part == "results"):
            differing = difference(found[part], expected[part])
            fail(f"{run.folder}: {part} differ from those of the undisturbed run: {differing}")
    return hits


def difference(found: Any, expected: Any) -> str:
    """What only one of two lists has; of anything else, both."""
    if isinstance(found, list):
        gained, lost = (
            [each for each in one if each not in other] for one, other in ((found, expected), (expected, found))
        )
        if not gained and not lost:
            return f"there are the same in another order or number: {found}\ninstead of {expected}"
        return f"there are also {gained}, there are not {lost}"
    return f"{str(found)[:2_000]}\n{str(expected)[:2_000]}"


def lives(run: Evaluation | Training, is_time: Callable[[], bool] | None) -> int:
    """Start it, kill it with all its processes when it is time, and give its exit code."""
    process = run.start()
    while is_time is not None and process.poll() is None:
        if is_time():
            os.killpg(process.pid, signal.SIGKILL)
            break
        time.sleep(0.001)
    return process.wait()


def moment(
    run: Evaluation | Training, whole: Evaluation | Training, moments: random.Random, longest: float
) -> Callable[[], bool]:
    """When to kill: a question that is asked again and again. What is written already gives no moment any more."""
    kind = moments.choice(run.kinds)
    if kind == "time":
        end = time.monotonic() + moments.uniform(0, longest)
        return lambda: time.monotonic() >= end
    share = moments.uniform(run.size(kind), max(whole.size(kind), run.size(kind)))
    return lambda: run.size(kind) > share


class Evaluation:
    """One `run` with a folder of its own for what it writes."""

    kinds = ("time", "generations", "scores")

    def __init__(self, folder: Path, command: list[str]) -> None:
        self.folder = folder
        self.log = folder.with_suffix(".log")
        self.command = [sys.executable, "-m", "groundeval", *command, "--output-path", str(folder), "--quiet"]

    def start(self) -> subprocess.Popen[bytes]:
        """Start it, or resume it."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            return subprocess.Popen(self.command, stdout=log, stderr=log, start_new_session=True)

    def size(self, kind: str) -> int:
        """Bytes of the `generations` or `scores` so far."""
        return sum(path.stat().st_size for path in self.folder.rglob(f"{kind}*.jsonl"))

    def kept(self) -> list[str]:
        """All whole lines of generations."""
        return [
            line
            for path in sorted(self.folder.glob("*/*/*/generations*.jsonl"))
            for line in path.read_text().splitlines(keepends=True)
            if line.endswith("\n")
        ]

    def stage(self, whole: Evaluation | Training) -> str:
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
        """The ids of all generations, as often as they are there, and every results.json by its place."""
        return {
            "samples": sorted(json.loads(line)["id"] for line in self.kept()),
            "results": {
                str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("results.json")
            },
        }


def fail(message: str) -> None:
    sys.exit(f"error: {message}")


if __name__ == "__main__":
    main()
