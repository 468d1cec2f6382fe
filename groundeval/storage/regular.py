"""Opens files of run folders, which strangers may have written: regular files of bounded size, never through links.

A run folder is data. A symbolic link in it could publish a file of this machine, a FIFO could block a build for ever, a
device has no end. So every file of a run folder is opened here, relative to a handle of the folder that it lies in:
what a path led to a moment ago, somebody may have replaced.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from groundeval.errors import DataError

MOST_BYTES = 64 << 30
"""Most bytes of one file of a run folder: a hundred times the largest that a real run writes."""

DEEPEST = 100
"""Folders within folders that are looked into."""

# Without O_NONBLOCK, opening a FIFO waits for a writer.
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY
_APPENDED = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


Identity = tuple[int, int]
"""Device and number of a folder on it."""
_held: dict[Path, Identity] = {}


def identities(folders: Iterable[Path]) -> dict[Path, Identity]:
    """What `holding` takes: folders that are there, as they are now, or as they are held already."""
    found: dict[Path, Identity] = {}
    for folder in folders:
        with suppress(OSError):
            now = folder.stat()
            found[folder] = _held.get(folder, (now.st_dev, now.st_ino))
    return found


@contextmanager
def holding(folders: Mapping[Path, Identity]) -> Iterator[None]:
    """While inside, these folders are what their paths led to when `identities` were taken; another is a DataError.

    What a folder is in may belong to a stranger, too, who can put another in its place.
    """
    new = {folder: identity for folder, identity in folders.items() if folder not in _held}
    _held.update(new)
    try:
        yield
    finally:
        for folder in new:
            _held.pop(folder, None)


def open_regular(path: Path, root: Path | None = None, *, most_bytes: int = MOST_BYTES) -> BinaryIO:
    """Open a regular file for reading; no component below `root` (default: the file's folder) may be a link.

    Raises FileNotFoundError where there is none, and DataError for a link, for anything that is not a regular file, and
    for a file of more than `most_bytes`.
    """
    with folder_handle(path.parent, root) as folder:
        handle = open_entry(path, _FILE, folder)
    return os.fdopen(_checked(handle, path, most_bytes), "rb")


def open_to_append(path: Path, root: Path | None = None) -> BinaryIO:
    """Open a regular file for reading and appending, unbuffered; one is made where there is none. As `open_regular`."""
    with folder_handle(path.parent, root) as folder:
        handle = open_entry(path, _APPENDED, folder)
    return os.fdopen(_checked(handle, path, MOST_BYTES), "r+b", buffering=0)


@contextmanager
def folder_handle(path: Path, root: Path | None = None, *, make: bool = False) -> Iterator[int]:
    """A folder's handle, a `dir_fd` for `os`; no component below `root` (default: the folder itself) may be a link.

    `make`: folders that are not there are made. Raises OSError for one that cannot be opened, DataError for a link.
    """
    base = path if root is None else root
    parts = path.relative_to(base).parts
    if ".." in parts:
        raise DataError(f"{path} is not a folder below {base}")
    if make:
        base.mkdir(parents=True, exist_ok=True)
    handle = os.open(base, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        found = os.fstat(handle)
        if _held.get(base, (found.st_dev, found.st_ino)) != (found.st_dev, found.st_ino):
            raise DataError(f"{base} was replaced by another folder while it was read.")
        for depth, part in enumerate(parts, 1):
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=handle)
            inner = open_entry(base.joinpath(*parts[:depth]), _FOLDER, handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def entries_of(folder: Path, pattern: str, root: Path | None = None) -> list[Path]:
    """What a folder holds under names of a pattern, sorted; nothing where it is not there. `root`: `open_regular`."""
    try:
        with folder_handle(folder, root) as handle:
            return [folder / name for name in sorted(fnmatch.filter(os.listdir(handle), pattern))]
    except (FileNotFoundError, NotADirectoryError):
        return []


def is_regular(path: Path, root: Path | None = None) -> bool:
    """Whether `open_regular` would open the path."""
    try:
        with open_regular(path, root):
            return True
    except (DataError, OSError):
        return False


def walked(root: Path) -> Iterator[tuple[Path, list[os.DirEntry[str]]]]:
    """A folder and those below it, with what each holds; none that a link leads to, and none that cannot be read."""
    with suppress(OSError), folder_handle(root) as handle:
        yield from _walked(root, handle, DEEPEST)


def _walked(path: Path, handle: int, levels: int) -> Iterator[tuple[Path, list[os.DirEntry[str]]]]:
    with os.scandir(handle) as found:
        entries = list(found)
    yield path, entries
    for entry in entries if levels else ():
        if entry.is_dir(follow_symlinks=False):
            with suppress(OSError):
                inner = os.open(entry.name, _FOLDER, dir_fd=handle)
                try:
                    yield from _walked(path / entry.name, inner, levels - 1)
                finally:
                    os.close(inner)


def is_there(path: Path, what: Callable[[Path], bool] = Path.exists) -> bool:
    """Whether there is a file or folder, or what else is asked: `Path.is_file`, `Path.is_dir`.

    False, too, for a name that none can have, or that must not be looked up: `exists` raises for one that is too long.
    """
    try:
        return what(path)
    except (OSError, ValueError):
        return False


def open_entry(path: Path, flags: int, folder: int) -> int:
    """Open what is called as the path in a folder with a handle. Raises DataError for a link, a socket or a device."""
    try:
        return os.open(path.name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder)
    except OSError as error:
        # Linux answers ELOOP for a link to a file and ENOTDIR for a link to a folder.
        if error.errno in (errno.ELOOP, errno.EMLINK) or (error.errno == errno.ENOTDIR and _is_link(path, folder)):
            raise DataError(f"{path} is a symbolic link. Links in a run folder are not followed.") from None
        if error.errno == errno.ENOTDIR:
            raise DataError(f"{path} is not a folder.") from None
        if error.errno == errno.EISDIR:
            raise DataError(f"{path} is a folder, not a regular file. It is not read.") from None
        if error.errno == errno.ENXIO:
            raise DataError(f"{path} is a socket or device, not a regular file. It is not read.") from None
        raise


def _is_link(path: Path, folder: int) -> bool:
    return stat.S_ISLNK(os.stat(path.name, dir_fd=folder, follow_symlinks=False).st_mode)


def _checked(handle: int, path: Path, most_bytes: int) -> int:
    """The handle of an open file. Closes it and raises DataError if it is not regular, or too large."""
    found = os.fstat(handle)
    if stat.S_ISREG(found.st_mode) and found.st_size <= most_bytes:
        return handle
    os.close(handle)
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path} is {_kind(found.st_mode)}, not a regular file. It is not read.")
    raise DataError(f"{path} has {found.st_size:,} bytes; at most {most_bytes:,} are read.")


def _kind(mode: int) -> str:
    named = {stat.S_IFIFO: "a FIFO", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFDIR: "a folder"}
    return named.get(stat.S_IFMT(mode), "a special file")
