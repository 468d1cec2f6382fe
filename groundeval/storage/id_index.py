"""Which record has an id, in 14 to 20 bytes for each: a dictionary of strings takes ten times as much."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

_SMALLEST = 1 << 12
_MASK = (1 << 64) - 1


class IdIndex:
    """Ids numbered from 0 in the order in which they are added, told apart by 64-bit hashes.

    The hashes are seeded in each process: among a million ids the chance that any two are taken for one is 3 in 10^8.
    They stand one after the other, with an open-addressed table of their numbers beside them.
    """

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._hashes = array("Q")
        # 0 marks a free place, so the numbers in it are counted from 1.
        self._table = array("I", bytes(4 * _SMALLEST))
        for each in ids:
            self.add(each)

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, identifier: str) -> bool:
        return self.get(identifier) is not None

    def get(self, identifier: str) -> int | None:
        """The number of an id; None for one that is not there."""
        found = self._table[self._place(_hash(identifier))]
        return found - 1 if found else None

    def add(self, identifier: str) -> int:
        """The number of an id, which is the next one if it is new."""
        key = _hash(identifier)
        place = self._place(key)
        if found := self._table[place]:
            return found - 1
        self._hashes.append(key)
        self._table[place] = len(self._hashes)
        if 3 * len(self._hashes) > 2 * len(self._table):
            self._grow()
        return len(self._hashes) - 1

    def _place(self, key: int) -> int:
        """Where the number of a hash is in the table, or would be."""
        table, hashes = self._table, self._hashes
        last = len(table) - 1
        place = key & last
        while (number := table[place]) and hashes[number - 1] != key:
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        size = 2 * len(self._table)
        # The old table goes before the new one comes: the hashes hold all that is needed.
        self._table = array("I")
        self._table = array("I", [0]) * size
        for number, key in enumerate(self._hashes, 1):
            self._table[self._place(key)] = number


def _hash(identifier: str) -> int:
    return hash(identifier) & _MASK
