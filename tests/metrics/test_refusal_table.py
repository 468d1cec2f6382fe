"""The table answerable x answered, and the Trust-Score, worked by hand."""

from __future__ import annotations

import pytest
from metric_cases import REFUSAL, aggregate, document, example, score, values_of

HOLDS = (document("Paris is the capital.", (1,), title="France"),)
NOTHING = (document("Rome is old.", (0,), title="Italy"),)
GOLD = [["Paris"]]


def table(refused_unanswerable: int, answered_unanswerable: int, refused_answerable: int, answered_answerable: int):
    cells = [(NOTHING, REFUSAL)] * refused_unanswerable + [(NOTHING, "Rome.")] * answered_unanswerable
    cells += [(HOLDS, REFUSAL)] * refused_answerable + [(HOLDS, "Paris.")] * answered_answerable
    return [(example(docs=docs, answers=GOLD), output) for docs, output in cells]


def refusal(*counts: int) -> dict[str, float]:
    return values_of(aggregate(table(*counts), profile="trust", kind="em", metrics=("refusal", "answering")))


def test_both_classes_have_recall_precision_and_f1():
    # Unanswerable: 3 refused, 1 answered. Answerable: 2 refused, 4 answered.
    found = refusal(3, 1, 2, 4)
    assert found["refuse_rec"] == pytest.approx(100 * 3 / 4)
    assert found["refuse_prec"] == pytest.approx(100 * 3 / 5)
    assert found["refuse_f1"] == pytest.approx(100 * 2 / 3)
    assert found["answerable_rec"] == pytest.approx(100 * 4 / 6)
    assert found["answerable_prec"] == pytest.approx(100 * 4 / 5)
    assert found["answerable_f1"] == pytest.approx(100 * 8 / 11)
    assert found["macro_avg"] == pytest.approx(100 * (3 / 4 + 2 / 3) / 2)
    assert found["macro_f1"] == pytest.approx(100 * (2 / 3 + 8 / 11) / 2)
    assert found["refusal_accuracy"] == pytest.approx(70.0)


def test_counts_ratio_and_lengths():
    found = refusal(3, 1, 2, 4)
    counts = {"num_samples": 10, "answered_num": 5, "answerable_num": 6, "overlapped_num": 4}
    assert {key: found[key] for key in counts} == counts
    assert found["answered_ratio"] == 50.0
    # The refusal has 15 words, an answer one.
    assert found["regular_length"] == pytest.approx((5 * 15 + 5) / 10)
    assert found["answered_length"] == 1.0


def test_the_answered_ratio_is_rounded_to_two_decimals():
    assert refusal(1, 0, 0, 2)["answered_ratio"] == 66.67


@pytest.mark.parametrize(
    ("counts", "macro"),
    [
        ((0, 0, 0, 3), 50.0),  # nothing unanswerable: its class has F1 0
        ((3, 0, 0, 0), 50.0),
        ((0, 3, 0, 0), 0.0),
        ((0, 0, 3, 0), 0.0),
        ((0, 2, 2, 0), 0.0),
        ((2, 0, 0, 2), 100.0),
    ],
)
def test_a_class_that_never_occurs_has_f1_0(counts: tuple[int, ...], macro: float):
    assert refusal(*counts)["macro_f1"] == macro


def test_the_trust_score_is_the_mean_of_its_three_parts():
    samples = [
        (example(docs=HOLDS, answers=GOLD), "Paris is the capital [1]."),  # right and supported
        (example(docs=HOLDS, answers=GOLD), "Lyon, perhaps [1]."),  # wrong and unsupported
        (example(docs=NOTHING, answers=GOLD), REFUSAL),
        (example(docs=NOTHING, answers=GOLD), "Berlin."),  # should have refused
    ]
    found = values_of(aggregate(samples, profile="trust", kind="em"))
    # Calibrated over A = {1, 2, 4}: 1/3; over B = {1, 2}: 1/2; F1 = 2/5.
    assert found["calib_str_em_f1"] == pytest.approx(40.0)
    # Refuse: recall 1/2, precision 1, F1 2/3. Answerable: recall 1, precision 2/3, F1 4/5.
    assert found["macro_f1"] == pytest.approx(100 * (2 / 3 + 4 / 5) / 2)
    # Recall over A: 1, 0, 0; precision: 1, 0, 0 (no citation).
    assert found["answered_citation_f1"] == pytest.approx(100 / 3)
    assert found["trust_score"] == pytest.approx((40 + 100 * 11 / 15 + 100 / 3) / 3)


def test_only_the_documents_shown_decide_what_is_answerable():
    sample = example(docs=(*NOTHING, *HOLDS), answers=GOLD)
    assert score(sample, "Paris.", profile="trust", kind="em").values["answerable"] == 1.0
    cut = example(docs=NOTHING, answers=GOLD)
    assert score(cut, "Paris.", profile="trust", kind="em").values["answerable"] == 0.0
    assert score(example(docs=(), answers=GOLD), "Paris.", profile="trust", kind="em").values["answerable"] == 0.0
