"""Feeds what strangers may send, damaged at random, to the code that reads it: folders, files, answers and requests.

    python tools/fuzz_strangers.py --seeds 0:50000 --seconds 600

A case is its seed: the same seed is the same damage. A case is fine if what it is given is read, or refused by one of
groundeval's own errors; anything else, and more than five seconds of computing, is printed with the seed. The exit code
is 1 if there was such a case. It goes on from where a time limit stopped it: the first seed that is left is printed.
The cases run in a process of their own, so that one that ends the process is found, too. What was found has a test of
its own where the code is tested; `tests/run/test_fuzzed_strangers.py` runs some cases.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from types import FrameType

from damage import altered
from fuzz_cases import RECORD, Cases

__all__ = ["RECORD", "Cases", "altered", "fuzz"]

SECONDS = 5.0
"""Of computing that one case may take; of waiting, which depends on what else the machine does, ten times as many."""


class Slow(BaseException):
    """A case that takes too long."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise Slow where the work inside takes longer."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Slow

    timers = ((signal.ITIMER_PROF, signal.SIGPROF, seconds), (signal.ITIMER_REAL, signal.SIGALRM, 10 * seconds))
    before = [signal.signal(number, stop) for _, number, _ in timers]
    for timer, _, limit in timers:
        signal.setitimer(timer, limit)
    try:
        yield
    finally:
        for (timer, number, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def fuzz(
    seeds: range, until: float | None = None, *, quiet: bool = True, at: Synchronized[int] | None = None
) -> tuple[Counter[str], list[str]]:
    """Run the cases of some seeds: counts, and what was found, each with its seed.

    `until`: the time of the monotonic clock at which it stops. `at` is set to the seed that comes next.
    """
    counts: Counter[str] = Counter()
    found: list[str] = []
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="groundeval-fuzz-", dir=place) as folder:
        cases = Cases(Path(folder))
        for seed in seeds:
            if until is not None and time.monotonic() > until:
                break
            if at is not None:
                at.value = seed
            try:
                with limited(SECONDS):
                    cases.case(seed)
                counts["fine"] += 1
                continue
            except Slow:
                counts["slow"] += 1
                found.append(f"seed {seed}, {cases.kind(seed)}: more than {SECONDS:g} s\n{traceback.format_exc(-6)}")
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                counts["traceback"] += 1
                found.append(f"seed {seed}, {cases.kind(seed)}:\n{traceback.format_exc(limit=-6)}")
            if not quiet:
                print(found[-1], flush=True)
        else:
            seed = seeds.stop
        if at is not None:
            at.value = seed
    return counts, found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="0:1000", help="FIRST:END")
    parser.add_argument("--seconds", type=float, help="stop after so long")
    given = parser.parse_args()
    first, end = map(int, given.seeds.split(":"))
    until = None if given.seconds is None else time.monotonic() + given.seconds
    context = multiprocessing.get_context("fork")
    at, total, killed = context.Value("q", first), context.Array("q", 3), 0
    kinds = ("fine", "slow", "traceback")

    def work(begin: int) -> None:
        counts, _ = fuzz(range(begin, end), until, quiet=False, at=at)
        for place, kind in enumerate(kinds):
            total[place] += counts[kind]

    while at.value < end and (until is None or time.monotonic() < until):
        begin = at.value
        process = context.Process(target=work, args=(begin,))
        process.start()
        process.join()
        if process.exitcode:
            killed += 1
            total[0] += at.value - begin
            print(f"seed {at.value} ended the process: {process.exitcode}", flush=True)
            at.value += 1
    if at.value < end:
        print(f"stopped at seed {at.value}")
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    counted = {**dict(zip(kinds, total, strict=True)), "killed": killed}
    print(f"{counted}, at most {memory:.2f} GB of memory")
    return 1 if any(counted[kind] for kind in counted if kind != "fine") else 0


if __name__ == "__main__":
    sys.exit(main())
