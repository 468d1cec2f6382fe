"""Rank correlation of metrics with human utility."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from groundeval.errors import DataError, UsageError
from groundeval.rewards.benchmark.human import agreement, rho, tau

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def written(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), "utf-8")
    return path


def human_file(tmp_path: Path) -> Path:
    """Four outputs: the more gold answers, the more useful; the longest is the least useful."""
    outputs = {
        "1": {"question": "a", "output": "one two", "utility_score": 5, "automatic_correctness_scores": [True, True]},
        "2": {"question": "b", "output": "one", "utility_score": 4, "automatic_correctness_scores": [True, False]},
        "3": {"question": "c", "output": "1 2 3", "utility_score": 2, "automatic_correctness_scores": [True, False]},
        "4": {"question": "d", "output": "1 2 3 4", "utility_score": 1, "automatic_correctness_scores": [False, False]},
    }
    return written(tmp_path / "human.json", {"asqa": {"some run": outputs}})


def test_rank_correlations_are_those_of_the_ranks() -> None:
    assert rho([1, 2, 3, 4], [10, 20, 40, 30]) == pytest.approx(0.8)  # 1 - 6 * 2 / (4 * 15)
    assert tau([1, 2, 3, 4], [10, 20, 40, 30]) == pytest.approx(4 / 6)  # 5 pairs in order, 1 not
    assert math.isnan(rho([1, 1, 1], [1, 2, 3]))


def test_correctness_and_length_are_compared_with_utility(tmp_path: Path) -> None:
    found = {each.metric: each for each in agreement(human_file(tmp_path), resamples=50)}
    assert found["correctness"].rho == pytest.approx(9 / math.sqrt(90))  # ranks 4, 2.5, 2.5, 1 against 4, 3, 2, 1
    assert found["length"].rho == pytest.approx(-0.8)
    assert (found["length"].outputs, found["length"].questions) == (4, 4)
    low, high = found["length"].rho_ci95
    assert -1 <= low <= -0.8 <= high <= 1


def test_the_same_seed_gives_the_same_intervals(tmp_path: Path) -> None:
    file = human_file(tmp_path)
    assert agreement(file, seed=1, resamples=50) == agreement(file, seed=1, resamples=50)
    assert agreement(file, seed=1, resamples=50) != agreement(file, seed=2, resamples=50)


def test_gold_answers_let_string_metrics_be_computed_on_the_outputs(tmp_path: Path) -> None:
    gold = [
        {"sample_id": name, "ambiguous_question": question, "qa_pairs": [{"question": "", "short_answers": ["two"]}]}
        for name, question in zip("1234", "abcd", strict=True)
    ]
    found = {
        each.metric: each
        for each in agreement(human_file(tmp_path), written(tmp_path / "gold.json", gold), resamples=50)
    }
    assert found["str_em"].rho == pytest.approx(rho([1, 0, 0, 0], [5, 4, 2, 1]))


def test_wrong_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.json: no such file"):
        agreement(tmp_path / "nothing.json")
    with pytest.raises(DataError, match="it must be"):
        agreement(written(tmp_path / "list.json", [1]))
    bad = {"asqa": {"run": {"7": {"output": "x", "utility_score": "high"}}}}
    with pytest.raises(DataError, match=r"asqa/run/7.*utility_score"):
        agreement(written(tmp_path / "bad.json", bad))


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "alce_human_eval").exists(), reason="needs the shared data")
def test_em_recall_recomputed_agrees_with_people_as_the_published_one_does() -> None:
    human = SHARED / "alce_human_eval" / "human_eval_utility_completed.json"
    gold = SHARED / "rageval_asqa" / "gpt-3.5-turbo-instruct_result_dataset.jsonl"
    found = {(each.data, each.metric): each for each in agreement(human, gold, resamples=20)}
    assert found["asqa", "str_em"].rho == pytest.approx(found["asqa", "correctness"].rho)
    assert found["asqa", "str_em"].outputs == 400
    assert found["asqa", "str_em"].questions == 100
