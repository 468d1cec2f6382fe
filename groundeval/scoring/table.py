"""The values of all samples of a run by column, and the metrics that are computed over the whole set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from groundeval.console.tally import counted
from groundeval.errors import DataError, GroundevalError, option, what_happened
from groundeval.metrics.metric import Context, Models
from groundeval.records import Response, Status
from groundeval.scoring.plan import Plan
from groundeval.stats.bootstrap import Estimate
from groundeval.stats.columns import CompactColumn

ROUNDING = 1e-9
"""A value may lie so far outside its range."""


class ScoreTable:
    """The per-sample values of a run, by the position of the sample in the data; 1 to 8 bytes per value."""

    def __init__(self, columns: Sequence[str], samples: int) -> None:
        self._columns = {name: CompactColumn(samples) for name in columns}
        self._statuses = bytearray(samples)
        self._first_error: tuple[int, str] | None = None

    def add(self, row: int, status: Status, values: Mapping[str, float | None], error: str | None = None) -> None:
        """Take a sample's values; a failed sample is counted with its error, and has no values."""
        self._statuses[row] = _STATUSES.index(status) + 1
        if status != "error":
            for name, column in self._columns.items():
                value = values.get(name)
                if value is not None:
                    column.set(row, value)
        elif error and (self._first_error is None or row < self._first_error[0]):
            self._first_error = row, error

    @property
    def scored(self) -> NDArray[np.bool_]:
        """For each sample whether it has values."""
        statuses = np.frombuffer(self._statuses, np.uint8)
        scored: NDArray[np.bool_] = (statuses != 0) & (statuses != _FAILED)
        return scored

    def columns(self) -> dict[str, CompactColumn]:
        """The values of the samples that have any, in their order, by column; NaN where a value does not apply."""
        scored = self.scored
        if scored.all():
            return dict(self._columns)
        return {name: column.taken(scored) for name, column in self._columns.items()}

    def first_error(self) -> tuple[int, str] | None:
        """The position of the first sample that failed, with its error in one line."""
        if self._first_error is None:
            return None
        row, error = self._first_error
        return row, " ".join(error.split())[:300]

    def statuses(self) -> dict[str, int]:
        """Number of samples by status."""
        counts = np.bincount(np.frombuffer(self._statuses, np.uint8), minlength=_FAILED + 1)[1:].tolist()
        return {status: count for status, count in sorted(zip(_STATUSES, counts, strict=True)) if count}

    def __contains__(self, row: int) -> bool:
        return self._statuses[row] != 0


_STATUSES: tuple[Status, ...] = get_args(Status)
_FAILED = _STATUSES.index("error") + 1


def outside_range(plan: Plan, columns: Mapping[str, CompactColumn], id_of: Callable[[int], str]) -> list[str]:
    """Notes on metrics with values outside the range that they declare; `id_of` gives the sample of a row."""
    notes = []
    for metric in plan.metrics:
        low, high = metric.range or (-inf, inf)
        for name in metric.columns if metric.range else ():
            values = columns[name][:]
            rows = ((values < low - ROUNDING) | (values > high + ROUNDING)).nonzero()[0]
            if len(rows):
                outside = f"{counted(len(rows), 'value')} outside its declared range [{low:g}, {high:g}]"
                notes.append(f"{name}: {outside}; the first: {id_of(int(rows[0]))}: {values[rows[0]]:g}")
    return notes


def corpus_estimates(plan: Plan, responses: Sequence[Response], models: Models | None = None) -> dict[str, Estimate]:
    """The reported keys of metrics over the whole set; they have no interval."""
    scored = [response for response in responses if response.status != "error"]
    estimates: dict[str, Estimate] = {}
    for metric in plan.metrics:
        if metric.corpus is not None:
            context = Context(plan.profile, plan.kind, models=models, cot=plan.cot)
            try:
                values = metric.corpus(scored, context)
            except GroundevalError:
                raise
            except Exception as error:
                raise DataError(
                    f'metric "{metric.name}" over all samples failed: {what_happened(error)}\n'
                    f"  The values of the samples are kept. Leave the metric out of {option('metrics')}."
                ) from error
            estimates |= {key: Estimate(float(value), None, None, len(scored)) for key, value in values.items()}
    return estimates
