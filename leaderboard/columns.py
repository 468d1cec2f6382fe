"""Choice and grouping of the metrics in a table; the files beside the page hold all metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from groundeval.leaderboard.entries import Entry
from groundeval.metrics.labels import arranged


@dataclass(frozen=True, slots=True)
class Column:
    """One metric of a table."""

    key: str
    name: str
    group: str
    top: float
    """The end of the whiskers' scale: 100 for percentages, else the largest value."""
    reported_only: bool
    """No measured row has it."""


def columns_of(entries: Sequence[Entry]) -> list[Column]:
    """The columns of a table: the headlines of its entries and what is telling, in the groups of `metrics.labels`."""
    present = dict.fromkeys(key for entry in entries for key in entry.metrics)
    measured = {key for entry in entries if not entry.reported for key in entry.metrics}
    headline = list(dict.fromkeys(key for entry in entries for key in entry.headline))
    profiles = list(dict.fromkeys(entry.profile for entry in entries))
    return [
        Column(
            each.key, each.label.short or each.label.name, each.group, _top(entries, each.key), each.key not in measured
        )
        for each in arranged(present, headline, profiles)
    ]


def _top(entries: Sequence[Entry], key: str) -> float:
    highest = 0.0
    for entry in entries:
        if key in entry.metrics:
            metric = entry.metrics[key]
            highest = max(highest, metric.value or 0.0, metric.ci95[1] if metric.ci95 else 0.0)
    return 100.0 if key not in ("length", "answered_length") and highest <= 100 else highest or 1.0
