"""The output of an engine and its worker processes: captured, and quoted in errors."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from groundeval.scratch import Scratch, temporary

_PREFIX = re.compile(r"^(?:\x1b\[[0-9;]*m)*\([^)]*\)\s*(?:\x1b\[[0-9;]*m)*\s*")
_LOGGED = re.compile(r"^(?:ERROR|CRITICAL) \S+ \S+ \[[^\]]*\] ?")
_NAMED = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Exit)\b.*")
_QUOTED = 1500


class EngineLog:
    """A log file of an engine's output; processes started while it captures write to it until they end.

    `path`: a file that is kept. Without one it is temporary, unless an error message refers to it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._scratch: Scratch | None = None
        if path is None:
            self._scratch = temporary("engine")
            path = self._scratch.path / "engine.log"
        self.path = path
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch()

    @contextmanager
    def captured(self) -> Iterator[None]:
        """Redirect standard output and error of this process, and of those it starts, to the log."""
        sys.stdout.flush()
        sys.stderr.flush()
        saved = [os.dup(1), os.dup(2)]
        target = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        try:
            os.dup2(target, 1)
            os.dup2(target, 2)
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, descriptor in enumerate(saved, 1):
                os.dup2(descriptor, number)
                os.close(descriptor)
            os.close(target)

    def explain(self, error: BaseException) -> str:
        """The error's message with the engine's own, which is often only in the log."""
        self._keep()
        said = self.errors()
        message = f"{type(error).__name__}: {error}"
        if said and said not in message:
            message += f"\n  vLLM said: {said}"
        return f"{message}\n  Full output: {self.path}"

    def errors(self) -> str:
        """The last named error of the log that is not about another process's failure; empty if there is none."""
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        found = []
        for line in text.splitlines():
            plain = _LOGGED.sub("", _PREFIX.sub("", line)).strip()
            if _NAMED.match(plain) and "See root cause above" not in plain and "See stack trace" not in plain:
                found.append(plain)
        return found[-1][:_QUOTED] if found else ""

    def close(self) -> None:
        """Remove a temporary file, unless an error message refers to it."""
        if self._scratch is not None:
            self._scratch.close()

    def _keep(self) -> None:
        """Move a temporary file to where it stays; the engine's processes go on writing to it."""
        if self._scratch is not None:
            handle, name = tempfile.mkstemp(prefix="groundeval-engine-", suffix=".log")
            os.close(handle)
            self.path = self.path.rename(name)
            self.close()
            self._scratch = None
