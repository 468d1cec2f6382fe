"""Commands of groundeval that begin at once: forks of a process that has imported what they need."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


class Forked:
    """A command of groundeval in a fork of this process, which has imported large libraries once for all of them."""

    def __init__(self, command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        import groundeval.cli.app  # noqa: F401  what the entry imports first
        from groundeval.cli.entry import main

        sys.stdout.flush()
        self.pid = os.fork()
        self.code: int | None = None
        if self.pid:
            with suppress(OSError):  # whoever is first: its group is to be killed at any time from now
                os.setpgid(self.pid, self.pid)
        else:
            code = 70
            try:
                os.setpgid(0, 0)
                os.environ.update(environment or {})
                tempfile.tempdir = None  # it is looked up once
                signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
                target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                os.dup2(target, 1)
                os.dup2(target, 2)
                sys.argv = ["groundeval", *command]
                code = main()
                sys.stdout.flush()
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code

    def wait(self) -> int:
        """Wait for its end; the exit code."""
        if self.code is None:
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code
