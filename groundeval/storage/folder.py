"""The run folder: two levels of files that make a run resumable, and rescoring free of generation.

    runs/<model>/<task>/<generation id>/     what determines the texts
      manifest.json  prompts.jsonl  generations.jsonl
      scores/<score id>/                     what determines the numbers
        manifest.json  scores.jsonl  results.json

Files are written whole (a temporary file, then a rename) or appended in whole lines; a torn last line is dropped on
resume. A lock file keeps two processes apart.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any, BinaryIO
from zlib import crc32

from pydantic_core import from_json

from groundeval.errors import EXIT_FAILED, DataError, GroundevalError, UsageError, option
from groundeval.storage.regular import folder_handle, open_entry, open_regular, open_to_append

MOST_JSON = 256 << 20
"""Bytes of a manifest or of results: they are read whole."""
MOST_LINE = 64 << 20
"""Bytes of one line: an answer of 10 MB with its evidence."""
MOST_VALUES = 4_000_000
"""Values in one of either: each takes many times as much memory as its text."""


_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.part|\.writable\.[A-Za-z0-9_]{8}")
"""Names of the temporary files of `write_whole` and `check_writable`."""


class FolderBusy(GroundevalError):
    """Another process is writing into the same folder."""

    exit_code = EXIT_FAILED


class DiskFull(GroundevalError):
    """There is no space left; what was written before is whole."""

    exit_code = 3


def content_id(identity: Mapping[str, Any]) -> str:
    """A short hash of JSON values, independent of the order of keys: names a folder by what determines its content."""
    text = json.dumps(identity, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def folder_name(name: str) -> str:
    """A model's or file's name as one path component."""
    return re.sub(r"[^\w.+-]+", "--", name.strip("/")).strip("-.") or "model"


def check_writable(path: Path) -> None:
    """Find out before anything expensive that a folder can be made and written to. Raises UsageError if not."""
    try:
        with folder_handle(path, make=True) as folder:
            name = f".writable.{token_hex(4)}"
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, dir_fd=folder))
            os.unlink(name, dir_fd=folder)
    except OSError as error:
        raise unwritable(path, error) from None


def unwritable(path: Path, error: OSError) -> UsageError:
    """The error for a folder that cannot be written to."""
    return UsageError(f"cannot write to {path}: {error.strerror}\n  Choose another {option('output_path')}.")


class Folder:
    """A folder that this process alone writes to, from `open` until `close`. Below `root` no link is followed."""

    def __init__(self, path: Path, root: Path | None = None) -> None:
        self.path = path
        self._root = path if root is None else root
        self._locks: list[int] = []

    def open(self, part: str = "") -> Folder:
        """Make the folder and lock it. Raises UsageError if it cannot be written, FolderBusy if another run has it.

        With `part` (a shard's name) the lock is on that part only: other parts may be written at the same time, but
        not the same part twice, and not the folder as a whole.
        """
        try:
            with folder_handle(self.path, self._root, make=True) as handle:
                self._lock(".lock", fcntl.LOCK_SH if part else fcntl.LOCK_EX, handle)
                if part:
                    self._lock(f".lock.{part}", fcntl.LOCK_EX, handle)
            if not part:
                remove_leftovers(self.path, self._root)
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise unwritable(self.path, error) from None
            raise
        return self

    def _lock(self, name: str, kind: int, folder: int) -> None:
        lock = open_entry(self.path / name, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, folder)
        self._locks.append(lock)
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise FolderBusy(
                f"{self.path} is being written by another run (process {owner}).\n"
                f"  Wait for it to end, or choose another {option('output_path')}."
            ) from None
        if os.fstat(lock).st_nlink > 1:
            return  # A hard link, as in a copy by `cp -l`, or to a file of somebody else's choice: it is not written.
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)

    def close(self) -> None:
        """Release the lock."""
        while self._locks:
            os.close(self._locks.pop())

    def __enter__(self) -> Folder:
        return self if self._locks else self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write_json(self, name: str, value: Any) -> None:
        """Write a JSON file whole."""
        self.write(name, (json.dumps(value, indent=2) + "\n").encode())

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole."""
        write_whole(self.path / name, content, self._root)

    def read_json(self, name: str) -> Any | None:
        """The content of a JSON file, or None if there is none."""
        return read_json(self.path / name, self._root)

    def lines(self, name: str) -> Lines:
        """A JSONL file."""
        return Lines(self.path / name, self._root)


def read_json(path: Path, root: Path | None = None) -> Any | None:
    """The content of a JSON file of a run folder; None if there is none.

    Raises DataError if it is damaged, or not a regular file below `root` (see `open_regular`).
    """
    try:
        with open_regular(path, root, most_bytes=MOST_JSON) as file:
            content = file.read(MOST_JSON)
        _refuse_many_values(content, str(path))
        return json.loads(content)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is damaged: {error}") from None


def write_whole(path: Path, content: bytes | Iterable[bytes], root: Path | None = None) -> None:
    """Write a file, in one piece or in blocks, so that a reader sees the old content or the new one, never a part.

    `root`: as in `open_regular`.
    """
    temporary = f".{path.name}.{token_hex(4)}.part"
    try:
        with folder_handle(path.parent, root) as folder:
            try:
                with open(temporary, "xb", opener=partial(_opened_in, folder)) as file:
                    file.writelines([content] if isinstance(content, bytes) else content)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
                # Only when the folder's entries are on the disk does a rename survive a power failure.
                os.fsync(folder)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=folder)
                raise
    except OSError as error:
        raise DiskFull(f"cannot write {path}: {error.strerror}. Everything written before is whole.") from error


def _opened_in(folder: int, name: str, flags: int) -> int:
    return os.open(name, flags, 0o666, dir_fd=folder)


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of nested objects with their dotted places; lists and empty objects are values."""
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, tree


def remove_leftovers(folder: Path, root: Path | None = None) -> None:
    """Remove what a killed process left of files that it was writing whole. Call it with the folder's lock held."""
    with folder_handle(folder, root) as handle:
        for name in filter(_TEMPORARY.fullmatch, os.listdir(handle)):
            with suppress(OSError):
                os.unlink(name, dir_fd=handle)


def _refuse_many_values(content: bytes, where: str) -> None:
    if len(content) > MOST_VALUES and sum(map(content.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise DataError(f"{where}: more than {MOST_VALUES:,} values")


def _parsed(line: bytes) -> Any:
    """A line's JSON. The fast parser refuses lone surrogates, which a model's text may hold."""
    try:
        return from_json(line)
    except ValueError:
        return json.loads(line)


def as_line(record: Mapping[str, Any]) -> bytes:
    """A record as JSON in ASCII: lone surrogates in a model's text must not make a file that cannot be read.

    Raises TypeError, ValueError or RecursionError for what JSON cannot hold.
    """
    return json.dumps(record, ensure_ascii=True).encode("ascii")


def record_of(line: bytes) -> dict[str, Any]:
    """The record of a line that `Lines.placed` has given."""
    record: dict[str, Any] = _parsed(line)
    record.pop("crc32", None)
    return record


def _lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines that a file has now, each up to `MOST_LINE`: others may append faster than this process reads."""
    left = os.fstat(file.fileno()).st_size
    while left and (line := file.readline(min(MOST_LINE, left))):
        left -= len(line)
        yield line


def _as_lines(lines: Iterable[bytes], checksums: bool = False) -> bytes:
    return b"".join((_with_checksum(line) if checksums else line) + b"\n" for line in lines)


_CHECKSUM = re.compile(rb', "crc32": "([0-9a-f]{8})"\}\n')
_CHECKSUM_LENGTH = len(', "crc32": "01234567"}\n')


def _with_checksum(line: bytes) -> bytes:
    return b'%b, "crc32": "%08x"}' % (line[:-1], crc32(line))


def _is_intact(line: bytes) -> bool:
    """Whether a line is what was written; one without a checksum is accepted."""
    found = _CHECKSUM.fullmatch(line, max(len(line) - _CHECKSUM_LENGTH, 0))
    return found is None or int(found[1], 16) == crc32(line[: found.start()] + b"}")


class Lines:
    """A JSONL file that is appended to in whole lines and survives being cut anywhere.

    Any process may read it while another writes; only the one that holds the folder's lock may append. Below `root`
    (default: the file's folder) no link is followed. With `checksums`, every line that is appended ends in the field
    `crc32`, and a line whose content does not fit it is an error when it is read.
    """

    def __init__(self, path: Path, root: Path | None = None, *, checksums: bool = False) -> None:
        self.path = path
        self._root = root
        self._checksums = checksums
        self._repaired = False

    def read(self) -> Iterator[dict[str, Any]]:
        """All whole lines; a torn last line, cut off by a kill or still being written, is skipped."""
        return (record for _, record in self.placed())

    def placed(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """As `read`, each with the place in the file where its line begins."""
        try:
            file = open_regular(self.path, self._root)
        except FileNotFoundError:
            return
        place = 0
        with file:
            for number, line in enumerate(_lines_of(file), 1):
                if not line.endswith(b"\n"):
                    if len(line) == MOST_LINE:
                        raise DataError(f"{self.path}, line {number}: longer than {MOST_LINE:,} bytes")
                    return
                _refuse_many_values(line, f"{self.path}, line {number}")
                try:
                    record = _parsed(line)
                except (ValueError, RecursionError):
                    record = None
                if not _is_intact(line):
                    raise DataError(
                        f"{self.path}, line {number}: its checksum does not fit: the line was changed after it was "
                        "written. Delete the line to compute it again."
                    )
                if not isinstance(record, dict):
                    raise DataError(
                        f"{self.path}, line {number}: not a JSON object. Delete the line to compute it again."
                    )
                record.pop("crc32", None)
                yield place, record
                place += len(line)

    def append(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Append records with one write, and flush them to disk. A torn last line is cut off first."""
        self.append_lines(map(as_line, records))

    def append_lines(self, lines: Iterable[bytes]) -> None:
        """As `append`, for records that are lines already (`as_line`)."""
        content = _as_lines(lines, self._checksums)
        if not content:
            return
        try:
            with self._opened() as file:
                start = file.seek(0, os.SEEK_END)
                try:
                    self._write_all(file.fileno(), content)
                except OSError:
                    os.ftruncate(file.fileno(), start)
                    raise
                os.fsync(file.fileno())
        except OSError as error:
            raise DiskFull(
                f"cannot write {self.path}: {error.strerror}. Everything written before is whole."
            ) from error

    def _opened(self) -> BinaryIO:
        """The file to append to, without a torn last line."""
        file = open_to_append(self.path, self._root)
        if os.fstat(file.fileno()).st_nlink > 1:
            # A hard link: appending would change the file that it shares its content with. A copy takes its place.
            with file:
                write_whole(self.path, iter(partial(file.read, 1 << 20), b""), self._root)
            file = open_to_append(self.path, self._root)
        if not self._repaired:
            self._drop_torn_line(file)
            self._repaired = True
        return file

    def reorder(self, numbers: Sequence[int]) -> None:
        """Keep the lines of these numbers (from 0), in this order and byte for byte, and no others."""
        with open_regular(self.path, self._root) as file:
            ends = array("q", [0])
            for line in _lines_of(file):
                ends.append(ends[-1] + len(line))

            def chosen() -> Iterator[bytes]:
                for number in numbers:
                    file.seek(ends[number])
                    yield file.read(ends[number + 1] - ends[number])

            write_whole(self.path, chosen(), self._root)

    def rewrite(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Replace all records by these, completely or not at all; they are taken one at a time."""
        write_whole(self.path, (as_line(record) + b"\n" for record in records), self._root)

    @staticmethod
    def _write_all(descriptor: int, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]

    @staticmethod
    def _drop_torn_line(file: BinaryIO) -> None:
        size = file.seek(0, os.SEEK_END)
        end = size
        while end > 0:
            start = max(0, end - 65_536)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            file.truncate(end)
