"""The statistics of the learning example."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FILE = Path(__file__).parents[2] / "examples" / "learning" / "summary.py"


@pytest.fixture(scope="module")
def summary() -> Any:
    spec = importlib.util.spec_from_file_location("learning_summary", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_value_that_rises_has_a_trend_and_one_that_only_varies_has_none(summary: Any):
    noise = np.random.default_rng(1).normal(size=40)
    rising, varying = summary.trend((0.1 * np.arange(40) + noise).tolist()), summary.trend(noise.tolist())
    assert rising["slope_per_10"] == pytest.approx(1, abs=0.3)
    assert rising["p"] < 0.01
    assert varying["p"] > 0.05
    assert summary.trend([0.5] * 10)["p"] == 1


def test_steps_without_a_value_keep_the_distance_of_the_others(summary: Any):
    assert summary.trend([0.0, None, 2.0, None, 4.0])["slope_per_10"] == pytest.approx(10)


def test_a_difference_is_paired_by_question(summary: Any):
    first = np.array([0.0, 1.0] * 20)
    found = summary.against(first, np.minimum(first + 0.25, 1))
    assert found["difference"] == pytest.approx(12.5)
    assert found["p"] < 0.001
    low, high = found["ci95"]
    assert 0 < low < 12.5 < high


def test_citing_and_refusing_weigh_the_same_together(summary: Any):
    from types import SimpleNamespace

    from groundeval.stats.bootstrap import mean_of
    from groundeval.stats.paired import Answers

    def run(citing: float, refusing: float) -> Any:
        columns = {"citing": np.full(30, citing), "refusing": np.full(30, refusing)}
        return SimpleNamespace(
            aggregates={"answered_citation_f1": mean_of("citing"), "macro_f1": mean_of("refusing")},
            scored=range(30),
            question_of=lambda sample: sample,
            answers=lambda asked: Answers(columns, np.arange(30)),
        )

    found = summary.grounding(run(0.4, 0.5), run(0.7, 0.4))
    assert (found["before"], found["after"]) == (pytest.approx(45), pytest.approx(55))
    assert found["p"] < 0.001
    assert summary.grounding(run(0.4, 0.5), run(0.5, 0.4))["difference"] == pytest.approx(0)
