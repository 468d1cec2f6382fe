"""A column of per-sample values in 1, 2 or 8 bytes for each, exactly."""

from __future__ import annotations

from array import array
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class CompactColumn:
    """Values by row, NaN where none was set.

    Most metrics take few different values: 0, 1, and shares of small numbers. They are kept as codes of one byte, of
    two from 256 different values, and as they are from 65,536. A slice gives the values themselves.
    """

    def __init__(self, rows: int) -> None:
        self._codes: array[Any] = array("B", bytes(rows))
        self._code_of: dict[float, int] = {}
        self._values = [np.nan]

    def __len__(self) -> int:
        return len(self._codes)

    def set(self, row: int, value: float) -> None:
        """Set the value of a row, which has none yet or another."""
        if self._codes.typecode == "d":
            self._codes[row] = value
            return
        code = self._code_of.get(value)
        if code is None:
            code = self._new_code(value)
            if code is None:
                self._codes[row] = value
                return
        self._codes[row] = code

    def __getitem__(self, rows: slice) -> Array:
        return self._decoded(np.frombuffer(self._codes, self._codes.typecode)[rows])

    def taken(self, rows: NDArray[np.bool_]) -> CompactColumn:
        """The column with only those rows."""
        chosen = CompactColumn(0)
        chosen._code_of, chosen._values = self._code_of, self._values
        chosen._codes = array(self._codes.typecode)
        chosen._codes.frombytes(np.frombuffer(self._codes, self._codes.typecode)[rows].tobytes())
        return chosen

    def _new_code(self, value: float) -> int | None:
        """The code of a value that has none yet; None where the column has no codes any more."""
        code = len(self._values)
        if code == 1 << 8 * self._codes.itemsize:
            codes = np.frombuffer(self._codes, self._codes.typecode)
            if self._codes.typecode == "H":
                self._codes = array("d", self._decoded(codes).tobytes())
                return None
            self._codes = array("H", codes.astype(np.uint16).tobytes())
        self._code_of[value] = code
        self._values.append(value)
        return code

    def _decoded(self, codes: NDArray[np.generic]) -> Array:
        if codes.dtype == np.float64:
            return np.array(codes, dtype=np.float64)
        decoded: Array = np.array(self._values, dtype=np.float64)[codes]
        return decoded


Column: TypeAlias = Array | CompactColumn
"""Values by row; a slice of either is an array."""
