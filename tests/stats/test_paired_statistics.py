"""The paired test rejects no more often than its level, and intervals have their nominal coverage."""

from __future__ import annotations

import numpy as np
import pytest

from groundeval.stats.bootstrap import Aggregate, Array, harmonic, mean_of, summarize
from groundeval.stats.paired import Answers, better_counts, holm, paired_differences, permutation_p
from groundeval.stats.repeats import questions_of

ROWS = 300
AGGREGATES = {
    "mean": mean_of("rec"),
    "harmonic": Aggregate(lambda table: harmonic(table.mean("rec"), table.mean("prec"))),
}


def system(rng: np.random.Generator, rates: tuple[float, float], shared: Array | None = None) -> dict[str, Array]:
    """Two columns of zeros and ones; with `shared`, values of the same sample go together between systems."""
    noise = rng.random((2, ROWS))
    latent = noise if shared is None else np.where(rng.random((2, ROWS)) < 0.5, shared, noise)
    return {
        name: (latent[row] < rate).astype(float)
        for row, (name, rate) in enumerate(zip(("rec", "prec"), rates, strict=True))
    }


def answers(columns: dict[str, Array]) -> Answers:
    return Answers(columns, np.arange(ROWS))


@pytest.mark.slow
@pytest.mark.parametrize("rates", [(0.2, 0.3), (0.5, 0.4), (0.8, 0.7)])
def test_without_a_difference_the_test_rejects_at_most_five_percent(rates: tuple[float, float]):
    rng = np.random.default_rng(1)
    trials, rejected = 400, dict.fromkeys(AGGREGATES, 0)
    for trial in range(trials):
        shared = rng.random((2, ROWS))
        first, second = answers(system(rng, rates, shared)), answers(system(rng, rates, shared))
        p = permutation_p(first, second, AGGREGATES, permutations=399, seed=trial)
        for key in AGGREGATES:
            rejected[key] += p[key] <= 0.05
    print("rejected", {key: count / trials for key, count in rejected.items()})
    noise = 2.6 * np.sqrt(0.05 * 0.95 / trials)
    assert all(count / trials <= 0.05 + noise for count in rejected.values()), rejected
    # A test that never rejects would pass the line above.
    assert all(count / trials >= 0.05 - noise for count in rejected.values()), rejected


@pytest.mark.slow
def test_a_real_difference_is_found():
    rng = np.random.default_rng(2)
    found = 0
    for trial in range(50):
        shared = rng.random((2, ROWS))
        first, second = answers(system(rng, (0.4, 0.4), shared)), answers(system(rng, (0.55, 0.55), shared))
        found += permutation_p(first, second, AGGREGATES, permutations=399, seed=trial)["harmonic"] <= 0.05
    assert found >= 45


@pytest.mark.slow
@pytest.mark.parametrize("rates", [(0.2, 0.3), (0.5, 0.5), (0.8, 0.6)])
def test_intervals_cover_the_truth_in_93_to_97_percent(rates: tuple[float, float]):
    rng = np.random.default_rng(3)
    truth = {"mean": 100 * rates[0], "harmonic": 100 * 2 * rates[0] * rates[1] / sum(rates)}
    trials, covered = 1500, dict.fromkeys(AGGREGATES, 0)
    for _ in range(trials):
        found = summarize(system(rng, rates), AGGREGATES)
        for key, estimate in found.items():
            assert estimate.ci95 is not None
            covered[key] += estimate.ci95[0] <= truth[key] <= estimate.ci95[1]
    print("covered", {key: count / trials for key, count in covered.items()})
    assert all(0.93 <= count / trials <= 0.97 for count in covered.values()), covered


@pytest.mark.slow
def test_intervals_of_paired_differences_cover_the_truth():
    rng = np.random.default_rng(4)
    before, after = (0.4, 0.5), (0.5, 0.6)
    harmonics = [2 * a * b / (a + b) for a, b in (before, after)]
    truth = {"mean": 10.0, "harmonic": 100 * (harmonics[1] - harmonics[0])}
    trials, covered = 1000, dict.fromkeys(AGGREGATES, 0)
    for _ in range(trials):
        shared = rng.random((2, ROWS))
        pair = [answers(system(rng, rates, shared)) for rates in (before, after)]
        drawn = [each.resampled(AGGREGATES, 1000) for each in pair]
        for key in AGGREGATES:
            low, high = np.percentile(drawn[1][key] - drawn[0][key], (2.5, 97.5))
            covered[key] += low <= truth[key] <= high
    print("covered", {key: count / trials for key, count in covered.items()})
    assert all(0.93 <= count / trials <= 0.97 for count in covered.values()), covered


def test_holm_multiplies_the_smallest_p_by_the_number_of_tests_and_keeps_the_order():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_systems_that_cannot_be_told_apart_share_a_rank():
    rng = np.random.default_rng(5)
    close = rng.normal(50, 3, (2, 1000))
    assert list(better_counts(np.vstack([close, rng.normal(20, 3, (1, 1000))]))) == [0, 0, 2]


def test_several_answers_to_a_question_weigh_as_much_as_one():
    one = Answers({"rec": np.array([1.0, 0.0, 1.0]), "prec": np.array([1.0, 0.0, 1.0])}, np.arange(3))
    ids = ["a#1", "a#2", "b#1", "b#2", "b#3", "c#1"]
    several = Answers(
        {"rec": np.array([1.0, 1, 0, 0, 0, 1]), "prec": np.array([1.0, 1, 0, 0, 0, 1])}, questions_of(ids)
    )
    for key, difference in paired_differences(one, several, AGGREGATES, permutations=99).items():
        assert difference.value == pytest.approx(0), key
        assert difference.ci95 == (0.0, 0.0)
        assert difference.p == 1.0


def test_the_smallest_p_value_is_one_over_the_permutations():
    first = Answers({"rec": np.zeros(50), "prec": np.zeros(50)}, np.arange(50))
    second = Answers({"rec": np.ones(50), "prec": np.ones(50)}, np.arange(50))
    assert permutation_p(first, second, AGGREGATES, permutations=99)["mean"] == 0.01
