"""How many optimizer steps a stage makes, known before it starts, and what its settings then never do."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

from groundeval.trainers.recipe import Recipe, Stage


def optimizer_steps(config: Any, rows: int) -> int:
    """Optimizer steps of a stage on so many rows, by TRL's config.

    GRPO draws whole batches of prompts; those left over at the end of an epoch are not drawn. SFT and DPO take the rest
    as a smaller batch.
    """
    if config.max_steps > 0:
        return int(config.max_steps)
    accumulated = config.gradient_accumulation_steps
    prompts = getattr(config, "generation_batch_size", None)
    if prompts is not None:
        together = prompts // config.num_generations
        batches = rows // together * config.num_iterations * config.steps_per_generation
    else:
        batches = ceil(rows / (config.per_device_train_batch_size * config.world_size))
    steps: int = ceil(config.num_train_epochs * max(ceil(batches / accumulated), 1))
    return steps


def never_reached(recipe: Recipe, stage: Stage, config: Any, steps: int) -> Iterator[str]:
    """What is asked for every so many steps, and does not come to pass in a stage of so few."""
    every = recipe.evaluate.every
    if recipe.evaluate.tasks and every is not None and every >= steps:
        yield (
            f"stage {stage.name}: evaluate.every is {every}, and the stage has {steps} steps: it is evaluated before "
            "and after, not within"
        )
    if config.save_strategy == "steps" and config.save_steps > steps:
        yield (
            f"stage {stage.name}: trl.save_steps is {config.save_steps:g}, and the stage has {steps} steps: a run that "
            "is killed within it begins it anew"
        )
