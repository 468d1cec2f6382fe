"""Paired comparison of two systems on the same samples: difference, interval, permutation test, Holm's correction.

The interval resamples both systems with the same indices. The test swaps the rows of the two systems sample by sample
and computes the aggregate again, so it holds for harmonic means and F1 of means as it does for means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from groundeval.stats.bootstrap import RESAMPLES, Aggregate, Array, Table, estimate, resampled, resamplings

PERMUTATIONS = 9_999
"""With the observed order they are 10,000: the smallest p-value is 0.0001, which leaves room for Holm."""
LEVEL = 0.05
_CHUNK_CELLS = 8_000_000
_NUMERIC_NOISE = 1e-9


@dataclass(frozen=True, slots=True)
class Answers:
    """One system's per-answer values, and which question each answers. Every question weighs the same."""

    columns: Mapping[str, Array]
    questions: NDArray[np.int64]
    """For each row the number of its question, from 0; both systems of a pair number the same questions."""

    @property
    def share(self) -> Array:
        """The weight of each row: 1 / (answers of its question)."""
        return 1 / np.bincount(self.questions)[self.questions]

    @property
    def count(self) -> int:
        """Number of questions."""
        return int(self.questions.max()) + 1 if len(self.questions) else 0

    def weights(self, of_questions: Array) -> Array:
        """Weights of the rows from weights of the questions, for one or more weightings."""
        if np.array_equal(self.questions, np.arange(of_questions.shape[1])):
            return of_questions
        return of_questions[:, self.questions] * self.share

    def value(self, aggregates: Mapping[str, Aggregate]) -> dict[str, float | None]:
        """The aggregates themselves; None where there is nothing to average."""
        table = Table(self.columns, self.weights(np.ones((1, self.count))))
        return {key: estimate(each, table, None).value for key, each in aggregates.items()}

    def resampled(self, aggregates: Mapping[str, Aggregate], resamples: int, seed: int = 0) -> dict[str, Array]:
        """The aggregates under resamplings of the questions that all systems with these questions share."""
        drawn = resamplings(self.count, resamples, seed)
        return resampled(self.columns, aggregates, (self.weights(each) for each in drawn))


@dataclass(frozen=True, slots=True)
class Difference:
    """Second system minus first, in the unit of the metric; None where one of them has nothing to average."""

    first: float | None
    second: float | None
    value: float | None
    ci95: tuple[float, float] | None
    """Percentile bootstrap over questions; None for fewer than two."""
    p: float | None
    """Two-sided paired permutation test; None for fewer than two questions."""


def paired_differences(
    first: Answers,
    second: Answers,
    aggregates: Mapping[str, Aggregate],
    *,
    resamples: int = RESAMPLES,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> dict[str, Difference]:
    """The difference in every aggregate between two systems on the same questions."""
    a, b = first.value(aggregates), second.value(aggregates)
    found = {key: Difference(a[key], b[key], _less(b[key], a[key]), None, None) for key in aggregates}
    tested = {key: each for key, each in aggregates.items() if found[key].value is not None}
    if first.count < 2 or not tested:
        return found
    drawn = [each.resampled(tested, resamples, seed) for each in (first, second)]
    p = permutation_p(first, second, tested, permutations=permutations, seed=seed)
    for key in tested:
        found[key] = replace(found[key], ci95=_interval(drawn[1][key] - drawn[0][key]), p=p[key])
    return found


def _less(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def _interval(differences: Array) -> tuple[float, float] | None:
    """None if hardly any resampling leaves both systems something to average."""
    differences = differences[~np.isnan(differences)]
    if len(differences) < 2:
        return None
    low, high = np.percentile(differences, (2.5, 97.5))
    return round(float(low), 10), round(float(high), 10)


def permutation_p(
    first: Answers,
    second: Answers,
    aggregates: Mapping[str, Aggregate],
    *,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> dict[str, float]:
    """Two-sided p-values: the share of random swaps of the two systems, question by question, whose difference is at
    least as large.

    The observed order counts as one of the permutations, so no p-value is 0. Cost: two matrix-vector products of size
    permutations x answers of both systems per distinct column and condition.
    """
    both = {
        name: np.concatenate([first.columns[name], second.columns[name]])
        for name in first.columns
        if name in second.columns
    }

    def differences(own: Array) -> dict[str, Array]:
        """Second minus first where the first keeps the questions that are 1 in `own`, and gets the others' answers."""
        kept = np.hstack([first.weights(own), second.weights(1 - own)])
        given = np.hstack([first.weights(1 - own), second.weights(own)])
        mine, others = resampled(both, aggregates, [kept]), resampled(both, aggregates, [given])
        return {key: others[key] - mine[key] for key in aggregates}

    observed = differences(np.ones((1, first.count)))
    as_large = dict.fromkeys(aggregates, 1)
    for own in _swaps(first.count, permutations, seed):
        for key, swapped in differences(own).items():
            # A swap that leaves nothing to average counts against the difference.
            smaller = np.abs(swapped) < abs(observed[key][0]) - _NUMERIC_NOISE
            as_large[key] += int(np.sum(~smaller))
    return {key: count / (1 + permutations) for key, count in as_large.items()}


def _swaps(questions: int, permutations: int, seed: int) -> Iterator[Array]:
    """For each permutation, which questions' answers the first system keeps (1), in chunks of bounded size."""
    rng = np.random.default_rng(seed)
    chunk = max(1, _CHUNK_CELLS // (2 * questions))
    for start in range(0, permutations, chunk):
        yield rng.integers(0, 2, (min(chunk, permutations - start), questions)).astype(np.float64)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction: the p-values adjusted so that all tests together keep their level."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def better_counts(draws: Array) -> NDArray[np.int64]:
    """For each system, how many others are significantly better, from values under shared resamplings.

    `draws` has one row per system and one column per resampling. A system is better if the 95% interval of the paired
    difference lies above 0: at least 97.5% of the resamplings put it strictly ahead.
    """
    needed = (1 - LEVEL / 2) * draws.shape[1]
    ahead = np.zeros(len(draws), dtype=np.int64)
    for row, mine in enumerate(draws):
        ahead[row] = int(np.sum(np.sum(draws > mine + _NUMERIC_NOISE, axis=1) >= needed))
    return ahead
