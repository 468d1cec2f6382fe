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
_PAGE = 8_192
"""Numbers that are written and read together."""

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
            chosen = range(len(self))[index]
            return Lazy(len(chosen), lambda position: self._at(chosen[position]))
        return self._at(range(len(self))[index])

    def __iter__(self) -> Iterator[T]:
        return map(self._at, range(len(self)))


def each_of(items: Sequence[S], function: Callable[[S], T]) -> Lazy[T]:
    """The function's values of the items, computed when they are read."""
    return Lazy(len(items), lambda index: function(items[index]))


class Spool(Lazy[T]):
    """A sequence that is written once and read any number of times, in a bounded amount of memory.

    The first `in_memory` items stay objects; those that follow are pickled into a file without a name in the folder for
    temporary files (`TMPDIR`), which goes when the process ends, however it ends. An item read from there is a new
    object each time. Raises DiskFull where that folder has no room.
    """

    def __init__(self, items: Iterable[T] = (), *, in_memory: int = IN_MEMORY) -> None:
        super().__init__(0, self._read)
        self._kept: list[T] = []
        self._in_memory = in_memory
        self._ends = Numbers([0])
        self._buffer = bytearray()
        self._file = _Unnamed()
        for item in items:
            self.append(item)

    def append(self, item: T) -> None:
        """Add an item at the end."""
        if len(self._kept) < self._in_memory:
            self._kept.append(item)
            return
        self._buffer += pickle.dumps(item, pickle.HIGHEST_PROTOCOL)
        self._ends.append(self._file.size + len(self._buffer))
        if len(self._buffer) >= _BUFFER:
            self._flush()

    def __len__(self) -> int:
        return len(self._kept) + len(self._ends) - 1

    def _read(self, position: int) -> T:
        if position < len(self._kept):
            return self._kept[position]
        self._flush()
        place = position - len(self._kept)
        item: T = pickle.loads(self._file.read(self._ends[place], self._ends[place + 1]))
        return item

    def _flush(self) -> None:
        if self._buffer:
            self._file.write(self._buffer, self._file.size)
            self._buffer = bytearray()


class Numbers(Lazy[int]):
    """Whole numbers of 64 bits that need not fit into memory, quick to read in their order.

    The last page is in memory, those before it wait in a file as a spool's items do, of which the page that was read
    last is in memory too.
    """

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        super().__init__(0, self._read)
        self._last = array("q")
        self._page, self._start = array("q"), 0
        self._file = _Unnamed()
        self.extend(numbers)

    def append(self, number: int) -> None:
        """Add a number at the end."""
        self._last.append(number)
        if len(self._last) == _PAGE:
            self._file.write(self._last.tobytes(), self._file.size)
            self._last = array("q")

    def extend(self, numbers: Iterable[int]) -> None:
        """Add numbers at the end."""
        for number in numbers:
            self.append(number)

    def __len__(self) -> int:
        return self._written + len(self._last)

    def __setitem__(self, position: int, number: int) -> None:
        if position >= self._written:
            self._last[position - self._written] = number
            return
        self._turn_to(position)
        self._page[position - self._start] = number
        self._file.write(self._page.tobytes(), 8 * self._start)

    @property
    def _written(self) -> int:
        return self._file.size // 8

    def _read(self, position: int) -> int:
        if position >= self._written:
            return self._last[position - self._written]
        self._turn_to(position)
        return self._page[position - self._start]

    def _turn_to(self, position: int) -> None:
        """Have the page of a number that is in the file."""
        start = position - position % _PAGE
        if self._page and start == self._start:
            return
        self._page, self._start = array("q", self._file.read(8 * start, 8 * (start + _PAGE))), start


class _Unnamed:
    """A file without a name in the folder for temporary files, made when it is first written to."""

    def __init__(self) -> None:
        self.size = 0
        self._file: int | None = None

    def __del__(self) -> None:
        if self._file is not None:
            os.close(self._file)

    def read(self, start: int, end: int) -> bytes:
        """The bytes between two places."""
        assert self._file is not None
        return os.pread(self._file, end - start, start)

    def write(self, content: bytes | bytearray, place: int) -> None:
        """Put content at a place, which may be the end. Raises DiskFull."""
        try:
            if self._file is None:
                with tempfile.TemporaryFile() as file:
                    self._file = os.dup(file.fileno())
            view = memoryview(content)
            while view:
                written = os.pwrite(self._file, view, place)
                place += written
                view = view[written:]
                self.size = max(self.size, place)
        except OSError as error:
            raise DiskFull(
                f"cannot write to {tempfile.gettempdir()}: {error.strerror}. Records after the first {IN_MEMORY:,} are "
                f"kept there while they are scored.\n  Set TMPDIR to a folder with room, or take fewer samples "
                f"({option('limit')})."
            ) from error
