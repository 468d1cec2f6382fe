"""From per-sample values to aggregates with honest intervals (docs/runs.md).

An aggregate is a function of a `Table`, and a table is columns of per-sample values with a weight for every row. The
point estimate uses weight 1 for each row; the bootstrap gives rows the number of times they were drawn. So the same
function yields the value and its interval, also for harmonic means and tables of counts. The resamples are the same
for all keys.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from groundeval.stats.columns import Array as Array
from groundeval.stats.columns import Column

Where = str | tuple[str, ...] | None
Unit = Literal["percent", "number"]

RESAMPLES = 1_000
_CHUNK_CELLS = 8_000_000
_BLOCK = 1 << 15
"""Rows that are unpacked at a time where resamples times rows are more than a chunk."""
_MANY = 64
"""Number of weightings from which looking up a cached product is faster than computing it."""
_DECIMALS = 10
"""Outputs are rounded to this many decimals, so that a library's order of summation does not show."""


class Table:
    """Columns of per-sample values (NaN: does not apply) under one or more weightings of the rows.

    Every method returns an array with one entry per weighting.
    """

    def __init__(self, columns: Mapping[str, Array], weights: Array) -> None:
        self._columns = columns
        self._weights = weights
        self._sums: dict[Summed, Array] = {}
        self._products: dict[bytes, Array] = {}

    def mean(self, column: str, where: Where = None) -> Array:
        """Mean of a column over the rows that have a value and for which all `where` columns are 1; 0 over no rows."""
        return ratio(self.total(column, where), self.count(where, having=column))

    def total(self, column: str, where: Where = None) -> Array:
        """Sum of a column over such rows."""
        return self._sum(Summed(column, where))

    def count(self, where: Where = None, *, having: str | None = None) -> Array:
        """Number of rows for which all `where` columns are 1 and the column `having` has a value."""
        return self._sum(Summed(having, where, counted=True))

    def _sum(self, summed: Summed) -> Array:
        if summed not in self._sums:
            self._sums[summed] = self._weighted(summed)
        return self._sums[summed]

    def _weighted(self, summed: Summed) -> Array:
        """The sum under each weighting. Cached by the values if there are many weightings: most columns hold for the
        same rows, and the products dominate the time of a bootstrap."""
        values = summed.values(self._columns, self._weights.shape[1])
        if len(self._weights) < _MANY:
            return self._weights @ values
        known = values.tobytes()
        if known not in self._products:
            self._products[known] = self._weights @ values
        return self._products[known]


class Summed(NamedTuple):
    """What is summed over the rows for which all `where` columns are 1: a column, or its number of values."""

    column: str | None
    where: Where
    counted: bool = False

    def values(self, columns: Mapping[str, Array], rows: int) -> Array:
        """The summand of each of the rows, so many in number."""
        values = np.ones(rows)
        for name in (self.where,) if isinstance(self.where, str) else self.where or ():
            values = values * (columns[name] == 1)
        if self.column is None:
            return values
        column = columns[self.column]
        return values * ~np.isnan(column) if self.counted else np.where(np.isnan(column), 0.0, column) * values


class _BlockTable(Table):
    """A table of many rows, whose columns stay packed: a pass over them computes all sums that are known to be asked.

    `weights`: how often each row counts, as whole numbers below 256.
    """

    def __init__(
        self, columns: Mapping[str, Column], weights: NDArray[np.uint8], asked: Sequence[Sequence[Summed]] = ()
    ) -> None:
        super().__init__({}, np.empty(0))
        self._packed = columns
        self._counts = weights
        if asked:
            for same, sums in zip(asked, self._pass([same[0] for same in asked]), strict=True):
                self._sums |= dict.fromkeys(same, sums)

    def asked(self) -> list[list[Summed]]:
        """What was summed so far; those in one list have the same summands in every row."""
        digests = {summed: hashlib.blake2b(digest_size=16) for summed in self._sums}
        for rows, columns in self._blocks():
            for summed, digest in digests.items():
                digest.update(summed.values(columns, rows.stop - rows.start).tobytes())
        found: dict[bytes, list[Summed]] = {}
        for summed, digest in digests.items():
            found.setdefault(digest.digest(), []).append(summed)
        return list(found.values())

    def _weighted(self, summed: Summed) -> Array:
        sums: Array = self._pass([summed])[0]
        return sums

    def _pass(self, asked: Sequence[Summed]) -> Array:
        sums: Array = np.zeros((len(asked), len(self._counts)))
        for rows, columns in self._blocks():
            values = np.stack([each.values(columns, rows.stop - rows.start) for each in asked])
            sums += values @ self._counts[:, rows].T.astype(np.float64)
        return sums

    def _blocks(self) -> Iterator[tuple[slice, _Unpacked]]:
        count = self._counts.shape[1]
        for start in range(0, count, _BLOCK):
            rows = slice(start, min(start + _BLOCK, count))
            yield rows, _Unpacked(self._packed, rows)


class _Unpacked(dict[str, Array]):
    """The values of some rows of the columns that are asked for."""

    def __init__(self, packed: Mapping[str, Column], rows: slice) -> None:
        super().__init__()
        self._packed, self._rows = packed, rows

    def __missing__(self, name: str) -> Array:
        values = self[name] = self._packed[name][self._rows]
        return values


def ratio(numerator: Array, denominator: Array) -> Array:
    """Elementwise ratio; 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)


def harmonic(first: Array, second: Array) -> Array:
    """Elementwise harmonic mean; 0 where either is 0."""
    both = (first > 0) & (second > 0)
    return np.where(both, ratio(2 * first * second, first + second), 0.0)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The definition of one reported key as a function of the per-sample table."""

    value: Callable[[Table], Array]
    unit: Unit = "percent"
    """`percent`: the fraction is multiplied by 100 on output."""
    column: str | None = None
    where: Where = None
    """The samples that count for `n`: those with a value in `column` for which all `where` columns are 1."""
    decimals: int | None = None
    """Rounding that a protocol prescribes for the value itself."""
    is_mean: bool = False
    """Whether it is just the plain mean of `column` over these samples."""
    more_is_better: bool = True
    """If false, no best of several answers is reported."""
    is_count: bool = False
    """Whether it is a number of samples; tables show no interval of it."""


def complete_mean_of(column: str, where: Where = None, unit: Unit = "percent") -> Aggregate:
    """The plain mean of a column over the selected rows, undefined (NaN) where any of them has no value.

    So the original evaluators average: a mean with one undefined part is undefined.
    """

    def value(table: Table) -> Array:
        missing = table.count(where) > table.count(where, having=column)
        return np.where(missing, np.nan, table.mean(column, where))

    return Aggregate(value, unit, column, where, is_mean=True)


def mean_of(column: str, where: Where = None, unit: Unit = "percent", *, more_is_better: bool = True) -> Aggregate:
    """The plain mean of a column, over the rows selected by `where`."""
    return Aggregate(
        lambda table: table.mean(column, where), unit, column, where, is_mean=True, more_is_better=more_is_better
    )


def count_of(where: Where = None) -> Aggregate:
    """The number of selected rows."""
    return Aggregate(lambda table: table.count(where), "number", is_count=True)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A reported number: value, standard error and 95% interval (percentile bootstrap), and samples behind it.

    Percentages or plain numbers, as docs/metrics.md says. Also how `results.json` holds it.
    """

    value: float | None
    """None where there is nothing to average; then `n` is 0 and there is no interval."""
    stderr: float | None
    ci95: tuple[float, float] | None
    n: int

    @property
    def number(self) -> float:
        """The value, for callers that know there is one. Raises ValueError if there is none."""
        if self.value is None:
            raise ValueError("nothing was averaged")
        return self.value

    def text(self, decimals: int) -> str:
        """The value for display; `-` if there is none."""
        return "-" if self.value is None else f"{self.value:.{decimals}f}"

    def interval(self, decimals: int) -> str:
        """The 95% interval for display; empty if there is none."""
        return "" if self.ci95 is None else f"{self.ci95[0]:.{decimals}f} to {self.ci95[1]:.{decimals}f}"


def summarize(
    columns: Mapping[str, Column], aggregates: Mapping[str, Aggregate], *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Estimate]:
    """Every aggregate with standard error and 95% interval from one seeded bootstrap over samples.

    `columns` are of equal length n. Cost: one matrix-vector product of size resamples x n per distinct column and
    condition; memory is bounded but for some 20 bytes a row. With fewer than two samples there is no interval.
    """
    rows = len(next(iter(columns.values()))) if columns else 0
    if resamples * rows > _CHUNK_CELLS:
        return _summarize_blocks(columns, rows, aggregates, resamples, seed)
    dense = {name: column[:] for name, column in columns.items()}
    whole = Table(dense, np.ones((1, rows)))
    drawn = resampled(dense, aggregates, resamplings(rows, resamples, seed)) if rows > 1 else {}
    return {key: estimate(aggregate, whole, drawn.get(key)) for key, aggregate in aggregates.items()}


def _summarize_blocks(
    columns: Mapping[str, Column], rows: int, aggregates: Mapping[str, Aggregate], resamples: int, seed: int
) -> dict[str, Estimate]:
    """As `summarize`, from the same draws, without a column or a weighting of all rows as floats in memory.

    In one thread: the products are small, and threads of BLAS that wait for each other cost more than they save.
    """
    # Large data sets only: the import takes longer than the bootstrap of a small one.
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, "blas"):
        whole = _BlockTable(columns, np.ones((1, rows), dtype=np.uint8))
        values = {key: estimate(aggregate, whole, None) for key, aggregate in aggregates.items()}
        asked = whole.asked()
        drawn: dict[str, list[Array]] = {key: [] for key in aggregates}
        rng = np.random.default_rng(seed)
        chunk = max(1, min(_MANY, _CHUNK_CELLS // rows))
        for start in range(0, resamples, chunk):
            # A row is drawn 256 times once in 10^507 resamples.
            weights = np.empty((min(chunk, resamples - start), rows), dtype=np.uint8)
            for index in range(len(weights)):
                weights[index] = np.bincount(rng.integers(0, rows, rows), minlength=rows)
            table = _BlockTable(columns, weights, asked)
            for key, aggregate in aggregates.items():
                drawn[key].append(_evaluated(aggregate, table))
    return {key: _with_interval(value, np.concatenate(drawn[key])) for key, value in values.items()}


def resampled(
    columns: Mapping[str, Array], aggregates: Mapping[str, Aggregate], weightings: Iterable[Array]
) -> dict[str, Array]:
    """Every aggregate, in its unit, under every weighting of the rows; `weightings` come in chunks."""
    drawn: dict[str, list[Array]] = {key: [] for key in aggregates}
    for weights in weightings:
        table = Table(columns, weights)
        for key, aggregate in aggregates.items():
            drawn[key].append(_evaluated(aggregate, table))
    return {key: np.concatenate(values) if values else np.empty(0) for key, values in drawn.items()}


def resamplings(rows: int, resamples: int, seed: int) -> Iterator[Array]:
    """Bootstrap weights in chunks of bounded size: how often each row was drawn."""
    if resamples * rows <= _CHUNK_CELLS:
        yield _one_chunk(rows, resamples, seed)
        return
    rng = np.random.default_rng(seed)
    chunk = max(1, _CHUNK_CELLS // rows)
    for start in range(0, resamples, chunk):
        yield _drawn_rows(rng, min(chunk, resamples - start), rows)


@lru_cache(maxsize=1)
def _one_chunk(rows: int, resamples: int, seed: int) -> Array:
    """Cached, since many runs of the same size are often summarised in turn."""
    weights = _drawn_rows(np.random.default_rng(seed), resamples, rows)
    weights.flags.writeable = False
    return weights


def _drawn_rows(rng: np.random.Generator, size: int, rows: int) -> Array:
    weights = np.empty((size, rows))
    for index in range(size):
        weights[index] = np.bincount(rng.integers(0, rows, rows), minlength=rows)
    return weights


def _evaluated(aggregate: Aggregate, table: Table) -> Array:
    """The aggregate in its unit, under each weighting; NaN where nothing is left to average."""
    values = aggregate.value(table)
    if aggregate.column is not None:
        averaged = table.count(aggregate.where, having=aggregate.column)
        values = np.where(averaged == 0, np.nan, values)
    return values * 100 if aggregate.unit == "percent" else values


def estimate(aggregate: Aggregate, whole: Table, drawn: Array | None) -> Estimate:
    """An aggregate over the whole table; `drawn` are its values under the resamplings, None for no interval.

    Resamplings that leave nothing to average are not counted.
    """
    value = float(_evaluated(aggregate, whole)[0])
    if math.isnan(value):
        return Estimate(None, None, None, 0)
    n = int(whole.count(aggregate.where, having=aggregate.column)[0])
    # First to many decimals: 100 * (23 / 160) is 14.374999999999998, and 14.375 is what the protocol rounds.
    value = round(value, _DECIMALS)
    if aggregate.decimals is not None:
        value = round(value, aggregate.decimals)
    found = Estimate(value, None, None, n)
    return found if drawn is None else _with_interval(found, drawn)


def _with_interval(found: Estimate, drawn: Array) -> Estimate:
    """An estimate with the standard error and interval of its values under resamplings, if there are enough of them."""
    drawn = drawn[~np.isnan(drawn)]
    if found.value is None or len(drawn) < 2:
        return found
    low, high = (round(float(bound), _DECIMALS) for bound in np.percentile(drawn, (2.5, 97.5)))
    return replace(found, stderr=round(float(np.std(drawn, ddof=1)), _DECIMALS), ci95=(low, high))
