"""Several answers to one question: their ids, means in which every question weighs the same, and the best of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from groundeval.stats.bootstrap import (
    RESAMPLES,
    Aggregate,
    Array,
    Estimate,
    Table,
    estimate,
    mean_of,
    resampled,
    resamplings,
    summarize,
)

Questions = NDArray[np.int64]
"""For each row of a table, the number of its question."""


def repeat_id(sample: str, draw: int) -> str:
    """The id of the `draw`-th answer, from 1, to a sample's question."""
    return f"{sample}#{draw}"


def questions_of(ids: Iterable[str]) -> Questions:
    """The number of the question that each draw belongs to, in order of appearance."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(each.rpartition("#")[0], len(numbers)) for each in ids], dtype=np.int64)


def summarize_repeats(
    columns: Mapping[str, Array],
    aggregates: Mapping[str, Aggregate],
    questions: Questions,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Every aggregate over all answers, each weighing 1 / (answers of its question), resampled by question.

    So a plain mean is the mean over questions of the mean over their answers, a count is an expected number of
    questions, and the interval reflects the variation between questions, not between answers to one. `n`: number of
    questions that count.
    """
    count = int(questions.max()) + 1 if len(questions) else 0
    share = 1 / np.bincount(questions)[questions] if count else np.empty(0)
    whole = Table(columns, share[None])
    weights: Iterator[Array] = (each[:, questions] * share for each in resamplings(count, resamples, seed))
    values = resampled(columns, aggregates, weights) if count > 1 else {}
    return {
        key: replace(
            estimate(aggregate, whole, values.get(key)), n=len(set(questions[_counts(columns, aggregate, questions)]))
        )
        for key, aggregate in aggregates.items()
    }


def best_of(
    columns: Mapping[str, Array], aggregates: Mapping[str, Aggregate], questions: Questions
) -> dict[str, Estimate]:
    """The mean over questions of the best answer's value, by key: what choosing the answer after the fact could reach.

    For the keys that are plain means of a share of which more is better; others (lengths, counts, functions of the
    whole table such as an F1 of means) have no best answer. Each key chooses for itself.
    """
    means = {
        key: each for key, each in aggregates.items() if each.is_mean and each.unit == "percent" and each.more_is_better
    }
    best: dict[str, Array] = {}
    for key, aggregate in means.items():
        best[key] = np.full(int(questions.max()) + 1 if len(questions) else 0, np.nan)
        counting = _counts(columns, aggregate, questions)
        np.fmax.at(best[key], questions[counting], columns[aggregate.column or key][counting])
    return summarize(best, {key: mean_of(key) for key in best})


def _counts(columns: Mapping[str, Array], aggregate: Aggregate, questions: Questions) -> NDArray[np.bool_]:
    """The rows that count for an aggregate: they have a value and fulfil its conditions."""
    counting = np.ones(len(questions), dtype=np.bool_)
    if aggregate.column is not None:
        counting &= ~np.isnan(columns[aggregate.column])
    for name in (aggregate.where,) if isinstance(aggregate.where, str) else aggregate.where or ():
        counting &= columns[name] == 1
    return counting
