"""Feeds what strangers may send, damaged at random, to the code that reads it: folders, files, answers and requests.

    python tools/fuzz_strangers.py --seeds 0:50000 --seconds 600

A case is its seed: the same seed is the same damage. A case is fine if what it is given is read, or refused by one of
groundeval's own errors; anything else, and more than five seconds of computing, is printed with the seed. The exit code
is 1 if there was such a case. It goes on from where a time limit stopped it: the first seed that is left is printed.
At the end it says how many cases of each kind there were, and which took longest.
The cases run in a process of their own, so that one that ends the process is found, too. What was found has a test of
its own where the code is tested; `tests/run/test_fuzzed_strangers.py` runs some cases.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from damage import altered
from fuzz_cases import Cases, found_out_once
from fuzz_ground import RECORD

from groundeval.scratch import scratch_folder

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


@dataclass(frozen=True, slots=True)
class Case:
    """What became of a case."""

    seed: int
    kind: str
    outcome: str
    """`fine`, `slow`, `traceback`, or `killed`: it ended the process."""
    seconds: float
    """Of computing."""


def fuzz(seeds: Iterable[int], until: float | None = None, *, show: bool = False) -> Iterator[tuple[Case, str]]:
    """Run the cases of some seeds; what became of each, with the traceback of one that is not fine.

    `until`: the time of the monotonic clock at which it stops. `show` prints the tracebacks.
    """
    memory = Path("/dev/shm")
    with scratch_folder(memory if memory.is_dir() else Path(tempfile.gettempdir()), "groundeval-fuzz-") as folder:
        cases = Cases(folder)
        for seed in seeds:
            if until is not None and time.monotonic() > until:
                return
            outcome, found, begun = "fine", "", time.process_time()
            try:
                with limited(SECONDS):
                    cases.case(seed)
            except KeyboardInterrupt:
                raise
            except Slow:
                outcome = "slow"
                found = f"seed {seed}, {cases.kind(seed)}: more than {SECONDS:g} s\n{traceback.format_exc(-6)}"
            except BaseException:
                outcome = "traceback"
                found = f"seed {seed}, {cases.kind(seed)}:\n{traceback.format_exc(limit=-6)}"
            if found and show:
                print(found, flush=True)
            yield Case(seed, cases.kind(seed), outcome, time.process_time() - begun), found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="0:1000", help="FIRST:END")
    parser.add_argument("--seconds", type=float, help="stop after so long")
    given = parser.parse_args()
    first, end = map(int, given.seeds.split(":"))
    until = None if given.seconds is None else time.monotonic() + given.seconds
    done: list[Case] = []
    while first < end and (until is None or time.monotonic() < until):
        found, exit_code = in_a_process(range(first, end), until)
        done += found
        first += len(found)
        if exit_code:
            print(f"seed {first} ended the process: {exit_code}", flush=True)
            done.append(Case(first, "unknown", "killed", 0.0))
            first += 1
    if first < end:
        print(f"stopped at seed {first}")
    for kind, outcomes in sorted(by_kind(done).items()):
        print(f"{kind}: " + ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items())))
    if done:
        longest = max(done, key=lambda case: case.seconds)
        print(f"longest: seed {longest.seed}, {longest.kind}, {longest.seconds:.2f} s of computing")
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    counted = Counter(case.outcome for case in done)
    print(f"{len(done)} cases: {dict(counted)}, at most {memory:.2f} GB of memory")
    return 0 if counted["fine"] == len(done) else 1


def in_a_process(seeds: range, until: float | None) -> tuple[list[Case], int | None]:
    """Run cases in a process of their own, which one of them may end: those before it, and the exit code."""
    # A file and not a pipe: what was written is there whatever ends the process.
    with tempfile.TemporaryFile("w+", buffering=1) as ledger:

        def work() -> None:
            found_out_once()
            for case, _ in fuzz(seeds, until, show=True):
                ledger.write(json.dumps(asdict(case)) + "\n")

        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        process.join()
        ledger.seek(0)
        return [Case(**json.loads(line)) for line in ledger], process.exitcode


def by_kind(cases: Iterable[Case]) -> dict[str, Counter[str]]:
    """The number of cases of each outcome, by their kind."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for case in cases:
        counts[case.kind][case.outcome] += 1
    return counts


if __name__ == "__main__":
    sys.exit(main())
