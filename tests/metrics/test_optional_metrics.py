"""Metrics that need an extra or a model: computed only when asked for by name."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from metric_cases import example, plan, score

from groundeval.errors import MissingExtra, UsageError
from groundeval.metrics.extractive_qa import exact_match, token_f1
from groundeval.metrics.fluency import as_mauve_text
from groundeval.models.metric_models import OptionalModels
from groundeval.records import QAPair, Response
from groundeval.scoring.table import corpus_estimates

PAIRS = (QAPair("Where?", ("Paris", "Lutetia")), QAPair("When?", ("1889",)))


class Reader:
    """Answers sub-questions from a list, and remembers what it read."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.read: list[tuple[str, str]] = []

    def model(self, name: str) -> Callable[[str, str], str]:
        assert name == "qa"

        def extract(question: str, text: str) -> str:
            self.read.append((question, text))
            return self.answers[question.rstrip("?")]

        return extract


def qa(output: str, reader: Reader | None, pairs: tuple[QAPair, ...] = PAIRS) -> dict[str, Any]:
    from dataclasses import replace

    sample = replace(example(), qa_pairs=pairs)
    return score(sample, output, profile="alce", kind="em", metrics=("qa",), models=reader).values


def test_extracted_answers_are_compared_with_the_aliases_exactly_and_by_tokens():
    # "the lutetia" is exact; "in 1889" shares 1 of 2 tokens: precision 1/2, recall 1, F1 2/3.
    reader = Reader(Where="the Lutetia", When="in 1889")
    values = qa("Built in Paris [1], in 1889.\nMore.", reader)
    assert values == {"QA-EM": 0.5, "QA-F1": pytest.approx((1 + 2 / 3) / 2), "QA-Hit": 0.0}
    assert reader.read == [("Where?", "Built in Paris, in 1889."), ("When?", "Built in Paris, in 1889.")]


def test_a_hit_needs_every_sub_question_answered_exactly():
    assert qa("x", Reader(Where="Paris", When="1889"))["QA-Hit"] == 1.0


def test_an_empty_output_is_not_read_and_scores_0():
    reader = Reader()
    assert qa(" ", reader) == {"QA-EM": 0.0, "QA-F1": 0.0, "QA-Hit": 0.0}
    assert reader.read == []


def test_without_sub_questions_or_without_a_model_there_is_no_value():
    nothing = {"QA-EM": None, "QA-F1": None, "QA-Hit": None}
    assert qa("x", Reader(), ()) == nothing
    assert qa("x", None) == nothing


@pytest.mark.parametrize(
    ("answer", "alias", "f1"),
    [
        ("a b b", "b b c", 4 / 5),
        ("Paris", "paris.", 1.0),
        ("", "", 1.0),
        ("the", "", 1.0),
        ("x", "", 0.0),
        ("x", "y", 0.0),
    ],
)
def test_token_f1_counts_repeated_tokens(answer: str, alias: str, f1: float):
    # "a" is an article: {b, b} against {b, b, c}: precision 1, recall 2/3.
    assert token_f1(answer, alias) == pytest.approx(f1)
    assert exact_match(answer, alias) == (1.0 if f1 == 1.0 else 0.0)


def test_mauve_reads_question_and_text_cut_to_a_hundred_words_without_end_punctuation():
    assert as_mauve_text("Who?", " He did it!?. ") == "Who? He did it"
    text = as_mauve_text("Who?", " ".join(f"w{n}," for n in range(200)))
    assert len(text.split()) == 100
    assert text.endswith("w98")


def test_mauve_is_computed_over_the_whole_set_and_has_no_interval(monkeypatch: pytest.MonkeyPatch):
    seen: dict[str, Any] = {}

    def compute_mauve(**arguments: Any) -> SimpleNamespace:
        seen.update(arguments)
        return SimpleNamespace(mauve=0.25)

    fake = ModuleType("mauve")
    fake.compute_mauve = compute_mauve  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mauve", fake)
    sample = example(answer="It is Paris.")
    responses = [Response.build(sample, "Paris [1].\nMore."), Response.failed(sample, "timeout")]
    found = corpus_estimates(plan("alce", "em", ("mauve",)), responses, OptionalModels())["mauve"]
    assert (found.value, found.stderr, found.ci95, found.n) == (25.0, None, None, 1)
    assert (seen["p_text"], seen["q_text"]) == (["Q? It is Paris"], ["Q? Paris"])
    assert (seen["featurize_model_name"], seen["max_text_length"]) == ("gpt2-large", 512)
    corpus_estimates(plan("alce", "em", ("mauve",)), responses, OptionalModels({"mauve": "a/folder"}))
    assert seen["featurize_model_name"] == "a/folder"


def test_mauve_without_its_package_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch):
    found = builtins.__import__

    def without_mauve(name: str, *rest: Any) -> Any:
        if name == "mauve":
            raise ImportError(name)
        return found(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_mauve)
    with pytest.raises(MissingExtra, match=r"groundeval\[mauve\]"):
        corpus_estimates(plan("alce", "em", ("mauve",)), [Response.build(example(answer="x"), "x")])


def test_optional_metrics_are_not_among_the_defaults():
    chosen = {metric.name for metric in plan("alce", "em").metrics}
    assert not chosen & {"qa", "mauve"}
    assert {"length", "str_em", "rouge", "citation"} <= chosen


def test_a_model_for_no_metric_is_refused_with_the_nearest_match():
    with pytest.raises(UsageError, match='Did you mean "mauve"'):
        OptionalModels({"mauv": "x"})
