"""Weighted values of metrics as a reward: the default of tasks, and the rewards of YAML files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import NamedTuple

from groundeval.errors import UsageError, unknown
from groundeval.metrics.metric import METRICS, Metric, Values
from groundeval.metrics.reading import AnswerKind
from groundeval.rewards.reward import Components, Line, Reward


class Gate(NamedTuple):
    """A condition on a value; if it fails, only the parts in `keep` count and the others are 0."""

    column: str
    at_least: float
    at_most: float
    keep: tuple[str, ...]

    def open(self, values: Values) -> bool:
        """Whether the sample meets the condition; a sample without the value does not."""
        value = values[self.column]
        return value is not None and self.at_least <= value <= self.at_most


class Read(NamedTuple):
    """A per-sample value of a metric: its column and its range."""

    metric: str
    column: str
    low: float
    high: float


def weighted(
    values: Values,
    line: Line,
    *,
    parts: Mapping[str, str | Reward],
    gates: Sequence[Gate] = (),
) -> Components:
    """The value of each part: that of a column, or the total of another reward over the same line."""
    kept = [set(gate.keep) for gate in gates if not gate.open(values)]
    return {
        name: (values[part] if isinstance(part, str) else part.of(line).total)
        if all(name in keep for keep in kept)
        else 0.0
        for name, part in parts.items()
    }


def bounds(ranges: Mapping[str, tuple[float, float]], weights: Mapping[str, float], mean: bool) -> tuple[float, float]:
    """The range of a weighted sum or mean of parts, any of which may be 0 or missing."""
    if mean:
        counting = [ends for name, ends in ranges.items() if weights.get(name, 1.0)]
        return min([0.0, *(low for low, _ in counting)]), max([0.0, *(high for _, high in counting)])
    ends = [
        sorted((_times(weights.get(name, 1.0), low), _times(weights.get(name, 1.0), high)))
        for name, (low, high) in ranges.items()
    ]
    return sum(min(0.0, low) for low, _ in ends), sum(max(0.0, high) for _, high in ends)


def _times(weight: float, bound: float) -> float:
    return weight * bound if weight else 0.0


def read(name: str, profile: str, kind: AnswerKind, where: str) -> Read:
    """The value of a name: a per-sample column of a metric, or a reported key that is the mean of one.

    Raises UsageError, which begins with `where`, for a name without per-sample values under this profile.
    """
    possible = [metric for _, metric in METRICS.items() if metric.applies(profile, kind)]
    # The metric with that name first, then those that are computed by default.
    possible.sort(key=lambda metric: (metric.name != name, not metric.default))
    for metric in possible:
        if name in metric.columns:
            return _found(metric, name)
    keys = {key: aggregate for metric in possible for key, aggregate in metric.aggregates.items()}
    if name in keys and (column := keys[name].column) is not None:
        return _found(next(metric for metric in possible if column in metric.columns), column)
    columns = {column for metric in possible for column in metric.columns}
    if name in keys or any(metric.name == name and metric.corpus for metric in possible):
        raise UsageError(
            f'{where}: "{name}" is a figure of the whole set; no single sample has it.\n'
            f"  Per-sample values under profile {profile}: {', '.join(sorted(columns))}"
        )
    raise UsageError(f"{where}: {unknown(f'value under profile {profile}', name, columns)}")


def _found(metric: Metric, column: str) -> Read:
    units = {aggregate.unit for aggregate in metric.aggregates.values() if aggregate.column == column}
    return Read(metric.name, column, *((-inf, inf) if "number" in units else (0.0, 1.0)))
