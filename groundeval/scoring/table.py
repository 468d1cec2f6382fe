"""The values of all samples of a run by column, and the metrics that are computed over the whole set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from groundeval.errors import DataError, GroundevalError, option, what_happened
from groundeval.metrics.metric import Context, Models
from groundeval.records import Response, Status
from groundeval.scoring.plan import Plan
from groundeval.stats.bootstrap import Array, Estimate


class ScoreTable:
    """The per-sample values of a run, 8 bytes per value."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = tuple(columns)
        self._rows: dict[str, Array] = {}
        self._statuses: dict[str, Status] = {}
        self._errors: dict[str, str] = {}

    def add(self, sample_id: str, status: Status, values: Mapping[str, float | None], error: str | None = None) -> None:
        """Take a sample's values; a failed sample is counted with its error, and has no row."""
        self._statuses[sample_id] = status
        if status == "error" and error:
            self._errors[sample_id] = error
        if status != "error":
            row = [values.get(column) for column in self._columns]
            self._rows[sample_id] = np.array([np.nan if value is None else value for value in row], dtype=np.float64)

    def columns(self, ids: Iterable[str]) -> dict[str, Array]:
        """The values of these samples, in this order, by column; NaN where a value does not apply."""
        rows = [self._rows[each] for each in ids if each in self._rows]
        matrix = np.vstack(rows) if rows else np.empty((0, len(self._columns)))
        return {column: np.ascontiguousarray(matrix[:, index]) for index, column in enumerate(self._columns)}

    def scored(self, ids: Iterable[str]) -> list[str]:
        """The samples, among these, that have values."""
        return [each for each in ids if each in self._rows]

    def first_error(self, ids: Iterable[str]) -> str | None:
        """The first of these samples that failed, with its error in one line."""
        failed = next((each for each in ids if each in self._errors), None)
        return None if failed is None else f"{failed}: {' '.join(self._errors[failed].split())[:300]}"

    def statuses(self, ids: Iterable[str]) -> dict[str, int]:
        """Number of these samples by status."""
        return dict(sorted(Counter(self._statuses[each] for each in ids if each in self._statuses).items()))

    def __contains__(self, sample_id: str) -> bool:
        return sample_id in self._statuses


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
