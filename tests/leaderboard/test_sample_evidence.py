"""The evidence that the viewer shows is that from which the numbers follow."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import pytest

import groundeval
from groundeval.comparison.saved_scores import ScoredRun, find_scorings, read_scoring
from groundeval.leaderboard.reported import SHIPPED
from groundeval.leaderboard.samples import _dicts, _sample, _statement, gold_answers
from groundeval.leaderboard.texts import texts_of
from groundeval.metrics.profiles import profile_named

EXAMPLES = SHIPPED.parent / "example_runs"
COUNTS = {"asqa": "str_em", "qampari": "qampari_rec", "eli5": "claims_nli", "expertqa": "claims_nli"}
"""The column that is the share of gold answers found, by data set."""


def own_runs() -> Iterator[ScoredRun]:
    return map(read_scoring, find_scorings(EXAMPLES / "smollm2"))


def shares(run: ScoredRun) -> Iterator[tuple[float, float]]:
    """For every sample: the share of gold answers that is shown as found, and what the metric says."""
    texts = texts_of(run)
    assert set(texts.examples) == set(texts.responses) == set(texts.prompts) == set(run.samples)
    column = COUNTS[run.results.task.removeprefix("trust_")]
    for sample_id, record in run.samples.items():
        gold = gold_answers(run, texts.examples[sample_id], texts.responses[sample_id], record)
        yield fmean(bool(each["found"]) for each in gold), record["values"][column]


def test_the_gold_answers_shown_as_found_are_those_that_the_metric_counts():
    seen = set()
    for run in own_runs():
        for shown, counted in shares(run):
            assert shown == pytest.approx(counted), run.folder
            seen.add((run.results.task, counted > 0))
    assert {("asqa", True), ("asqa", False), ("qampari", True), ("trust_qampari", True)} <= seen


@pytest.mark.parametrize("task", ["trust_asqa", "trust_qampari"])
def test_under_the_profile_strict_as_well(tmp_path: Path, task: str):
    [source, _] = sorted((EXAMPLES / "smollm2" / task).iterdir())
    shutil.copytree(source, tmp_path / "run", ignore=shutil.ignore_patterns("scores"))
    groundeval.score(tmp_path / "run", profiles=["strict"], nli="lexical")
    [folder] = find_scorings(tmp_path / "run")
    for shown, counted in shares(read_scoring(folder)):
        assert shown == pytest.approx(counted)


def test_the_refusal_score_shown_decides_as_the_metric_did():
    decided = set()
    for run in own_runs():
        texts = texts_of(run)
        for sample_id, record in run.samples.items():
            shown = _sample(run, texts, sample_id)["refusal"]
            assert (shown is None) == (run.results.profile == "alce")
            if shown is not None:
                assert shown["refused"] == bool(record["values"]["refused"])
                decided.add(shown["refused"])
    assert False in decided


def test_precision_bits_are_shown_with_the_citations_that_they_speak_of():
    judged = 0
    for run in own_runs():
        texts, profile = texts_of(run), profile_named(run.results.profile)
        for sample_id, record in run.samples.items():
            for statement in _dicts(record, "statements"):
                shown = _statement(statement, texts.examples[sample_id], profile)
                assert len(shown["precise"]) == len(statement["precise"])
                judged += len(shown["precise"])
                for citation, _ in shown["precise"]:
                    assert citation in statement["citations"]
    assert judged > 20
