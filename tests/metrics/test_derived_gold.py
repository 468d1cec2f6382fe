"""Gold data that a file lacks and that is computed, and documents that the model was not shown; worked by hand."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from metric_cases import Spoken, document, example, plan, score

from groundeval.errors import SampleError
from groundeval.metrics.gold import needs_answers_found, with_answers
from groundeval.records import Response
from groundeval.scoring.scorer import Scorer
from groundeval.tasks.formats.examples import with_documents

PARIS, ROME = document("Paris, city."), document("of Rome", title="Lutetia")


def test_answers_come_from_the_short_answers_or_the_claims_where_they_are_missing():
    assert with_answers(example(pairs=[["Paris", "Lutetia"], ["Rome"]])).answers == (("Paris", "Lutetia"), ("Rome",))
    assert with_answers(example(claims=["bees dance"])).answers == (("bees dance",),)
    assert with_answers(example(pairs=[["Paris"]], claims=["bees dance"])).answers == (("Paris",),)
    assert with_answers(example(pairs=[["Paris"]], answers=[["Rome"]])).answers == (("Rome",),)
    assert with_answers(example()).answers is None


def test_answers_found_is_needed_where_a_document_does_not_say_and_there_are_gold_answers():
    assert needs_answers_found(example(docs=(PARIS,), answers=[["x"]]))
    assert not needs_answers_found(example(docs=(document("x", (1,)),), answers=[["x"]]))
    assert not needs_answers_found(example(docs=(), answers=[["x"]]))
    assert not needs_answers_found(example(docs=(PARIS,)))


@pytest.mark.parametrize("kind", ["em", "list"])
def test_a_document_holds_an_answer_if_an_alias_is_present_in_its_text(kind: str):
    # Lutetia stands in a title only; the second answer is in no text.
    sample = example(docs=(PARIS, ROME), answers=[["Paris"], ["Lutetia"], ["x", "the Rome"]])
    name = {"em": "calibrated_em", "list": "calibrated_list"}[kind]
    scored = score(sample, "Rome", profile="trust", kind=kind, metrics=(name,), lacks=("answers_found",))
    column = {"em": "calib_str_em", "list": "calib_qampari_rec"}[kind]
    assert scored.values[column] == (1 / 2)  # Rome, of the supported {Paris, Rome}
    assert scored.values["answerable"] == 1.0


def test_a_document_holds_a_claim_if_it_entails_it_with_its_title():
    nli = Spoken(("Title: T\nParis, city.", "Paris is a city."), ("Text.", "Paris is a city."))
    sample = example(docs=(PARIS, ROME), claims=["Paris is a city.", "Rome is old."])
    scored = score(
        sample,
        "Text.",
        profile="trust",
        kind="claims",
        metrics=("calibrated_claims",),
        nli=nli,
        lacks=("answers_found",),
    )
    assert (scored.values["claims_nli"], scored.values["calib_claims_nli"]) == (0.5, 1.0)
    assert {v["premise"] for v in scored.evidence["verdicts"]} == {"document", "output"}


def test_answers_found_that_is_there_is_believed():
    sample = example(docs=(document("no city", (1,)),), answers=[["Paris"]])
    values = score(sample, "Paris", profile="trust", kind="em", metrics=("calibrated_em",)).values
    assert values["calib_str_em"] == 1.0


def test_what_was_computed_is_said_in_a_note():
    assert plan("trust", "em", lacks=("answers_found",)).notes == (
        '"answers_found" is missing in the data and was computed: an alias is present in the document\'s text',
    )
    assert "the document entails the claim" in plan("trust", "claims", lacks=("answers_found",)).notes[-1]
    assert plan("trust", "em").notes == ()
    assert plan("alce", "em", lacks=("answers_found",)).notes == (), "ALCE's metrics do not ask"


def test_computing_claims_found_asks_the_verifier_even_if_no_chosen_metric_does():
    assert plan("trust", "claims", ("refusal",), lacks=("answers_found",)).asks_nli
    assert not plan("trust", "em", ("refusal",), lacks=("answers_found",)).asks_nli
    assert not plan("trust", "claims", ("refusal",)).asks_nli


def test_only_the_first_documents_count_that_were_shown():
    sample = example(docs=(ROME, PARIS, PARIS), answers=[["Paris"]])
    assert with_documents(sample, 5) is sample
    assert with_documents(sample, 1).docs == (ROME,)
    assert with_documents(sample, 0).docs == ()
    assert with_documents(replace(sample, docs=None), 1).docs is None
    # Paris is only in documents that were not shown: unanswerable, and [2] names no document.
    cut = with_documents(sample, 1)
    values = score(cut, "Paris [2].", profile="trust", kind="em", lacks=("answers_found",)).values
    assert (values["answerable"], values["calib_str_em"], values["citation_rec"]) == (0.0, 0.0, 0.0)
    whole = score(sample, "Paris [2].", profile="trust", kind="em", lacks=("answers_found",)).values
    assert (whole["answerable"], whole["calib_str_em"], whole["citation_rec"]) == (1.0, 1.0, 1.0)


def test_citation_0_means_the_last_document_that_was_shown():
    sample = example(docs=(PARIS, ROME), answers=[["Paris"]])
    nli = Spoken(("Title: T\nParis, city.", "S."))
    values = score(
        with_documents(sample, 1), "S [0].", profile="alce", kind="em", metrics=("citation",), nli=nli
    ).values
    assert values["citation_rec"] == 1.0


class Choking:
    async def verdict(self, premise: str, hypothesis: str) -> object:
        raise SampleError("a pair of 10,000 tokens does not fit into memory")


def test_a_sample_that_cannot_be_scored_is_recorded_as_an_error_without_values():
    scorer = Scorer(plan("alce", "em"), Choking())  # type: ignore[arg-type]
    response = Response.build(example(docs=(PARIS,), pairs=[["Paris"]], answer="x"), "Paris [1].")
    scored = asyncio.run(scorer.score(response))
    assert (scored.status, scored.values) == ("error", {})
    assert scored.record() == {"id": "0", "status": "error", "values": {}, "error": scored.error}
    assert scored.error == "a pair of 10,000 tokens does not fit into memory"


def test_a_sample_without_text_from_the_backend_is_an_error_and_not_a_0():
    scorer = Scorer(plan("alce", "em"), None)
    scored = asyncio.run(scorer.score(Response.failed(example(pairs=[["Paris"]]), "timeout")))
    assert (scored.status, scored.values, scored.error) == ("error", {}, "timeout")
