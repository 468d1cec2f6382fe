"""`python usage_of.py COMMAND...`: runs a command and prints, as JSON, what it and its processes used.

A program of its own, because Linux counts the memory of the process that a command was forked from as the command's:
measured by a test process that has loaded large libraries, every command would seem to need as much as they do. This
one imports next to nothing. What the command says goes to stderr.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple


class Usage(NamedTuple):
    """Resources used by a command."""

    status: int
    seconds: float
    cpu_seconds: float
    gigabytes: float
    """Of the largest of its processes, at its peak."""
    output: str


def usage_of(command: Sequence[str]) -> Usage:
    """Run a command to its end, through this file as a program."""
    done = subprocess.run([sys.executable, __file__, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Usage(**json.loads(done.stdout), output=done.stderr)


def main() -> None:
    started = time.monotonic()
    process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
    # The usage of this command and its processes alone, whatever other tests have started.
    _, status, usage = os.wait4(process.pid, 0)
    found = {
        "status": os.waitstatus_to_exitcode(status),
        "seconds": time.monotonic() - started,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "gigabytes": usage.ru_maxrss / 1e6,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
