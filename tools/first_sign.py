"""Run a command of groundeval on a terminal and through a pipe: when it first says something, and its longest silence.

    python tools/first_sign.py [--stop-after SECONDS] -- compare runs/a runs/b

A sign is any visible character on stdout or stderr. `--stop-after` sends SIGINT then, for commands that serve or take
long. Exits with 1 if a command that lasted for `--within` seconds (5) had said nothing by then.
"""

from __future__ import annotations

import argparse
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|[\x00-\x20]")


@dataclass
class Told:
    """What a command said, and when, in seconds since its start."""

    times: list[float] = field(default_factory=list)
    lasted: float = 0.0
    code: int = 0
    first: str = ""
    computed: float = 0.0
    """CPU seconds of the command until its first sign, which do not depend on what else the machine does."""

    @property
    def silence(self) -> float:
        """The longest time without a sign, after the first one."""
        times = [*self.times, self.lasted]
        return max((after - before for before, after in pairwise(times)), default=self.lasted)

    def line(self, where: str) -> str:
        """All of it in one line."""
        if not self.times:
            return f"{where}: silent for all its {self.lasted:.1f} s, exit code {self.code}"
        first, silent = self.times[0], self.silence
        return (
            f"{where}: first sign {first:.1f} s ({self.computed:.1f} of computing), longest silence after it "
            f"{silent:.1f} s, lasted {self.lasted:.1f} s, exit code {self.code}: {self.first}"
        )


def listened(command: list[str], terminal: bool, stop_after: float | None) -> Told:
    """Run a command to its end, or interrupt it."""
    theirs: int
    ours, theirs = pty.openpty() if terminal else os.pipe()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "BROWSER": "true"}
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    told = Told()
    stopped = False
    while True:
        now = time.monotonic() - began
        if stop_after is not None and now > stop_after and not stopped:
            process.send_signal(signal.SIGINT)
            stopped = True
        if not select.select([ours], [], [], 0.05)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            said = os.read(ours, 65536)
        except OSError:
            break
        if not said:
            break
        if seen := CONTROL.sub(" ", said.decode(errors="replace")).split():
            told.times.append(time.monotonic() - began)
            if not told.first:
                told.first = " ".join(seen)[:80]
                told.computed = computed(process.pid)
    told.code = process.wait()
    told.lasted = time.monotonic() - began
    os.close(ours)
    return told


def computed(pid: int) -> float:
    """CPU seconds of a process so far; 0 where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--within", type=float, default=5.0)
    arguments.add_argument("--stop-after", type=float)
    arguments.add_argument("command", nargs="+", help="after --: a command of groundeval")
    asked = arguments.parse_args()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background job ignores it, and so would its own
    late = False
    for terminal in (True, False):
        told = listened([sys.executable, "-m", "groundeval", *asked.command], terminal, asked.stop_after)
        first = told.times[0] if told.times else told.lasted
        slow = told.lasted > asked.within and first > asked.within
        late = late or slow
        print(("LATE " if slow else "") + told.line("terminal" if terminal else "pipe"), flush=True)
    sys.exit(1 if late else 0)


if __name__ == "__main__":
    main()
