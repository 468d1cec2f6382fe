"""Temporary folders that a killed process cannot leave behind for long: the next one removes them."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

SHORT = Path("/tmp")
"""Where temporary files are if TMPDIR's path is too long."""
RANDOM = 8
"""Characters that `tempfile` adds to a name."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Scratch:
    """A new folder below `parent`, named by prefix, eight characters and suffix, until `close` removes it.

    Before it is made, folders of such names are removed that this account made in processes that no longer run. Raises
    OSError where no folder can be made.
    """

    def __init__(self, parent: Path, prefix: str, suffix: str = "") -> None:
        _remove_abandoned(parent, prefix, suffix)
        self.path, self._lock = _made(parent, prefix, suffix)
        self._is_closed = False

    def close(self) -> None:
        """Remove it; what is removed already stays so."""
        if not self._is_closed:
            self._is_closed = True
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)


@contextmanager
def scratch_folder(parent: Path, prefix: str, suffix: str = "") -> Iterator[Path]:
    """The path of a `Scratch`, which is removed at the end."""
    scratch = Scratch(parent, prefix, suffix)
    try:
        yield scratch.path
    finally:
        scratch.close()


def temporary(purpose: str, *, longest: int | None = None) -> Scratch:
    """A `Scratch` among the machine's temporary files, `groundeval-PURPOSE-...`.

    `longest`: bytes that its path may have, since names of sockets are short; below a longer TMPDIR it is in `/tmp`.
    """
    parent, prefix = Path(tempfile.gettempdir()), f"groundeval-{purpose}-"
    if longest is not None and len(os.fsencode(parent / prefix)) + RANDOM > longest:
        parent = SHORT
    return Scratch(parent, prefix)


def temporary_folder(purpose: str) -> AbstractContextManager[Path]:
    """The path of a folder as of `temporary`, which is removed at the end."""
    return scratch_folder(Path(tempfile.gettempdir()), f"groundeval-{purpose}-")


def _made(parent: Path, prefix: str, suffix: str) -> tuple[Path, int]:
    """A folder and its lock, which says that its process runs."""
    while True:
        folder = Path(tempfile.mkdtemp(suffix, prefix, parent))
        # Until it is locked, another process may take it for abandoned, and remove it.
        with suppress(FileNotFoundError):
            lock = os.open(folder, _FOLDER)
            try:
                _lock(lock)
            except BlockingIOError:
                os.close(lock)
                continue
            except OSError:
                pass  # A file system without locks, on which no other process can lock, and remove, it either.
            if folder.exists():
                return folder, lock
            os.close(lock)


def _lock(folder: int) -> None:
    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_abandoned(parent: Path, prefix: str, suffix: str) -> None:
    named = re.compile(re.escape(prefix) + r"[a-z0-9_]{8}" + re.escape(suffix))
    with suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if not named.fullmatch(entry.name):
                continue
            with suppress(OSError):
                lock = os.open(entry.path, _FOLDER)
                try:
                    _lock(lock)
                    if os.fstat(lock).st_uid == os.geteuid():
                        shutil.rmtree(entry.path, ignore_errors=True)
                finally:
                    os.close(lock)
