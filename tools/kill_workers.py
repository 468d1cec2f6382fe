"""Run the same command in several ways, kill workers in the middle of it, and check that nothing of it shows.

    python tools/kill_workers.py --kills 10 -- run --model outputs.json --backend replay --tasks asqa --nli lexical ...

The command of groundeval behind `--` is run in one process. Then, each into folders of its own:

- `shards`: as four shards, which `groundeval merge` brings together. One that runs is killed, and started again.
- `actors`: with its backend and its verifier in two actors of a local Ray cluster. Actors at work are killed.
- `servers`: with two `groundeval serve-nli` of its verifier. One of them is killed, and started again.

Each way is first run undisturbed, then until so many kills have hit. Every `results.json` must have the bytes of the
first run's, and only the work of what was killed may be repeated: a shard's lines stay and no other shard is started
again; an actor's death repeats one batch; a server's death repeats requests that were with it. `--ways` names the ways
to take. Exits with 1 at the first thing that is not so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import pairwise
from pathlib import Path

from forked import Forked
from kill_kinds import Evaluation
from kill_runs import fail, lives

SHARDS = 4
ACTORS = "actors=2"
AT_WORK = "ray::_Actor.work"
"""The title of the process of an actor that works."""
MOST_KILLS = 5
"""In one run, or one shard of it."""
RESUMABLE = 3


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--kills", type=int, default=10, help="of each way")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--ways", default="shards,actors,servers")
    arguments.add_argument("command", nargs="+", help="after --: run --model ...")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="groundeval-kills-") as place:
        began = time.monotonic()
        whole = Evaluation(Path(place, "one"), asked.command)
        if lives(whole, None) != 0:
            fail(f"the run in one process failed:\n{whole.log.read_text()}")
        print(f"one process: {time.monotonic() - began:.0f} s, {len(whole.kept())} samples", flush=True)
        for way in asked.ways.split(","):
            moments = random.Random(f"{asked.seed} {way}")
            print(WAYS[way](Path(place, way), asked.command, whole, asked.kills, moments), flush=True)
    print("all results alike")


# Shards


def shards(place: Path, command: list[str], whole: Evaluation, kills: int, moments: random.Random) -> str:
    """All shards, merged and scored; one that is killed starts again, and the others' files stay as they are."""
    hits = runs = 0
    while runs < 2 or hits < kills:
        folders = [place / str(runs) / f"shard{index}" for index in range(1, SHARDS + 1)]
        for index, folder in enumerate(folders, 1):
            texts = written(folders)
            part = Evaluation(folder, [*command, "--phase", "generate", "--shard", f"{index}/{SHARDS}"])
            hits += killed_shard(part, min(kills - hits, MOST_KILLS) if runs else 0, moments)
            if {path: time for path, time in written(folders).items() if path in texts} != texts:
                fail("a shard has touched another's texts")
        merged = Evaluation(place / str(runs) / "merged", [*command, "--phase", "score"])
        merge = ["merge", *map(str, folders), "--output-path", str(merged.folder)]
        subprocess.run([sys.executable, "-m", "groundeval", *merge], check=True, stdout=subprocess.DEVNULL)
        if lives(merged, None) != 0:
            fail(merged.log.read_text())
        check(merged, whole)
        runs += 1
        print(f"  shards: {hits} kills, {runs} runs", flush=True)
    return f"{SHARDS} shards, merged: {hits} kills in {runs} runs; every line stayed, no other shard was touched"


def killed_shard(run: Evaluation, kills: int, moments: random.Random) -> int:
    """Run a shard to its end, killed at most so often once some of what is missing is there; the number of kills."""
    hits = 0
    while True:
        before = run.kept()
        goal = run.size("generations") + moments.randint(1, 2000)
        code = lives(run, partial(has_grown, run, goal) if hits < kills else None)
        if run.kept()[: len(before)] != before:
            fail(f"{run.folder}: lines that were written have changed")
        if code == 0:
            break
        if code != -signal.SIGKILL:
            fail(run.log.read_text())
        hits += 1
    return hits


def has_grown(run: Evaluation, goal: int) -> bool:
    return run.size("generations") >= goal


def written(folders: Sequence[Path]) -> dict[Path, int]:
    """When each file of texts was written."""
    return {path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("generations*.jsonl")}


# Actors of Ray


def actors(place: Path, command: list[str], whole: Evaluation, kills: int, moments: random.Random) -> str:
    """The run in Ray's actors, which are killed while they work on a batch of prompts or of pairs."""
    through_ray = [*changed(changed(command, "--backend", "hf", "ray:{}"), "--nli", "true", "ray:{}"), "--ray", ACTORS]
    hits = runs = repeated = 0
    while runs < 2 or hits < kills:
        run = Evaluation(place / str(runs), through_ray)
        found, said = 0, ""
        while True:
            before = found
            with living(run) as process:
                if runs:
                    found += killed_actors(process, min(kills - hits, MOST_KILLS) - found, moments)
                code = process.wait()
            said += run.log.read_text()
            if code != RESUMABLE or found == before:
                break
        if code != 0:
            fail(f"exit code {code}:\n{said}")
        repeats = said.count("its batch is repeated")
        if repeats > found:
            fail(f"{repeats} batches were repeated after {found} kills:\n{said}")
        check(run, whole)
        hits, repeated, runs = hits + found, repeated + repeats, runs + 1
        print(f"  actors: {hits} kills, {runs} runs", flush=True)
    return f"2 actors: {hits} kills at work in {runs} runs; {repeated} batches were repeated, one for each at most"


def killed_actors(process: Forked, kills: int, moments: random.Random) -> int:
    """Kill actors that work, at random moments, at most so often; the number of kills."""
    hits = 0
    not_before = time.monotonic()
    while hits < kills and process.poll() is None:
        working = [each for each, words in descendants(process.pid) if words.startswith(AT_WORK)]
        if working and time.monotonic() >= not_before:
            with suppress(ProcessLookupError):
                os.kill(moments.choice(working), signal.SIGKILL)
                hits += 1
            not_before = time.monotonic() + moments.uniform(0.1, 2.0)
        time.sleep(0.005)
    return hits


def descendants(root: int) -> Iterator[tuple[int, str]]:
    """The processes below one, each with its command line."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            children.setdefault(int(stat.read_text().rpartition(")")[2].split()[1]), []).append(int(stat.parent.name))
    todo = [root]
    while todo:
        for each in children.get(todo.pop(), ()):
            todo.append(each)
            with suppress(OSError):
                yield each, Path(f"/proc/{each}/cmdline").read_text().replace("\0", " ")


# Servers of a verifier


def servers(place: Path, command: list[str], whole: Evaluation, kills: int, moments: random.Random) -> str:
    """The run with two servers of its verifier; one that has judged some pairs is killed, and started again."""
    hits = runs = repeated = needed = 0
    place.mkdir()
    while runs < 2 or hits < kills:
        pair = [Server(command, place / f"server{runs}-{index}.log") for index in range(2)]
        try:
            for each in pair:
                each.start()
            for each in pair:
                each.wait()
            run = Evaluation(
                place / str(runs), changed(command, "--nli", "true", ",".join(each.address for each in pair))
            )
            found = 0
            with living(run) as process:
                while runs and found < min(kills - hits, MOST_KILLS) and process.poll() is None:
                    time.sleep(moments.uniform(0.1, 1.0))
                    victim = moments.choice(pair)
                    if victim.judging() and process.poll() is None:
                        victim.kill()
                        victim.start()
                        found += 1
                while process.poll() is None:
                    time.sleep(0.05)
                    for each in pair:
                        each.judging()
                code = process.wait()
            if code != 0:
                fail(f"exit code {code}:\n{run.log.read_text()}")
            check(run, whole)
        finally:
            judged = sum(each.end() for each in pair)
        needed = judged if runs == 0 else needed
        repeated += max(0, judged - needed)
        hits, runs = hits + found, runs + 1
        print(f"  servers: {hits} kills, {runs} runs", flush=True)
    return f"2 servers: {hits} kills in {runs} runs; {needed} pairs in a run, {repeated} in all judged again"


class Server:
    """One `groundeval serve-nli` of the command's verifier, which can be killed and started again at its address."""

    def __init__(self, command: list[str], log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        plugin = [word for flag, word in pairwise(command) if flag == "--include-path"]
        included = [word for each in plugin for word in ("--include-path", each)]
        words = ["serve-nli", "--model", value(command, "--nli", "true"), "--port", str(port), "--no-cache", *included]
        self._command = [sys.executable, "-m", "groundeval", *words]
        self._log = log.open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        self._judged = self._before = 0

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=self._log, stderr=self._log, start_new_session=True)

    def wait(self) -> None:
        """Until it answers."""
        for _ in range(3000):
            with suppress(OSError):
                urllib.request.urlopen(f"{self.address}/health", timeout=5).close()
                return
            time.sleep(0.1)
        fail(f"{self.address} does not start: {Path(self._log.name).read_text()}")

    def judging(self) -> bool:
        """Whether it has judged pairs since it was asked last, or since it was started."""
        before = self._judged
        with suppress(OSError, ValueError), urllib.request.urlopen(f"{self.address}/health", timeout=5) as answer:
            self._judged = int(json.load(answer).get("judged") or 0)
        return self._judged > before

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._before, self._judged = self._before + self._judged, 0

    def end(self) -> int:
        """The number of pairs it has judged in all."""
        self.judging()
        self.kill()
        self._log.close()
        return self._before


# What they have in common


@contextmanager
def living(run: Evaluation) -> Iterator[Forked]:
    """The command while it runs."""
    process = run.start()
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def check(run: Evaluation, whole: Evaluation) -> None:
    """Every sample is there once, and the results are those of the run in one process."""
    expected, found = whole.outcome(), run.outcome()
    if found["samples"] != expected["samples"]:
        fail(f"{run.folder}: samples are missing, or there twice: {found['samples']}")
    if not expected["results"] or found["results"] != expected["results"]:
        fail(f"{run.folder}: results.json differs from that of one process")


def value(command: Sequence[str], flag: str, default: str) -> str:
    """What a flag of the command is set to."""
    return next((word for name, word in pairwise(command) if name == flag), default)


def changed(command: Sequence[str], flag: str, default: str, form: str) -> list[str]:
    """The command with another value of a flag, made from the one that it has."""
    place = command.index(flag) if flag in command else len(command)
    return [*command[:place], *command[place + 2 :], flag, form.format(value(command, flag, default))]


WAYS = {"shards": shards, "actors": actors, "servers": servers}

if __name__ == "__main__":
    main()
