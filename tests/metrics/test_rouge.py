"""ROUGE-Lsum against the package `rouge-score`, to the last bit."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import pytest
from golden_files import golden_file
from hypothesis import given, settings
from hypothesis import strategies as st

from groundeval.metrics.rouge import f_measure, in_common, rouge_lsum
from groundeval.parsing.statements import sentences

TOKENS = st.lists(st.sampled_from("abcde"), max_size=12).map(tuple)
SENTENCES = st.lists(TOKENS, max_size=4)
PIECES = (
    "The ",
    "towers ",
    "tower ",
    "is ",
    "running",
    ". ",
    "? ",
    "\n",
    "  ",
    "1889 ",
    "é",
    "İ",
    "’s ",
    "U.S. ",
    "[1]",
    "-",
    "relational ",
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=60)


@lru_cache(maxsize=1)
def rouge_score() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeLsum"], use_stemmer=True)


def by_rouge_score(output: str, references: list[str]) -> float:
    lines, *others = ("\n".join(sentences(text.lower())) for text in (output, *references))
    return float(rouge_score().score_multi(others, lines)["rougeLsum"].fmeasure)


@settings(max_examples=300, deadline=None)
@given(TOKENS, SENTENCES)
def test_of_several_longest_common_subsequences_the_one_that_rouge_score_reads_counts(
    sentence: tuple[str, ...], candidates: list[tuple[str, ...]]
):
    from rouge_score.rouge_scorer import _union_lcs

    assert in_common(sentence, candidates) == _union_lcs(list(sentence), candidates)


def test_which_longest_common_subsequence_counts_shows_in_the_union():
    # "a" alone is matched at the sentence's last a; before a token that the sentence lacks, at its first.
    assert in_common(("a", "b", "a"), [("a",)]) == ["a"]
    assert in_common(("a", "b", "a"), [("a",), ("a", "x")]) == ["a", "a"]


@settings(max_examples=300, deadline=None)
@given(SENTENCES, SENTENCES)
def test_summary_level_f_measure_is_rouge_scores(reference: list[tuple[str, ...]], candidate: list[tuple[str, ...]]):
    from rouge_score.rouge_scorer import _summary_level_lcs

    assert f_measure(reference, candidate) == _summary_level_lcs(reference, candidate).fmeasure


@settings(deadline=None)
@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=2))
def test_texts_score_as_with_rouge_score(output: str, references: list[str]):
    assert rouge_lsum(output, references) == by_rouge_score(output, references)


@pytest.mark.parametrize("name", ["asqa", "fuzz1_asqa", "fuzz2_asqa", "edge_asqa", "eli5", "fuzz1_eli5"])
def test_real_and_damaged_outputs_score_as_with_rouge_score(name: str):
    content = json.loads(golden_file(name).read_text(encoding="utf-8"))
    for record in content["data"] if isinstance(content, dict) else content:
        long = [each["long_answer"] for each in record.get("annotations") or ()]
        references = long or [record["answer"]]
        assert rouge_lsum(record["output"], references) == by_rouge_score(record["output"], references)


def test_an_output_scores_against_the_reference_that_it_is_closest_to():
    assert rouge_lsum("Paris is large.", ["Rome is old.", "Paris is large."]) == 1.0


def test_nothing_in_common_and_nothing_at_all_score_0():
    assert rouge_lsum("Paris", ["Rome"]) == 0.0
    assert rouge_lsum("", ["Rome"]) == 0.0
    assert rouge_lsum("...", ["Rome"]) == 0.0
    assert rouge_lsum("Rome", []) == 0.0


def test_an_output_of_a_megabyte_is_scored():
    # rouge-score fills a table of 200,000 columns for each sentence of the reference.
    output = "tower " * 200_000
    assert rouge_lsum(output, ["The tower is in Paris."]) == pytest.approx(2 / 200_005)
