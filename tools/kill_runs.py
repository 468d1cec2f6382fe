"""Stop a command at random moments, start it again each time, and check that nothing is lost or changed.

It is killed with SIGKILL. With `--interrupts`, it gets SIGINT instead, as by Ctrl-C: it has to answer within a second
(or so many as are given) and to end with exit code 3.

    python tools/kill_runs.py --kills 50 -- run --model outputs.json --backend replay --batch-size 1 --tasks asqa ...
    python tools/kill_runs.py --kills 30 -- score outputs.json --nli true:FOLDER
    python tools/kill_runs.py --kills 30 -- leaderboard build runs/
    python tools/kill_runs.py --kills 30 -- train tiny.yaml

What stands behind `--` is a command of groundeval; it is run once undisturbed, then again and again into folders of its
own, killed when a random time has passed, or a random share of the texts, of the verdicts or of the scores is written,
until so many kills have hit. Whatever the command, at its end the names of all files are those of the undisturbed run,
in the folders of its temporary files and of its cache, too. And:

- `run`: all lines of texts that were there before a kill are there after it; at the end every sample has one line, and
  `results.json` has the bytes of the undisturbed run, but with `--texts-may-differ`.
- `score`: lines of scores stay; verdicts in the cache, scores and results are alike.
- `leaderboard build`: there is a whole site or none, and where there was one, one; in the end it has the same bytes.
- `train`: finished stages stay; logged values, completions, weights and held-out results are alike.

Exits with 1 at the first thing that is not so.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from forked import Forked
from kill_kinds import COMMANDS, Command
from kill_training import Training

ANSWERS = ("stopping after", "interrupted:", "stopped on request")
"""What a command says when it is interrupted."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kills", type=int, default=50)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument(
        "--interrupts", type=float, nargs="?", const=1.0, metavar="SECONDS", help="SIGINT, not SIGKILL"
    )
    arguments.add_argument("--texts-may-differ", action="store_true", help="the backend is not deterministic")
    arguments.add_argument("command", nargs="+", help="after --: run --model ..., score FILE ..., ...")
    asked = arguments.parse_args()
    moments = random.Random(asked.seed)
    kind: type[Command] = Training if asked.command[0] == "train" else COMMANDS[asked.command[0]]
    with tempfile.TemporaryDirectory(prefix="groundeval-kills-") as place:
        whole = kind(Path(place, "undisturbed"), asked.command)
        began = time.monotonic()
        for _ in range(whole.times):
            if lives(whole, None) != 0:
                fail(f"the undisturbed run failed:\n{whole.log.read_text()}")
        longest = (time.monotonic() - began) / whole.times
        print(f"undisturbed: {longest:.1f} s", flush=True)
        hits: Counter[str] = Counter()
        runs = 0
        while hits.total() < asked.kills:
            runs += 1
            hits += killed(kind(Path(place, str(runs)), asked.command), asked, whole, moments, longest, hits.total())
            print(f"{hits.total()} kills, {runs} runs", flush=True)
    print(f"{hits.total()} kills in {runs} runs: " + ", ".join(f"{count} {when}" for when, count in hits.items()))
    print(
        "what was written stayed, no file is left over" + ("" if asked.texts_may_differ else ", all results are alike")
    )


def killed(
    run: Command,
    asked: argparse.Namespace,
    whole: Command,
    moments: random.Random,
    longest: float,
    before: int,
) -> Counter[str]:
    """One run from its first start to its end; where it was hit."""
    hits: Counter[str] = Counter()
    ended = 0
    while ended < run.times:
        lines = run.kept()
        is_time = moment(run, whole, moments, longest) if before + hits.total() < asked.kills else None
        code = lives(run, is_time, asked.interrupts)
        if not run.keeps(lines):
            fail(f"{run.folder}: what was written has changed")
        if code == 0:
            ended += 1
        elif code == (-signal.SIGKILL if asked.interrupts is None else 3):
            hits[run.stage(whole)] += 1
        else:
            fail(f"exit code {code}:\n{run.log.read_text()}")
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


def lives(run: Command, is_time: Callable[[], bool] | None, answer_within: float | None = None) -> int:
    """Start it, kill it with all its processes when it is time, or interrupt it, and give its exit code."""
    process = run.start()
    while is_time is not None and process.poll() is None:
        if is_time():
            if answer_within is None:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                interrupt(run, process, answer_within)
            break
        time.sleep(0.001)
    return process.wait()


def interrupt(run: Command, process: Forked, answer_within: float) -> None:
    """Send SIGINT, and wait for an answer to it, or for the end of the process."""
    os.kill(process.pid, signal.SIGINT)
    began = time.monotonic()
    while not (run.log.exists() and any(answer in run.log.read_text(errors="replace") for answer in ANSWERS)):
        if process.poll() is not None:
            return
        if time.monotonic() - began > answer_within:
            fail(f"no answer to SIGINT within {answer_within:g} s:\n{run.log.read_text()}")
        time.sleep(0.002)
    print(f"answered after {time.monotonic() - began:.2f} s", flush=True)


def moment(run: Command, whole: Command, moments: random.Random, longest: float) -> Callable[[], bool]:
    """When to kill: a question that is asked again and again. What is written already gives no moment any more."""
    kind = moments.choice(run.kinds)
    if kind == "time":
        end = time.monotonic() + moments.uniform(0, 1.2 * longest)  # now and then none: it comes to its end
        return lambda: time.monotonic() >= end
    share = moments.uniform(run.size(kind), max(whole.size(kind), run.size(kind)))
    return lambda: run.size(kind) > share


def fail(message: str) -> None:
    sys.exit(f"error: {message}")


if __name__ == "__main__":
    main()
