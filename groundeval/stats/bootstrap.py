"""From per-sample values to aggregates with honest intervals (docs/runs.md).

An aggregate is a function of a `Table`, and a table is columns of per-sample values with a weight for every row. The
point estimate uses weight 1 for each row; the bootstrap gives rows the number of times they were drawn. So the same
function yields the value and its interval, also for harmonic means and tables of counts. The resamples are the same
for all keys.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Where = str | tuple[str, ...] | None
Unit = Literal["percent", "number"]

RESAMPLES = 1_000
_CHUNK_CELLS = 8_000_000
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
        self._sums: dict[tuple[str | None, Where], Array] = {}
        self._products: dict[bytes, Array] = {}

    def mean(self, column: str, where: Where = None) -> Array:
        """Mean of a column over the rows that have a value and for which all `where` columns are 1; 0 over no rows."""
        return ratio(self._sum(column, where), self.count(where, having=column))

    def total(self, column: str, where: Where = None) -> Array:
        """Sum of a column over such rows."""
        return self._sum(column, where)

    def count(self, where: Where = None, *, having: str | None = None) -> Array:
        """Number of rows for which all `where` columns are 1 and the column `having` has a value."""
        key = f"#{having}" if having else None
        if (key, where) not in self._sums:
            mask = self._mask(where)
            if having:
                mask = mask * ~np.isnan(self._columns[having])
            self._sums[key, where] = self._weighted(mask)
        return self._sums[key, where]

    def _sum(self, column: str, where: Where) -> Array:
        if (column, where) not in self._sums:
            values = np.nan_to_num(self._columns[column], nan=0.0)
            self._sums[column, where] = self._weighted(values * self._mask(where))
        return self._sums[column, where]

    def _weighted(self, values: Array) -> Array:
        """The sum of the values under each weighting. Cached by the values if there are many weightings: most
        columns hold for the same rows, and the products dominate the time of a bootstrap."""
        if len(self._weights) < _MANY:
            return self._weights @ values
        known = values.tobytes()
        if known not in self._products:
            self._products[known] = self._weights @ values
        return self._products[known]

    def _mask(self, where: Where) -> Array:
        mask = np.ones(self._weights.shape[1])
        for name in (where,) if isinstance(where, str) else where or ():
            mask = mask * (self._columns[name] == 1)
        return mask


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
    columns: Mapping[str, Array], aggregates: Mapping[str, Aggregate], *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Estimate]:
    """Every aggregate with standard error and 95% interval from one seeded bootstrap over samples.

    `columns` are arrays of equal length n. Cost: one matrix-vector product of size resamples x n per distinct column
    and condition; memory is bounded, whatever n is. With fewer than two samples there is no interval.
    """
    rows = len(next(iter(columns.values()))) if columns else 0
    whole = Table(columns, np.ones((1, rows)))
    drawn = resampled(columns, aggregates, resamplings(rows, resamples, seed)) if rows > 1 else {}
    return {key: estimate(aggregate, whole, drawn.get(key)) for key, aggregate in aggregates.items()}


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
    drawn = None if drawn is None else drawn[~np.isnan(drawn)]
    if drawn is None or len(drawn) < 2:
        return Estimate(value, None, None, n)
    low, high = (round(float(bound), _DECIMALS) for bound in np.percentile(drawn, (2.5, 97.5)))
    return Estimate(value, round(float(np.std(drawn, ddof=1)), _DECIMALS), (low, high), n)
