"""Recipes and models for the tests of the trainers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from groundeval.trainers.recipe import Recipe
from groundeval.trainers.recipe_file import read_recipe

SMALL: dict[str, Any] = {
    "name": "small",
    "model": "smollm2",
    "nli": "lexical",
    "num_docs": 2,
    "overlap": {"against": ["embedded"]},
    "stages": [
        {
            "name": "only",
            "trainer": "grpo",
            "data": [{"task": "trust_asqa", "source": "embedded", "count": 4}],
            "rewards": "ground_grpo_stage2",
            "batch": 8,
            "trl": {"num_generations": 4, "per_device_train_batch_size": 8, "max_completion_length": 16},
        }
    ],
}


def recipe_file(folder: Path, changes: dict[str, Any] | None = None, stage: dict[str, Any] | None = None) -> Path:
    """A recipe file like `SMALL`, changed at the top and in its stage; None takes a field out."""
    first = {**SMALL["stages"][0], **(stage or {})}
    content = {
        **SMALL,
        "stages": [{key: value for key, value in first.items() if value is not None}],
        **(changes or {}),
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
    return path


def small_recipe(folder: Path, changes: dict[str, Any] | None = None, stage: dict[str, Any] | None = None) -> Recipe:
    """`recipe_file`, read."""
    return read_recipe(str(recipe_file(folder, changes, stage)))
