"""The measures on labels made by hand, their intervals, and the calibrated threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, roc_auc_score

from groundeval.bench.nli_data import Claim, LabelledClaims
from groundeval.bench.nli_quality import (
    Judged,
    assess,
    balanced_accuracies,
    best_threshold,
    calibrate,
    decision,
    f1s,
    halves,
    judge,
    published,
    roc_auc,
    roc_aucs,
)
from groundeval.errors import BackendError, GroundevalError, SampleError
from groundeval.nli import NLI, PartialFailure
from groundeval.records import Pair, Verdict

LABELS = np.array([True, True, True, False, False, False, False, False])
SCORES = np.array([0.9, 0.8, 0.3, 0.7, 0.3, 0.2, 0.1, 0.0])


def claims(*labels: bool) -> LabelledClaims:
    made = tuple(Claim(str(i), (Pair(f"premise {i}", f"claim {i}"),), label) for i, label in enumerate(labels))
    return LabelledClaims("made", "by hand", made)


class Scripted:
    """Says what it was told to say, by premise; an error stands for a pair that cannot be judged."""

    name, revision = "scripted", None

    def __init__(self, scores: dict[str, float | GroundevalError]) -> None:
        self.scores = scores

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        found = [self.scores[pair.premise] for pair in pairs]
        outcomes = [each if isinstance(each, GroundevalError) else Verdict(each >= 0.5, each) for each in found]
        if any(isinstance(each, GroundevalError) for each in outcomes):
            raise PartialFailure(outcomes)
        return [each for each in outcomes if isinstance(each, Verdict)]


def test_the_area_counts_pairs_in_the_right_order_and_ties_half():
    # Of 15 pairs of a supported claim and another, 13 are in order, 1 is a tie and 1 is not in order.
    assert roc_auc(LABELS, SCORES).value == pytest.approx(100 * 13.5 / 15)


def test_verdicts_are_measured_by_both_labels_alike():
    found = decision(LABELS, SCORES >= 0.5, 0.5)
    assert found.balanced_accuracy.value == pytest.approx(100 * (2 / 3 + 4 / 5) / 2)
    assert found.f1.value == pytest.approx(100 * 2 * 2 / (3 + 3))
    assert found.called_supported == pytest.approx(100 * 3 / 8)


def test_a_verifier_that_says_no_to_everything_is_at_half_with_an_f1_of_0():
    found = decision(LABELS, np.zeros(8, dtype=bool), None)
    assert (found.balanced_accuracy.value, found.f1.value) == (50.0, 0.0)


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 3)), min_size=2, max_size=30).filter(
        lambda rows: {label for label, _, weight in rows if weight} == {True, False}
    )
)
def test_the_weighted_measures_of_the_bootstrap_are_those_of_scikit_learn(rows: list[tuple[bool, int, int]]):
    labels, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    drawn = np.repeat(np.arange(len(rows)), weights)
    verdicts = scores >= 2
    one = weights[None].astype(float)
    assert balanced_accuracies(labels, verdicts, one)[0] == pytest.approx(
        balanced_accuracy_score(labels[drawn], verdicts[drawn])
    )
    assert f1s(labels, verdicts, one)[0] == pytest.approx(f1_score(labels[drawn], verdicts[drawn], zero_division=0))
    assert roc_aucs(labels, scores.astype(float), one)[0] == pytest.approx(roc_auc_score(labels[drawn], scores[drawn]))


def test_resamples_without_one_of_the_labels_are_left_out_of_the_interval():
    found = roc_auc(np.array([True, False]), np.array([0.9, 0.1]))
    assert found.value == 100.0
    assert found.ci95 == (100.0, 100.0)


def test_intervals_narrow_with_more_claims_and_hold_the_value():
    rng = np.random.default_rng(0)
    widths = []
    for n in (100, 2_000):
        labels = rng.random(n) < 0.4
        scores = np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 1)
        found = roc_auc(labels, scores)
        assert found.ci95 is not None
        assert found.ci95[0] < found.value < found.ci95[1]
        widths.append(found.ci95[1] - found.ci95[0])
    assert widths[1] < widths[0] / 3


def test_halves_hold_half_of_each_label_and_depend_on_the_seed_alone():
    labels = np.arange(60) % 3 == 0
    first, again, other = halves(labels, 0), halves(labels, 0), halves(labels, 1)
    assert (first == again).all()
    assert (first != other).any()
    assert (first[labels].sum(), first[~labels].sum()) == (10, 20)


def test_the_threshold_is_the_one_that_separates_the_labels():
    assert best_threshold(LABELS, np.array([0.9, 0.8, 0.6, 0.5, 0.3, 0.2, 0.1, 0.0])) == 0.6


def test_calibration_helps_a_verifier_whose_threshold_is_off_and_is_reported_on_the_other_half():
    rng = np.random.default_rng(0)
    labels = rng.random(400) < 0.5
    scores = np.clip(rng.normal(0.1 + 0.15 * labels, 0.05), 0, 1)
    found = calibrate(labels, scores)
    assert found is not None
    assert found.chosen_on + found.held_out.balanced_accuracy.n == 400
    assert 0.1 < (found.held_out.threshold or 0) < 0.25
    assert decision(labels, scores >= 0.5, 0.5).balanced_accuracy.value == 50.0
    assert found.held_out.balanced_accuracy.value > 85


def test_too_few_claims_of_a_label_are_not_calibrated():
    assert calibrate(LABELS, SCORES) is None


def test_a_claim_of_several_chunks_has_the_best_of_their_scores():
    data = LabelledClaims(
        "made",
        "by hand",
        (Claim("a", (Pair("low", "x"), Pair("high", "x")), True), Claim("b", (Pair("low", "y"),), False)),
    )
    with NLI(Scripted({"low": 0.1, "high": 0.8})) as nli:
        found = judge(nli, data)
    assert found.scores.tolist() == [0.8, 0.1]
    assert found.verdicts.tolist() == [True, False]
    assert found.pairs == 3


def test_a_pair_that_cannot_be_judged_leaves_its_claim_out_and_is_counted():
    data = claims(True, False, False)
    with NLI(Scripted({"premise 0": 0.9, "premise 1": SampleError("too long"), "premise 2": 0.2})) as nli:
        quality = assess(data, judge(nli, data))
    assert (quality.claims, quality.failed, quality.roc_auc.value) == (2, 1, 100.0)


def test_a_broken_verifier_stops_the_measurement():
    data = claims(True, False)
    with NLI(Scripted({"premise 0": 0.9, "premise 1": BackendError("gone")})) as nli, pytest.raises(BackendError):
        judge(nli, data)


def test_nothing_is_measured_when_no_claim_of_a_label_could_be_judged():
    judged = Judged("broken", np.array([0.9, np.nan]), np.array([True, False]))
    with pytest.raises(SampleError, match="1 claims could not be judged"):
        assess(claims(True, False), judged)


def test_published_scores_are_measured_like_a_verifier_with_threshold_a_half():
    data = claims(True, True, False)
    data = LabelledClaims(data.name, data.source, data.claims, published={"big": (0.9, 0.4, 0.2)})
    [judged] = published(data)
    quality = assess(data, judged)
    assert (quality.verifier, quality.roc_auc.value, quality.pairs_per_second) == ("big (published)", 100.0, None)
    assert quality.own.balanced_accuracy.value == 75.0
