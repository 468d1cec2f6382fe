"""Which record has an id, in 16 to 32 bytes for each: a dictionary of strings takes ten times as much."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

_SMALLEST = 1 << 12
_MASK = (1 << 64) - 1


class IdIndex:
    """A number for each id, in an open-addressed table of 64-bit hashes.

    Ids are told apart by their hashes, which are seeded in each process: among a million ids the chance that any two
    are taken for one is 3 in 10^8.
    """

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._count = 0
        self._keys = array("Q", bytes(8 * _SMALLEST))
        self._values = array("Q", bytes(8 * _SMALLEST))
        for number, each in enumerate(ids):
            self.setdefault(each, number)

    def __len__(self) -> int:
        return self._count

    def __contains__(self, identifier: str) -> bool:
        return bool(self._keys[self._place(_hash(identifier))])

    def get(self, identifier: str) -> int | None:
        """The number of an id; None for one that is not there."""
        place = self._place(_hash(identifier))
        return self._values[place] if self._keys[place] else None

    def setdefault(self, identifier: str, number: int) -> int:
        """The number of an id, which is `number` if it is new."""
        key = _hash(identifier)
        place = self._place(key)
        if self._keys[place]:
            return self._values[place]
        self._keys[place], self._values[place] = key, number
        self._count += 1
        if 3 * self._count > 2 * len(self._keys):
            self._grow()
        return number

    def replace(self, identifier: str, number: int) -> None:
        """Give an id that is there another number."""
        place = self._place(_hash(identifier))
        if not self._keys[place]:
            raise KeyError(identifier)
        self._values[place] = number

    def _place(self, key: int) -> int:
        """Where a key is, or would be."""
        keys = self._keys
        last = len(keys) - 1
        place = key & last
        while keys[place] != key and keys[place]:
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        keys, values = self._keys, self._values
        self._keys = array("Q", bytes(16 * len(keys)))
        self._values = array("Q", bytes(16 * len(keys)))
        for key, value in zip(keys, values, strict=True):
            if key:
                place = self._place(key)
                self._keys[place], self._values[place] = key, value


def _hash(identifier: str) -> int:
    # 0 marks a free place.
    return hash(identifier) & _MASK or 1
