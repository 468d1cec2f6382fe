"""The lexical verifier: containment of distinct tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundeval.nli.verifiers.lexical import Lexical, tokens
from groundeval.records import Pair

lexical = Lexical()


@pytest.mark.parametrize(
    ("premise", "hypothesis", "entailed", "score"),
    [
        ("The cat sat.", "cat dog", True, 0.5),
        ("The cat sat.", "cat dog bird", False, 1 / 3),
        ("The cat sat.", "CAT! cat, Cat?", True, 1.0),
        ("anything", "", False, 0.0),
        ("anything", "?!", False, 0.0),
        ("", "word", False, 0.0),
        ("caf\u00e9 1999", "caf 1999", True, 1.0),
        ("in 1992", "2", False, 0.0),
    ],
)
def test_half_of_the_distinct_tokens_must_be_in_the_premise(premise, hypothesis, entailed, score):
    verdict = lexical.judge(Pair(premise, hypothesis))
    assert (verdict.entailed, verdict.score) == (entailed, score)


@given(st.text(), st.text())
def test_the_verdict_is_the_rule_on_any_text(premise: str, hypothesis: str):
    asked = tokens(hypothesis)
    found = [token for token in asked if token in tokens(premise)]
    [verdict] = lexical.score([Pair(premise, hypothesis)])
    assert verdict.entailed == (len(asked) > 0 and len(found) / len(asked) >= 0.5)
    assert verdict.score == (len(found) / len(asked) if asked else 0)


@given(st.text(min_size=1), st.text())
def test_more_premise_never_takes_an_entailment_away(hypothesis: str, more: str):
    assert lexical.judge(Pair(f"{hypothesis} {more}", hypothesis)).entailed == bool(tokens(hypothesis))


@pytest.mark.parametrize(
    ("statement", "alias", "entailed"),
    [("Aida was composed by Verdi.", "Verdi", True), ("Aida was composed.", "the man from Busseto", False)],
)
def test_of_an_answer_only_the_question_and_the_answer_count(statement: str, alias: str, entailed: bool):
    question = "Who composed Aida?"
    verdict = lexical.judge(Pair(f"{question}\n{statement}", f'The answer to the question "{question}" is {alias}.'))
    assert verdict.entailed == entailed
