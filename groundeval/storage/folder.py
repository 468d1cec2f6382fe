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
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic_core import from_json

from groundeval.errors import EXIT_FAILED, DataError, GroundevalError, UsageError, option


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
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path, prefix=".writable."):
            pass
    except OSError as error:
        raise unwritable(path, error) from None


def unwritable(path: Path, error: OSError) -> UsageError:
    """The error for a folder that cannot be written to."""
    return UsageError(f"cannot write to {path}: {error.strerror}\n  Choose another {option('output_path')}.")


class Folder:
    """A folder that this process alone writes to, from `open` until `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._locks: list[int] = []

    def open(self, part: str = "") -> Folder:
        """Make the folder and lock it. Raises UsageError if it cannot be written, FolderBusy if another run has it.

        With `part` (a shard's name) the lock is on that part only: other parts may be written at the same time, but
        not the same part twice, and not the folder as a whole.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock(".lock", fcntl.LOCK_SH if part else fcntl.LOCK_EX)
            if part:
                self._lock(f".lock.{part}", fcntl.LOCK_EX)
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise unwritable(self.path, error) from None
            raise
        return self

    def _lock(self, name: str, kind: int) -> None:
        lock = os.open(self.path / name, os.O_RDWR | os.O_CREAT, 0o644)
        self._locks.append(lock)
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise FolderBusy(
                f"{self.path} is being written by another run (process {owner}).\n"
                f"  Wait for it to end, or choose another {option('output_path')}."
            ) from None
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
        write_whole(self.path / name, (json.dumps(value, indent=2) + "\n").encode())

    def read_json(self, name: str) -> Any | None:
        """The content of a JSON file, or None if there is none."""
        return read_json(self.path / name)


def read_json(path: Path) -> Any | None:
    """The content of a JSON file of a run folder; None if there is none, DataError if it is damaged."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise DiskFull(f"cannot write {path}: {error.strerror}. Everything written before is whole.") from error


def _parsed(line: bytes) -> dict[str, Any]:
    """A line's JSON. The fast parser refuses lone surrogates, which a model's text may hold."""
    record: dict[str, Any]
    try:
        record = from_json(line)
    except ValueError:
        record = json.loads(line)
    return record


def _as_lines(records: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(json.dumps(record, ensure_ascii=True) + "\n" for record in records).encode("ascii")


class Lines:
    """A JSONL file that is appended to in whole lines and survives being cut anywhere.

    Any process may read it while another writes; only the one that holds the folder's lock may append.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._repaired = False

    def read(self) -> Iterator[dict[str, Any]]:
        """All whole lines; a torn last line, cut off by a kill or still being written, is passed over."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield _parsed(line)
                except ValueError:
                    raise DataError(
                        f"{self.path}, line {number}: not JSON. Delete the line to compute it again."
                    ) from None

    def append(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Append records with one write, and wait until the disk has them. A torn last line is cut off first.

        ASCII output: lone surrogates in a model's text must not make a file that cannot be read.
        """
        content = _as_lines(records)
        if not content:
            return
        try:
            if not self._repaired and self.path.exists():
                self._drop_torn_line()
            self._repaired = True
            with self.path.open("ab", buffering=0) as file:
                start = file.tell()
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

    def reorder(self, numbers: Sequence[int]) -> None:
        """Keep the lines of these numbers (from 0), in this order and byte for byte, and no others."""
        content = self.path.read_bytes()
        ends = [match.end() for match in re.finditer(b"\n", content)]
        starts = [0, *ends]
        write_whole(self.path, b"".join(content[starts[number] : ends[number]] for number in numbers))

    def rewrite(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Put these records in the place of all others, whole or not at all."""
        write_whole(self.path, _as_lines(records))

    @staticmethod
    def _write_all(descriptor: int, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]

    def _drop_torn_line(self) -> None:
        with self.path.open("rb+") as file:
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
