"""Temporary folders that a killed process cannot leave behind for long: the next one removes them."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def scratch_folder(parent: Path, prefix: str, suffix: str = "") -> Iterator[Path]:
    """A new folder below `parent`, named by prefix, eight characters and suffix. It is removed at the end.

    So are, at the beginning, folders of such names that this account made in processes that no longer run. Raises
    OSError where no folder can be made.
    """
    _remove_abandoned(parent, prefix, suffix)
    folder, lock = _made(parent, prefix, suffix)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


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
