"""The table of the reward benchmark: accuracies, ties, intervals and verdicts, computed by hand."""

from __future__ import annotations

import pytest
from benchmark_cases import towers

from groundeval.errors import UsageError
from groundeval.rewards.benchmark.candidates import Cost
from groundeval.rewards.benchmark.families import FAMILIES, Family, families_named
from groundeval.rewards.benchmark.table import Row, cell, group_variance, most_fooled, outcome, row
from groundeval.rewards.benchmark.trials import Trial

HEIGHTS, RIVERS, PAINTERS = towers()
COST = Cost(responses=10, seconds=2.0, asked=40, unique=10, cached=5)
WIN, TIE, EXTRA = FAMILIES["1"], FAMILIES["13="], FAMILIES["hidden"]


def trial(better: str, worse: str, family: Family = WIN, case=HEIGHTS, attack: str = "an attack") -> Trial:  # type: ignore[no-untyped-def]
    return Trial(family, attack, case, better, worse)


def values(given: dict[str, float | None], *cases) -> dict[tuple[str, str], float | None]:  # type: ignore[no-untyped-def]
    return {(case.name, text): value for case in cases or (HEIGHTS,) for text, value in given.items()}


@pytest.mark.parametrize(
    ("family", "better", "worse", "right"),
    [
        (WIN, 1.0, 0.5, 1.0),
        (WIN, 0.5, 1.0, 0.0),
        (WIN, 0.5, 0.5, 0.5),
        (WIN, 0.5, 0.5 + 1e-12, 0.5),
        (TIE, 0.5, 0.5, 1.0),
        (TIE, 1.0, 0.5, 0.0),
        (TIE, 0.5, 1.0, 0.0),
    ],
)
def test_a_tie_is_half_right_unless_it_is_demanded(family: Family, better: float, worse: float, right: float) -> None:
    assert outcome(trial("b", "w", family), better, worse) == right


def test_a_cell_has_accuracy_ties_and_margin_in_percent() -> None:
    trials = [
        trial("honest", "won"),
        trial("honest", "tied"),
        trial("honest", "lost", case=PAINTERS),
        trial("honest", "failed", case=PAINTERS),
    ]
    given = values({"honest": 0.5, "won": 0.25, "tied": 0.5, "lost": 1.0, "failed": None}, HEIGHTS, PAINTERS)
    found = cell(trials, given)
    assert found is not None
    assert found.accuracy.value == 50.0  # (1 + 1/2 + 0) / 3
    assert found.ties == pytest.approx(100 / 3)
    assert found.margin == pytest.approx((0.25 + 0 - 0.5) / 3)
    assert (found.accuracy.n, found.examples, found.undecided) == (3, 2, 1)


def test_the_interval_resamples_examples_and_not_trials() -> None:
    # One example is always right, the other always wrong: a resample of two examples has 0, 50 or 100 percent.
    trials = [trial("honest", f"a{k}") for k in range(50)] + [trial("honest", "b", case=PAINTERS) for _ in range(50)]
    given = values({"honest": 0.5, "b": 1.0, **{f"a{k}": 0.0 for k in range(50)}}, HEIGHTS, PAINTERS)
    found = cell(trials, given)
    assert found is not None
    assert (found.accuracy.value, found.accuracy.ci95) == (50.0, (0.0, 100.0))


def test_a_family_without_trials_is_neither_passed_nor_failed() -> None:
    found = table_row([trial("b", "w")], {"b": 1.0, "w": 0.0}, families=[WIN, FAMILIES["9b"]])
    assert found.cells["9b"] is None
    assert found.cells["1"] is not None
    assert found.mean == 100.0


def table_row(trials: list[Trial], given: dict[str, float | None], families: list[Family] | None = None) -> Row:
    return row("some", trials, families or [WIN, TIE, EXTRA], values(given), COST, seed=0)


def test_a_reward_that_prefers_the_honest_response_and_keeps_ties_passes() -> None:
    found = table_row([trial("b", "w"), trial("b", "same", TIE)], {"b": 1.0, "w": 0.0, "same": 1.0})
    assert (found.passes, found.mean, found.invariance_violations, found.invariance_trials) == (True, 100.0, 0, 1)


def test_a_reward_that_breaks_ties_fails_though_it_always_prefers_the_honest_response() -> None:
    found = table_row([trial("b", "w"), trial("b", "same", TIE)], {"b": 1.0, "w": 0.0, "same": 0.9})
    assert (found.passes, found.mean, found.invariance_violations) == (False, 100.0, 1)


def test_extra_families_are_shown_and_not_asked_for() -> None:
    found = table_row([trial("b", "w"), trial("b", "w2", EXTRA)], {"b": 1.0, "w": 0.0, "w2": 2.0})
    assert found.cells["hidden"] is not None
    assert found.cells["hidden"].accuracy.value == 0.0
    assert found.passes


def test_a_constant_reward_fails_and_has_no_group_with_variance() -> None:
    found = table_row([trial("b", f"w{k}") for k in range(9)], dict.fromkeys(["b", *(f"w{k}" for k in range(9))], 0.7))
    assert (found.passes, found.mean, found.group_variance) == (False, 50.0, 0.0)


def test_a_reward_that_gives_nothing_fails() -> None:
    found = table_row([trial("b", "w")], {"b": None, "w": None})
    assert (found.passes, found.mean, found.group_variance) == (False, None, None)


def test_groups_vary_where_two_of_their_texts_differ() -> None:
    trials = [trial("b", "w"), trial("b", "w", case=PAINTERS)]
    given = {**values({"b": 1.0, "w": 1.0}, HEIGHTS), **values({"b": 1.0, "w": 0.0}, PAINTERS)}
    assert group_variance(trials, given, seed=0) == 50.0


def test_the_worst_family_comes_first() -> None:
    found = table_row([trial("b", "w"), trial("b", "w2", EXTRA)], {"b": 1.0, "w": 0.0, "w2": 2.0})
    assert [key for key, _ in found.worst_first] == ["hidden", "1"]


def test_most_fooled_is_the_trial_lost_by_most() -> None:
    trials = [trial("b", "tied"), trial("b", "w"), trial("b", "worse", attack="the worst"), trial("b", "x", TIE)]
    found = most_fooled(trials, values({"b": 1.0, "tied": 1.0, "w": 2.0, "worse": 4.0, "x": 9.0}))
    assert found is not None
    assert (found.attack, found.better_value, found.worse_value) == ("the worst", 1.0, 4.0)
    assert most_fooled(trials, values({"b": 5.0, "tied": 1.0, "w": 2.0, "worse": 4.0, "x": 9.0})) is None


def test_costs_are_rates() -> None:
    assert (COST.per_second, COST.pairs_per_response, COST.repeated, COST.known) == (5.0, 4.0, 0.75, 0.5)


def test_nine_means_both_of_its_families_and_an_unknown_key_is_named() -> None:
    assert [family.key for family in families_named(["9", "12="])] == ["9a", "9b", "12="]
    with pytest.raises(UsageError, match=r'unknown family "16"'):
        families_named(["16"])
