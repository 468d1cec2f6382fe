"""Ends a command on external conditions: SIGTERM, a closed pipe, a full or read-only disk."""

from __future__ import annotations

import _thread
import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from groundeval.errors import EXIT_FAILED, EXIT_RESUMABLE

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of a full disk; the same command resumes when there is space."""
REFUSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENAMETOOLONG, errno.EMFILE})
"""Errors of a place that cannot be written to or read from: the machine's, not a bug."""


@contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does wherever nothing else handles it: exit code 3 instead of being killed."""
    alone = threading.current_thread() is threading.main_thread()
    if not alone or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    owner = os.getpid()

    def interrupt(number: int, frame: FrameType | None) -> None:
        if os.getpid() == owner:
            raise KeyboardInterrupt
        # A forked child ends as it would have without this.
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def interrupts_reach() -> Iterator[None]:
    """Raise a Ctrl-C again that came while an object was destroyed, where Python reports exceptions and drops them."""
    before = sys.unraisablehook

    def again(dropped: sys.UnraisableHookArgs) -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            # Soon: at once it would be raised in here, and dropped again.
            threading.Timer(0.02, _thread.interrupt_main).start()
        else:
            before(dropped)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = before


def led_to(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Whether an error is of a kind, or was raised while one of that kind was handled."""
    while error is not None:
        if isinstance(error, kind):
            return True
        error = error.__context__
    return False


def drop_output() -> None:
    """Discard output not yet printed: flushing it at exit would fail again, with a traceback."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def told(error: OSError) -> tuple[str, int] | None:
    """The message and exit code for an error of the machine; None for any other, which is a bug."""
    if error.errno not in FULL | REFUSED:
        return None
    place = error.filename or "the output"
    if error.errno in FULL:
        return f"error: cannot write {place}: {error.strerror}. Everything written before is whole.", EXIT_RESUMABLE
    return f"error: {place}: {error.strerror}", EXIT_FAILED
