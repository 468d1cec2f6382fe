"""Sequences that need not fit into memory: kept in an unnamed file, or computed when they are read."""

from __future__ import annotations

import os
import pickle
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar, overload

from groundeval.errors import option
from groundeval.storage.folder import DiskFull

IN_MEMORY = 2_048
"""Items of a spool that stay in memory: small data sets never touch the disk."""
_BUFFER = 1 << 20

T = TypeVar("T")
S = TypeVar("S")


class Lazy(Sequence[T], Generic[T]):
    """A sequence whose items are computed by their position each time they are read."""

    def __init__(self, length: int, at: Callable[[int], T]) -> None:
        self._length = length
        self._at = at

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            chosen = range(self._length)[index]
            return Lazy(len(chosen), lambda position: self._at(chosen[position]))
        return self._at(range(self._length)[index])

    def __iter__(self) -> Iterator[T]:
        return map(self._at, range(self._length))


def each_of(items: Sequence[S], function: Callable[[S], T]) -> Lazy[T]:
    """The function's values of the items, computed when they are read."""
    return Lazy(len(items), lambda index: function(items[index]))


class Spool(Lazy[T]):
    """A sequence that is written once and read any number of times, 8 bytes of memory for each item.

    The first `in_memory` items stay objects; those that follow are pickled into a file without a name in the folder for
    temporary files (`TMPDIR`), which goes when the process ends, however it ends. An item read from there is a new
    object each time. Raises DiskFull where that folder has no room.
    """

    def __init__(self, items: Iterable[T] = (), *, in_memory: int = IN_MEMORY) -> None:
        self._kept: list[T] = []
        self._in_memory = in_memory
        self._ends = array("Q", [0])
        self._buffer = bytearray()
        self._written = 0
        self._file: int | None = None
        for item in items:
            self.append(item)
        super().__init__(0, self._read)

    def append(self, item: T) -> None:
        """Add an item at the end."""
        if len(self._kept) < self._in_memory:
            self._kept.append(item)
            return
        self._buffer += pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
        self._ends.append(self._written + len(self._buffer))
        if len(self._buffer) >= _BUFFER:
            self._flush()

    def __len__(self) -> int:
        return len(self._kept) + len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        self._length = len(self)
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[T]:
        return map(self._read, range(len(self)))

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)

    def _read(self, position: int) -> T:
        if position < len(self._kept):
            return self._kept[position]
        self._flush()
        start, end = self._ends[position - len(self._kept) : position - len(self._kept) + 2]
        assert self._file is not None
        item: T = pickle.loads(os.pread(self._file, end - start, start))
        return item

    def _flush(self) -> None:
        if not self._buffer:
            return
        try:
            if self._file is None:
                with tempfile.TemporaryFile() as file:
                    self._file = os.dup(file.fileno())
            view = memoryview(self._buffer)
            while view:
                written = os.pwrite(self._file, view, self._written)
                self._written += written
                view = view[written:]
        except OSError as error:
            raise DiskFull(
                f"cannot write to {tempfile.gettempdir()}: {error.strerror}. Records after the first {IN_MEMORY:,} are "
                f"kept there while they are scored.\n  Set TMPDIR to a folder with room, or take fewer samples "
                f"({option('limit')})."
            ) from error
        self._buffer = bytearray()
