"""Claims under both protocols, worked by hand."""

from __future__ import annotations

import pytest
from metric_cases import REFUSAL, Spoken, aggregate, document, example, score, values_of

CLAIMS = ["bees dance", "bees sting", "bees fly", "bees hum"]
DOCS = (document("bees dance and sting", (1, 1, 0, 0)), document("bees hum", (0, 0, 0, 1)))
NOWHERE = (document("wasps", (0, 0, 0, 0)),)


def says(output: str, *claims: str) -> Spoken:
    """A verifier that reads these claims, and no others, out of the output."""
    return Spoken(*((output, claim) for claim in claims))


def test_claim_recall_is_the_share_of_claims_that_the_output_without_citations_entails():
    nli = says("They dance.", "bees dance")
    sample = example(claims=CLAIMS)
    values = score(sample, "They dance [1].", profile="alce", kind="claims", metrics=("claims",), nli=nli).values
    assert values == {"claims_nli": 0.25}
    assert [pair.premise for pair in nli.asked] == ["They dance."] * 4


def test_a_sample_without_claims_has_no_claim_recall():
    values = score(example(claims=[]), "They dance.", profile="alce", kind="claims", metrics=("claims",)).values
    assert values == {"claims_nli": None}


def test_the_lexical_verifier_wants_half_of_the_distinct_tokens_of_the_claim():
    def recall(output: str, claim: str) -> float | None:
        sample = example(claims=[claim])
        return score(sample, output, profile="alce", kind="claims", metrics=("claims",)).values["claims_nli"]

    assert recall("Bees!", "bees dance") == 1.0
    assert recall("Bees!", "bees dance bees sting") == 0.0  # 1 of 3 distinct tokens
    assert recall("Bees!", "... ?") == 0.0
    assert recall("", "bees") == 0.0


def trust(output: str, docs: object, nli: Spoken) -> dict[str, float | None]:
    sample = example(docs=docs, answers=[[claim, "an alias that is not looked at"] for claim in CLAIMS])  # type: ignore[arg-type]
    return score(sample, output, profile="trust", kind="claims", metrics=("calibrated_claims",), nli=nli).values


def test_calibrated_claims_count_supported_claims_only():
    # The output says 1 and 3; the documents hold 1, 2 and 4.
    values = trust("Text [1].", DOCS, says("Text.", "bees dance", "bees fly"))
    assert values["claims_nli"] == 1 / 2
    assert values["calib_claims_nli"] == pytest.approx(1 / 3)
    assert values["grounded_claims_nli"] == 1 / 4


def test_unanswerable_and_refused_samples_have_calibrated_claim_scores_of_0():
    assert trust("Text.", NOWHERE, says("Text.", *CLAIMS))["claims_nli"] == 1.0
    assert trust("Text.", NOWHERE, says("Text.", *CLAIMS))["calib_claims_nli"] == 0.0
    assert trust(REFUSAL, DOCS, says(REFUSAL, *CLAIMS))["grounded_claims_nli"] == 0.0


def test_a_gold_answer_without_aliases_is_a_claim_that_nothing_entails():
    sample = example(docs=(document("bees dance", (1, 1)),), answers=[["bees dance"], []])
    values = score(sample, "bees dance", profile="trust", kind="claims", metrics=("calibrated_claims",)).values
    assert (values["claims_nli"], values["calib_claims_nli"]) == (0.5, 0.5)


def test_claim_aggregates_over_answered_and_answerable_samples():
    gold = [[claim] for claim in CLAIMS]
    samples = [
        (example(docs=DOCS, answers=gold), "One."),  # claims 1 and 3: 1/2, 1/3, 1/4
        (example(docs=DOCS, answers=gold), REFUSAL),  # nothing
        (example(docs=NOWHERE, answers=gold), "Two."),  # claim 4: 1/4, 0, 0
    ]
    nli = Spoken(("One.", CLAIMS[0]), ("One.", CLAIMS[2]), ("Two.", CLAIMS[3]))
    found = values_of(aggregate(samples, profile="trust", kind="claims", metrics=("calibrated_claims",), nli=nli))
    assert found["regular_claims_nli"] == pytest.approx(100 * (1 / 2 + 1 / 4) / 3)
    assert found["answered_claims_nli"] == pytest.approx(100 * (1 / 2 + 1 / 4) / 2)
    assert found["calib_answered_claims_nli"] == pytest.approx(100 / 6)
    assert found["calib_answerable_claims_nli"] == pytest.approx(100 / 6)
    assert found["calib_claims_nli_f1"] == pytest.approx(100 / 6)
    assert found["parametric_answered_claims_nli"] == pytest.approx(100 * (3 / 8 - 1 / 8))
