"""List answers (QAMPARI) under both protocols, worked by hand."""

from __future__ import annotations

import pytest
from metric_cases import REFUSAL, aggregate, document, example, score, values_of

from groundeval.metrics.lists import list_scores, predictions

GOLD = [["Berlin", "the city of Berlin"], ["Bonn"], ["Hamburg"], ["Munich", "München"]]
LIST = ("num_preds", "qampari_prec", "qampari_rec", "qampari_rec_top5", "qampari_f1", "qampari_f1_top5")


def alce(output: str, gold: list[list[str]] = GOLD, *, cot: bool = False) -> list[float | None]:
    sample = example(answers=gold)
    values = score(sample, output, profile="alce", kind="list", metrics=("qampari",), cot=cot).values
    return [values[key] for key in LIST]


def test_precision_and_recall_of_a_list():
    # Berlin and Bonn are right, Paris is wrong: 2/3; 2 of 4 found; F1 = 2 * 2/3 * 1/2 / (2/3 + 1/2) = 4/7.
    assert alce("Berlin [1], Paris [2], Bonn [3].") == pytest.approx([3, 2 / 3, 1 / 2, 1 / 2, 4 / 7, 4 / 7])


def test_items_are_compared_normalised_and_as_a_whole():
    assert alce("the BERLIN!, Bonn city")[:3] == [2.0, 0.5, 0.25]


def test_duplicates_count_in_precision_and_once_in_recall():
    # Two aliases of one answer and a repetition: three right predictions, one answer found.
    assert alce("Berlin, city of Berlin, Berlin") == pytest.approx([3, 1, 1 / 4, 1 / 4, 2 / 5, 2 / 5])


def test_five_hits_are_enough_for_the_top_5_recall():
    gold = [[str(number)] for number in range(8)]
    # 6 of 8: recall 3/4, top five 5/5. Precision 1: F1 6/7 and 1.
    assert alce("0, 1, 2, 3, 4, 5", gold) == pytest.approx([6, 1, 3 / 4, 1, 6 / 7, 1])
    # 2 of 8: top five 2/5, F1 2 * 2/5 / (7/5) = 4/7.
    assert alce("0, 1", gold) == pytest.approx([2, 1, 1 / 4, 2 / 5, 2 / 5, 4 / 7])


@pytest.mark.parametrize("output", ["", " . ", ",,,", "The, a"])
def test_an_output_without_items_scores_0(output: str):
    assert alce(output) == [0, 0, 0, 0, 0, 0]


def test_without_gold_answers_everything_is_0_but_the_number_of_predictions():
    assert alce("Berlin, Bonn", []) == [2, 0, 0, 0, 0, 0]


def test_with_cot_only_what_follows_the_first_colon_counts():
    assert alce("Berlin, thinking: Bonn, at 9:30", cot=True)[:3] == [2, 0.5, 0.25]
    assert alce("Berlin, Bonn", cot=True) == [0, 0, 0, 0, 0, 0]
    assert alce("Berlin, thinking: Bonn", cot=False)[0] == 2


def test_the_end_is_stripped_of_white_space_then_full_stops_then_commas():
    assert predictions("Berlin, Bonn,... ") == ["berlin", "bonn"]
    assert predictions("Berlin, U.S.A.") == ["berlin", "usa"]
    assert list_scores([], []) == (0, 0, 0, 0, 0, 0)


DOCS = (document("Berlin and Bonn lie there.", (1, 1, 0, 0)), document("Nothing but Rome.", (0, 0, 0, 0), title="Oslo"))
NOWHERE = (document("Rome.", (0, 0, 0, 0)),)


def trust(output: str, docs: object = DOCS, *, cot: bool = False) -> dict[str, float | None]:
    sample = example(docs=docs, answers=GOLD)  # type: ignore[arg-type]
    return score(sample, output, profile="trust", kind="list", metrics=("calibrated_list",), cot=cot).values


def test_calibrated_lists_are_scored_against_the_supported_answers():
    # Predictions: Berlin (supported), Hamburg (gold, unsupported), Rome (wrong).
    values = trust("Berlin, Hamburg, Rome")
    assert values["qampari_prec"] == pytest.approx(2 / 3)
    assert values["qampari_rec"] == 1 / 2
    # Against {Berlin, Bonn}: 1 of 3 predictions right, 1 of 2 answers found.
    assert values["calib_qampari_prec"] == pytest.approx(1 / 3)
    assert values["calib_qampari_rec"] == values["calib_qampari_rec_top5"] == 1 / 2
    assert values["calib_qampari_f1"] == pytest.approx(2 / 5)
    assert values["calib_num_preds"] == values["num_preds"] == 3
    # Supported answers hit, as a share of all four: 1/4.
    assert values["grounded_qampari_rec_top5"] == 1 / 4


@pytest.mark.parametrize(("output", "docs"), [("Berlin, Bonn", NOWHERE), (f"{REFUSAL} Berlin, Bonn", DOCS)])
def test_unanswerable_and_refused_samples_have_calibrated_scores_of_0(output: str, docs: object):
    values = trust(output, docs)
    assert [values[f"calib_{key}"] for key in LIST[1:]] == [0] * 5
    assert values["grounded_qampari_rec_top5"] == 0
    assert values["calib_num_preds"] == values["num_preds"] != 0


def test_wrong_predictions_are_looked_for_in_the_texts_of_the_documents():
    # Hamburg is wrong (not supported) and in no text; Rome is wrong and in a text; Oslo stands in a title only.
    values = trust("Berlin, Hamburg, Rome, Oslo")
    assert values["qampari_presence"] == pytest.approx(1 / 3)
    assert values["qampari_absence"] == pytest.approx(2 / 3)


def test_a_prediction_that_contains_a_supported_alias_is_not_wrong():
    assert trust("in Berlin city, Bonn")["qampari_presence"] is None
    assert trust("in Berlin city, Bonn")["qampari_absence"] is None


def test_in_an_unanswerable_sample_all_predictions_are_wrong():
    assert trust("Berlin, Rome", NOWHERE)["qampari_presence"] == 1 / 2


def test_a_wrong_prediction_that_normalises_to_nothing_stands_everywhere():
    # "The" is not empty before normalisation; an empty item is.
    assert trust("The, , Hamburg")["qampari_presence"] == 1 / 2


def test_with_cot_trust_score_too_reads_behind_the_colon():
    values = trust("Hamburg, so: Berlin, Bonn", cot=True)
    assert (values["num_preds"], values["calib_qampari_f1"]) == (2, 1.0)
    assert trust("Hamburg", cot=True)["qampari_presence"] is None


def test_list_aggregates_over_answered_and_answerable_samples():
    samples = [
        # answered, answerable: calibrated prec 1/3, rec 1/2, F1 2/5; plain rec_top5 2/4, grounded 1/4
        (example(docs=DOCS, answers=GOLD), "Berlin, Hamburg, Rome"),
        # refused, answerable: calibrated 0; the refusal holds one comma: two predictions
        (example(docs=DOCS, answers=GOLD), REFUSAL),
        # answered, unanswerable: plain rec 1/4
        (example(docs=NOWHERE, answers=GOLD), "Berlin"),
    ]
    found = values_of(aggregate(samples, profile="trust", kind="list", metrics=("calibrated_list",)))
    assert found["regular_num_preds"] == pytest.approx((3 + 2 + 1) / 3)
    assert found["calib_answerable_num_preds"] == (3 + 2) / 2
    assert found["answered_num_preds"] == found["calib_answered_num_preds"] == (3 + 1) / 2
    assert found["regular_qampari_rec_top5"] == pytest.approx(100 * (1 / 2 + 0 + 1 / 4) / 3)
    # Mean of calibrated F1 over A = {1, 3}: 1/5; over B = {1, 2}: 1/5; harmonic mean of equals.
    assert found["calib_answered_qampari_f1_top5"] == pytest.approx(20.0)
    assert found["calib_answerable_qampari_f1_top5"] == pytest.approx(20.0)
    assert found["calib_qampari_em_f1"] == pytest.approx(20.0)
    # (1/2 + 1/4)/2 - (1/4 + 0)/2
    assert found["parametric_qampari_rec_top5"] == pytest.approx(25.0)
    # Over A: sample 1 has wrong predictions Hamburg (absent), Rome (present); sample 3: Berlin (absent).
    assert found["qampari_presence"] == pytest.approx(100 * (1 / 2 + 0) / 2)
    assert found["qampari_absence"] == pytest.approx(100 * (1 / 2 + 1) / 2)


def test_the_presence_of_wrong_predictions_counts_samples_that_have_some_only():
    samples = [(example(docs=DOCS, answers=GOLD), "Berlin"), (example(docs=DOCS, answers=GOLD), "Rome")]
    found = aggregate(samples, profile="trust", kind="list", metrics=("qampari_presence",))["qampari_presence"]
    assert (found.value, found.n) == (100.0, 1)
