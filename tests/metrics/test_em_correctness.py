"""Exact-match correctness under both protocols, worked by hand."""

from __future__ import annotations

import pytest
from metric_cases import REFUSAL, aggregate, document, example, score, values_of

PAIRS = [["Paris"], ["1889", "the year 1889"], ["Gustave Eiffel"], ["iron"]]


def alce(output: str, **data: object) -> dict[str, float | None]:
    sample = example(**{"pairs": PAIRS, **data})  # type: ignore[arg-type]
    return score(sample, output, profile="alce", kind="em", metrics=("length", "str_em", "str_hit")).values


def test_em_recall_is_the_share_of_gold_answers_in_the_output():
    # Paris and 1889, of four.
    assert alce("It is in Paris [1], built in 1889.")["str_em"] == 0.5
    assert alce("It is in Paris [1], built in 1889.")["str_hit"] == 0.0


def test_a_hit_needs_every_gold_answer():
    values = alce("Gustave Eiffel built it of iron in Paris in the year 1889.")
    assert (values["str_em"], values["str_hit"]) == (1.0, 1.0)


def test_an_output_that_says_nothing_holds_nothing():
    assert alce("") == {"length": 0.0, "str_em": 0.0, "str_hit": 0.0}


def test_a_citation_inside_an_answer_does_not_hide_it():
    # "Gustave [1] Eiffel" without citations is "Gustave Eiffel".
    assert alce("Gustave [1] Eiffel")["str_em"] == 0.25


def test_a_sample_without_gold_answers_makes_the_mean_share_undefined_and_counts_as_a_miss_as_in_the_original():
    assert alce("Paris", pairs=[]) == {"length": 1.0, "str_em": None, "str_hit": 0.0}
    samples = [(example(pairs=[]), "Paris"), (example(pairs=[["Paris"]]), "Paris")]
    found = aggregate(samples, profile="alce", kind="em", metrics=("str_em",))
    assert (found["str_em"].value, found["str_em"].ci95, found["str_em"].n) == (None, None, 0)
    assert (found["str_hit"].value, found["str_hit"].n) == (50.0, 2)


def test_under_trust_a_sample_without_gold_answers_makes_the_uncalibrated_means_undefined():
    samples = [(example(docs=DOCS, answers=[]), "Paris"), (example(docs=DOCS, answers=PAIRS), "Paris")]
    found = values_of(aggregate(samples, profile="trust", kind="em"))
    assert found["regular_str_em"] is found["answered_str_em"] is found["parametric_str_em"] is None
    assert found["calib_answerable_str_em"] is not None
    assert found["trust_score"] is not None


def test_a_gold_answer_without_aliases_is_never_found_and_one_of_punctuation_always():
    assert alce("Paris", pairs=[["Paris"], []])["str_em"] == 0.5
    assert alce("Rome", pairs=[["Paris"], ["..."]])["str_em"] == 0.5


def test_alce_reads_the_first_line_only_without_the_end_of_turn_token():
    assert alce("\n  Paris<|im_end|> 1889\nGustave Eiffel")["str_em"] == 0.5
    assert alce("\n  Paris<|im_end|> 1889\nGustave Eiffel")["length"] == 2.0
    # The token is deleted without a trace, so what it stood between becomes one word.
    assert alce("Par<|im_end|>is")["str_em"] == 0.25


def test_reasoning_is_not_searched_for_answers():
    assert alce("<think>Paris, 1889</think>Gustave Eiffel")["str_em"] == 0.25
    assert alce("<think>Paris, 1889, Gustave Eiffel")["str_em"] == 0.0
    assert alce("<think>no</think><answer>Paris</answer> 1889")["str_em"] == 0.25


def test_length_counts_words_between_white_space_without_citations():
    assert alce("Paris [1] is\ta large  city.")["length"] == 5.0
    assert alce("[1][2]")["length"] == 0.0


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        # Unigrams and order are the same, the case is not: lower-casing makes them equal.
        ({"answer": "PARIS IS LARGE."}, 1.0),
        # Stemming: "cities" and "city" meet in "citi". Two of three words each way.
        ({"answer": "Paris is cities"}, 2 / 3),
        # The better of two references counts; the third is not looked at.
        ({"annotations": ["Rome", "Paris is big", "Paris is large"]}, 2 / 3),
        # Annotations come before the answer.
        ({"annotations": ["Rome"], "answer": "Paris is large"}, 0.0),
    ],
)
def test_rouge_compares_lower_cased_stemmed_words_with_the_better_reference(data: dict[str, object], expected: float):
    values = score(
        example(**data),  # type: ignore[arg-type]
        "Paris is large [1].",
        profile="alce",
        kind="em",
        metrics=("rougeLsum",),
    ).values
    assert values["rougeLsum"] == pytest.approx(expected)


def test_rouge_l_sum_unites_the_matches_of_sentences_whatever_their_order():
    # As one line the longest common subsequence is one sentence (3 of 6 words); by sentences, all words match.
    sample = example(answer="Rome is old. Paris is large.")
    values = score(sample, "Paris is large. Rome is old.", profile="alce", kind="em", metrics=("rouge",)).values
    assert values["rougeLsum"] == pytest.approx(1.0)


DOCS = (document("Paris in 1889.", (1, 1, 0, 0)), document("Of iron.", (0, 0, 0, 1)))
"""The documents hold Paris, 1889 and iron, not Gustave Eiffel."""
NOWHERE = (document("Nothing.", (0, 0, 0, 0)),)


def trust(output: str, docs: object = DOCS) -> dict[str, float | None]:
    sample = example(docs=docs, answers=PAIRS)  # type: ignore[arg-type]
    return score(sample, output, profile="trust", kind="em", metrics=("calibrated_em",)).values


def test_the_calibrated_score_counts_supported_answers_only():
    # Found: Paris, Gustave Eiffel. Of all four: 2/4. Of the three supported: Paris, 1/3; as a share of all: 1/4.
    values = trust("Gustave Eiffel, Paris.")
    assert values["str_em"] == 0.5
    assert values["calib_str_em"] == pytest.approx(1 / 3)
    assert values["grounded_str_em"] == 0.25


def test_an_unanswerable_question_and_a_refusal_have_calibrated_score_0_but_keep_their_plain_one():
    values = trust("Paris in 1889, of iron.", NOWHERE)
    assert (values["str_em"], values["calib_str_em"], values["grounded_str_em"]) == (0.75, 0.0, 0.0)
    values = trust(f"{REFUSAL} Paris.")
    assert (values["str_em"], values["calib_str_em"], values["refused"]) == (0.25, 0.0, 1.0)


def test_trust_score_reads_every_line_and_does_not_strip():
    assert trust("\nParis\n1889\niron")["calib_str_em"] == 1.0


def test_a_refusal_broken_by_citations_is_answered_for_the_table_but_refused_for_correctness():
    # The citations with their brackets push the raw text under the threshold; without them it is the refusal itself.
    broken = "I [1111] apol[2222]ogize, but [3333] I could[4444]n't fi[5555]nd an [6666] answer Paris"
    values = trust(broken)
    assert (values["answered"], values["refused"]) == (1.0, 0.0)
    assert (values["str_em"], values["calib_str_em"]) == (0.25, 0.0)


def test_aggregates_over_answered_and_answerable_samples():
    samples = [
        # answered, answerable: found Paris + Eiffel: plain 1/2, calibrated 1/3, grounded 1/4
        (example(docs=DOCS, answers=PAIRS), "Gustave Eiffel, Paris."),
        # answered, answerable: all four: plain 1, calibrated 1, grounded 3/4
        (example(docs=DOCS, answers=PAIRS), "Gustave Eiffel, Paris, 1889, iron."),
        # refused, answerable
        (example(docs=DOCS, answers=PAIRS), REFUSAL),
        # answered, not answerable: plain 1/4
        (example(docs=NOWHERE, answers=PAIRS), "Paris."),
        # refused, not answerable
        (example(docs=NOWHERE, answers=PAIRS), REFUSAL),
    ]
    found = values_of(aggregate(samples, profile="trust", kind="em", metrics=("calibrated_em",)))
    # A: samples 1, 2, 4. B: samples 1, 2, 3.
    assert found["regular_str_em"] == pytest.approx(100 * (1 / 2 + 1 + 1 / 4) / 5)
    assert found["answered_str_em"] == pytest.approx(100 * (1 / 2 + 1 + 1 / 4) / 3)
    assert found["calib_answered_str_em"] == pytest.approx(100 * (1 / 3 + 1 + 0) / 3)
    assert found["calib_answerable_str_em"] == pytest.approx(100 * (1 / 3 + 1 + 0) / 3)
    assert found["calib_str_em_f1"] == pytest.approx(100 * (4 / 9))
    # Plain less grounded over A: (1/2 + 1 + 1/4)/3 - (1/4 + 3/4 + 0)/3.
    assert found["parametric_str_em"] == pytest.approx(100 * (1.75 - 1) / 3)


def test_without_any_answered_sample_the_means_over_them_are_none_and_what_is_made_of_them_0():
    samples = [(example(docs=DOCS, answers=PAIRS), REFUSAL)] * 3
    found = values_of(aggregate(samples, profile="trust", kind="em"))
    assert found["answered_str_em"] is found["parametric_str_em"] is found["answered_citation_rec"] is None
    assert found["calib_str_em_f1"] == 0.0
    assert (found["answered_num"], found["answerable_num"], found["answered_ratio"]) == (0.0, 3.0, 0.0)
    assert found["trust_score"] == 0.0
