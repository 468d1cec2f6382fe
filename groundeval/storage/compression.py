"""Files as they were before they were compressed: gzip, xz, bzip2 and zstandard, read as a stream.

A file is known by its first bytes, whatever it is called. What is held in memory at a time is bounded, also where a
small file unfolds to a huge one.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Protocol, cast

from groundeval.errors import DataError, UsageError, no_such
from groundeval.storage.file_kinds import HEAD, kind_of_file

SUFFIXES = (".gz", ".xz", ".bz2", ".zst")
"""How compressed files are usually called."""
_XZ_MEMORY = 256 << 20
"""Bytes that a decoder of xz may take: a file says itself how large its window is."""
_ZSTD_WINDOW = 128 << 20
MOST_UNFOLDED, MOST_FOLDED = 1 << 30, 200
"""Bytes that a file may unfold to, unless it has a two hundredth of them: texts and logs are folded to a fiftieth."""
_STEP = 1 << 16


class _Decoder(Protocol):
    """A decompressor of `bz2` or `lzma`."""

    eof: bool
    needs_input: bool

    @property
    def unused_data(self) -> bytes:
        """The bytes after the end of the compressed stream."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most so many bytes of what the data holds."""


_Stream = io.BufferedReader | gzip.GzipFile
"""A stream whose next bytes can be inspected before they are read."""


class _Unfolded(io.RawIOBase):
    """The decompressed bytes of a file, in steps of limited size; concatenated streams are read as one."""

    def __init__(self, file: IO[bytes], begin: Callable[[], _Decoder]) -> None:
        self._file, self._begin, self._decoder = file, begin, begin()
        self._rest = b""
        """Read from the file, but not yet decompressed: what follows the end of a stream."""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = len(buffer)
        while not self._ended:
            data = self._more() if self._decoder.needs_input else b""
            if self._decoder.needs_input and not data:
                raise EOFError("the compressed file ends before its end marker")
            found = self._decoder.decompress(data, size)
            if self._decoder.eof:
                self._next_stream()
            if found:
                buffer[: len(found)] = found
                return len(found)
        return 0

    def _more(self) -> bytes:
        rest, self._rest = self._rest, b""
        return rest or self._file.read(_STEP)

    def _next_stream(self) -> None:
        self._rest = self._decoder.unused_data or self._file.read(_STEP)
        if self._rest.strip(b"\0"):
            self._decoder = self._begin()
        else:
            self._ended = True


class _Bounded(io.RawIOBase):
    """Decompressed bytes; those of a file that was made to unfold for hours are a DataError."""

    def __init__(self, stream: _Stream, raw: io.BufferedReader, name: str) -> None:
        self._stream, self._raw, self._name = stream, raw, name
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = self._stream.readinto(buffer)
        self._size += size
        if self._size > MOST_UNFOLDED and self._size > MOST_FOLDED * self._raw.tell():
            raise DataError(
                f"{self._name} unfolds to more than {MOST_UNFOLDED:,} bytes, and to more than {MOST_FOLDED} times its "
                "own. It is not read further."
            )
        return size


def _xz(file: IO[bytes]) -> _Stream:
    def begin() -> _Decoder:
        return cast("_Decoder", lzma.LZMADecompressor(memlimit=_XZ_MEMORY))

    return io.BufferedReader(_Unfolded(file, begin))


def _bzip2(file: IO[bytes]) -> _Stream:
    begin = cast("Callable[[], _Decoder]", bz2.BZ2Decompressor)
    return io.BufferedReader(_Unfolded(file, begin))


def _gzip(file: IO[bytes]) -> _Stream:
    return gzip.GzipFile(fileobj=file)


_ZSTANDARD: dict[str, Callable[[Any, IO[bytes]], Any]] = {
    "compression.zstd": lambda zstd, file: zstd.ZstdFile(file),
    "zstandard": lambda zstd, file: zstd.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(
        file, read_across_frames=True
    ),
    "pyarrow": lambda arrow, file: arrow.CompressedInputStream(arrow.PythonFile(file, "r"), "zstd"),
}
"""Modules that read zstandard: Python's own from 3.14 on, and two packages."""


def _zstandard(file: IO[bytes]) -> _Stream:
    for module, begin in _ZSTANDARD.items():
        with suppress(ImportError):
            return io.BufferedReader(begin(importlib.import_module(module), file))
    raise UsageError(
        "it is compressed with zstandard, which Python reads from 3.14 on.\n"
        "  Install a package that does (pip install zstandard), or unpack the file: unzstd FILE"
    )


_KINDS: dict[bytes, Callable[[IO[bytes]], _Stream]] = {
    b"\x1f\x8b": _gzip,
    b"\xfd7zXZ\x00": _xz,
    b"BZh": _bzip2,
    b"\x28\xb5\x2f\xfd": _zstandard,
}
"""By the first bytes of a file."""


@contextmanager
def opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    """The bytes of a file of text, decompressed where it is compressed. `name`: how messages call it.

    Raises UsageError for a file that is missing or cannot be read, and DataError for one that holds no text
    (`groundeval.storage.file_kinds`), is damaged or cut off, also where that turns out only while it is read.
    """
    try:
        with path.open("rb") as raw:
            begin = raw.peek(8)[:8]
            unfold = next((each for magic, each in _KINDS.items() if begin.startswith(magic)), None)
            stream: _Stream = (
                raw if unfold is None else io.BufferedReader(_Bounded(unfold(cast("IO[bytes]", raw)), raw, name))
            )
            kind = kind_of_file(stream.peek(HEAD)[:HEAD])
            if kind is not None:
                raise DataError(kind.message(path, name))
            yield cast("IO[bytes]", stream)
    except FileNotFoundError:
        raise no_such(path, given=name) from None
    except DataError:
        raise
    except UsageError as error:
        raise (error if str(error).startswith(name) else UsageError(f"{name}: {error}")) from None
    except Exception as error:
        if _is_damage(error):
            raise DataError(f"{name}: the compressed file is damaged or cut off ({error})") from error
        if isinstance(error, OSError):
            raise UsageError(f"{name} cannot be read: {error.strerror or error}") from error
        raise


def _is_damage(error: Exception) -> bool:
    """Whether a decoder reports damaged data; bzip2 and pyarrow do so with an OSError that has no number."""
    if isinstance(error, gzip.BadGzipFile | zlib.error | lzma.LZMAError | EOFError):
        return True
    return type(error).__name__ == "ZstdError" or (isinstance(error, OSError) and error.errno is None)
