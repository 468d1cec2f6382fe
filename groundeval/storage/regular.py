"""Opens files of run folders, which strangers may have written: regular files of bounded size, never through links.

A run folder is data. A symbolic link in it could publish a file of this machine, a FIFO could block a build for ever, a
device has no end. So every file of a run folder is opened by `open_regular`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from groundeval.errors import DataError

MOST_BYTES = 64 << 30
"""Most bytes of one file of a run folder: a hundred times the largest that a real run writes."""

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
# Without O_NONBLOCK, opening a FIFO waits for a writer.
_FILE = _FLAGS | os.O_NONBLOCK | os.O_NOCTTY
_FOLDER = _FLAGS | os.O_DIRECTORY


def open_regular(path: Path, root: Path | None = None, *, most_bytes: int = MOST_BYTES) -> BinaryIO:
    """Open a regular file for reading; no component below `root` (default: the file's folder) may be a link.

    Raises FileNotFoundError where there is none, and DataError for a link, for anything that is not a regular file, and
    for a file of more than `most_bytes`.
    """
    base = path.parent if root is None else root
    parts = path.relative_to(base).parts
    if not parts or ".." in parts:
        raise DataError(f"{path} is not a file below {base}")
    folder = os.open(base, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = _open(path, part, _FOLDER, folder)
            os.close(folder)
            folder = inner
        handle = _open(path, parts[-1], _FILE, folder)
    finally:
        os.close(folder)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise DataError(f"{path} is {_kind(found.st_mode)}, not a regular file. It is not read.")
        if found.st_size > most_bytes:
            raise DataError(f"{path} has {found.st_size:,} bytes; at most {most_bytes:,} are read.")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def refuse_links(path: Path, root: Path) -> None:
    """Raise DataError if a component below `root`, or the path itself, is a link: a write would follow it elsewhere.

    Components that do not exist are left to be made.
    """
    place = root
    for part in path.relative_to(root).parts:
        place = place / part
        if place.is_symlink():
            raise DataError(f"{place} is a symbolic link. Links in a run folder are not followed.")


def is_regular(path: Path, root: Path | None = None) -> bool:
    """Whether `open_regular` would open the path."""
    try:
        with open_regular(path, root):
            return True
    except (DataError, OSError):
        return False


def folders_below(root: Path) -> Iterator[Path]:
    """A folder and all folders below it, however deep; none that a link leads to, and none that cannot be read."""
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        yield folder
        with suppress(OSError), os.scandir(folder) as entries:
            waiting += [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]


def is_there(path: Path, what: Callable[[Path], bool] = Path.exists) -> bool:
    """Whether there is a file or folder, or what else is asked: `Path.is_file`, `Path.is_dir`.

    False, too, for a name that none can have, or that must not be looked up: `exists` raises for one that is too long.
    """
    try:
        return what(path)
    except (OSError, ValueError):
        return False


def _open(path: Path, part: str, flags: int, folder: int) -> int:
    try:
        return os.open(part, flags, dir_fd=folder)
    except OSError as error:
        # Linux answers ELOOP for a link to a file and ENOTDIR for a link to a folder.
        if error.errno in (errno.ELOOP, errno.EMLINK) or (error.errno == errno.ENOTDIR and _is_link(part, folder)):
            raise DataError(
                f"{path} is reached through a symbolic link. Links in a run folder are not followed."
            ) from None
        if error.errno == errno.ENXIO:
            raise DataError(f"{path} is a socket or device, not a regular file. It is not read.") from None
        raise


def _is_link(part: str, folder: int) -> bool:
    return stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode)


def _kind(mode: int) -> str:
    named = {stat.S_IFIFO: "a FIFO", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFDIR: "a folder"}
    return named.get(stat.S_IFMT(mode), "a special file")
