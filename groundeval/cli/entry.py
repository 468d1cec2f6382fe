"""The entry of the command `groundeval`: it answers while the command line, and what a command needs, is imported."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from groundeval.console.signs import said_something

PATIENCE = 2.0
"""Seconds until a word about the start. It takes one on a quiet machine, and half a minute from a cold or busy disk."""


def main() -> int:
    """Run the command line; returns the exit code."""
    try:
        with _patience():
            from groundeval.cli.app import main as run

            # It answers for itself from the moment in which a command begins.
            code = run()
    except KeyboardInterrupt:
        print("interrupted: nothing was begun", file=sys.stderr)
        code = 3
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # All is done but Python's own end: a Ctrl-C hastens it, and changes nothing.
        signal.signal(signal.SIGINT, lambda *_: os._exit(code))
    return code


@contextmanager
def _patience() -> Iterator[None]:
    """Say that groundeval is starting where nothing else is said for a while."""

    def wait() -> None:
        if not said_something.wait(PATIENCE):
            print("starting …", file=sys.stderr, flush=True)

    # A shell that asks for completions shows what is said among them.
    if "--quiet" not in sys.argv and "_GROUNDEVAL_COMPLETE" not in os.environ:
        threading.Thread(target=wait, name="groundeval start", daemon=True).start()
    try:
        yield
    finally:
        said_something.set()
