"""Number of optimizer steps of a stage, computed before it starts, and settings that then have no effect."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

from groundeval.trainers.recipe import Recipe
from groundeval.trainers.recipe_stage import Stage


def optimizer_steps(config: Any, rows: int) -> int:
    """Optimizer steps of a stage on a number of rows, by TRL's config.

    GRPO takes whole batches of prompts and skips those left over at the end of an epoch. SFT and DPO take the rest as a
    smaller batch.
    """
    if config.max_steps > 0:
        return int(config.max_steps)
    accumulated = config.gradient_accumulation_steps
    prompts = getattr(config, "generation_batch_size", None)
    if prompts is not None:
        together = prompts // config.num_generations
        batches = rows // together * config.num_iterations * config.steps_per_generation
    else:
        rows *= getattr(config, "num_generations", 1)  # asynchronous GRPO takes completions
        batches = ceil(rows / (config.per_device_train_batch_size * config.world_size))
    steps: int = ceil(config.num_train_epochs * max(ceil(batches / accumulated), 1))
    return steps


def never_reached(recipe: Recipe, stage: Stage, config: Any, steps: int) -> Iterator[str]:
    """Warnings about intervals in steps that are longer than the stage."""
    every = recipe.evaluate.every
    if recipe.evaluate.tasks and every is not None and every >= steps:
        yield (
            f"stage {stage.name}: evaluate.every is {every}, but the stage has {steps} steps: it is evaluated before "
            "and after, not within"
        )
    if config.save_strategy == "steps" and config.save_steps > steps:
        yield (
            f"stage {stage.name}: trl.save_steps is {config.save_steps:g}, but the stage has {steps} steps: a run that "
            "is killed within it restarts it"
        )
