"""Post-hoc citation and oracle documents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundeval.errors import DataError
from groundeval.parsing.citations import remove_citations
from groundeval.parsing.refusal import REFUSAL
from groundeval.records import Document, Example, Response
from groundeval.scoring.posthoc import cite_afterwards
from groundeval.tasks.oracle import with_oracle_documents

DOCS = (
    Document("Tea", "Tea is brewed from leaves of a shrub.", answers_found=(0, 0, 0)),
    Document("Coffee", "Coffee is brewed from roasted beans.", answers_found=(1, 0, 0)),
    Document("Cocoa", "Cocoa is made from fermented cacao seeds.", answers_found=(1, 1, 0)),
    Document("Mate", "Mate is drunk through a metal straw.", answers_found=(0, 0, 1)),
)
EXAMPLE = Example("0", "How are drinks made?", docs=DOCS, answers=(("a",), ("b",), ("c",)))


def cited(output: str, kind: str = "em") -> str:
    return cite_afterwards(Response.build(EXAMPLE, output), kind).text  # type: ignore[arg-type]


def test_an_uncited_sentence_gets_the_document_that_resembles_it_most_before_its_full_stop():
    assert (
        cited("Coffee needs roasted beans. Mate has a straw!")
        == "Coffee needs roasted beans [2]. Mate has a straw [4]!"
    )


def test_a_sentence_with_a_citation_keeps_it_and_gets_no_other():
    assert cited("Coffee needs roasted beans [1].") == "Coffee needs roasted beans [1]."


def test_what_resembles_no_document_stays_uncited():
    assert cited("Nobody knows.") == "Nobody knows."


def test_a_refusal_is_left_alone():
    assert cited(REFUSAL) == REFUSAL


def test_list_items_are_cited_one_by_one():
    assert cited("coffee, cacao seeds [1], shrub.", "list") == "coffee [2], cacao seeds [1], shrub [1]."


@given(st.text(max_size=200))
def test_only_citations_are_added(output: str):
    response = Response.build(EXAMPLE, output)
    text = cite_afterwards(response, "em").text
    assert remove_citations(text).split() == remove_citations(response.text).split()


def test_oracle_documents_bring_new_gold_answers_first_and_keep_the_order_of_the_rest():
    ordered = with_oracle_documents(EXAMPLE, 3).docs or ()
    assert [document.title for document in ordered] == ["Cocoa", "Mate", "Tea", "Coffee"]


def test_oracle_documents_need_to_know_what_documents_hold():
    with pytest.raises(DataError, match="answers_found"):
        with_oracle_documents(Example("7", "Q?", docs=(Document("", "text"),), answers=(("a",),)), 1)
