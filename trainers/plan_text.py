"""What a training run would do, as text: model, data, steps, rewards, evaluation, memory, disk; one line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from groundeval.console.tally import counted, size
from groundeval.trainers.policy import ADAM_BYTES, BYTES, Policy, disk_needed
from groundeval.trainers.recipe import START, Recipe
from groundeval.trainers.recipe_stage import Lora

if TYPE_CHECKING:
    from groundeval.trainers.training import PlannedStage, TrainingPlan

PASSED = "recipe, rewards and the fields they read, verifiers, model, data and its overlap, lengths, folder, disk"
"""What has been checked before there is a plan."""


def described(plan: TrainingPlan) -> str:
    """The plan as text, for a run whose checks have all passed."""
    return "\n".join([*_lines(plan), f"all checks passed: {PASSED}"]) + "\n"


def _lines(plan: TrainingPlan) -> Iterator[str]:
    recipe, policy = plan.recipe, plan.policy
    yield f"run folder: {plan.run.path}"
    yield f"model: {recipe.model.path}, {policy.parameters / 1e6:,.0f} million weights"
    if any(stage.rewards for stage in recipe.stages):
        yield f"verifier of the rewards: {recipe.nli}"
    for planned in plan.stages:
        yield from _of_stage(recipe, policy, planned)
    yield f"evaluation: {_evaluation(recipe)}"
    kept = {planned.stage.name: planned.config.config.save_total_limit or 10 for planned in plan.stages}
    yield f"disk: up to {size(disk_needed(recipe, policy, kept))} of models and checkpoints"


def _of_stage(recipe: Recipe, policy: Policy, planned: PlannedStage) -> Iterator[str]:
    stage, config = planned.stage, planned.config.config
    together = config.per_device_train_batch_size * config.gradient_accumulation_steps * config.world_size
    before = recipe.before(stage)
    yield (
        f"stage {stage.name} ({stage.trainer}) from {START if before is None else before.name}: {planned.steps} steps "
        f"of {counted(together, 'sequence')} over {counted(len(planned.rows.rows), 'row')}"
    )
    for each in planned.selected:
        examples = counted(len(each.dataset.examples), "example")
        yield f"  data: {each.reference}, {examples}, {each.answerable} of them answerable"
    for data in stage.data:
        if data.conversations is not None:
            yield f"  data: {data.name}, conversations"
    if stage.rewards:
        rewards = ", ".join(_reward(name, term.weight, term.options) for name, term in stage.rewards.items())
        yield f"  rewards: {rewards}"
    if stage.trainer == "grpo":
        yield (
            f"  rollouts: {recipe.rollouts.engine}, {config.num_generations} answers to a prompt, each of at most "
            f"{config.max_completion_length} tokens"
        )
    # DPO compares with the model it starts from, and so does GRPO where `beta` holds it near that.
    compares = stage.trainer == "dpo" or (stage.trainer == "grpo" and getattr(config, "beta", 0) > 0)
    yield f"  memory: {_memory(recipe.lora_of(stage), policy, compares=compares)}"


def _memory(lora: Lora | None, policy: Policy, *, compares: bool) -> str:
    dtype = policy.dtype(lora)
    weights = policy.parameters * BYTES[dtype]
    if lora is not None:
        return f"{size(weights)} of {dtype} weights, an adapter (r = {lora.r}), and activations"
    parts = {"weights": weights, "gradients": weights, "optimizer": policy.parameters * ADAM_BYTES}
    if compares:
        parts["reference"] = weights
    named = ", ".join(f"{name} {size(each)}" for name, each in parts.items())
    return f"{size(sum(parts.values()))} in all ({dtype}: {named}), and activations"


def _evaluation(recipe: Recipe) -> str:
    wanted = recipe.evaluate
    if not wanted.tasks:
        return "none (the recipe names no tasks under `evaluate`)"
    tasks = ", ".join(name if file is None else f"{name} ({file})" for name, file in wanted.tasks.items())
    limit = "" if wanted.limit is None else f", {counted(wanted.limit, 'sample')} each"
    within = "" if wanted.every is None else f", every {counted(wanted.every, 'step')}"
    judges = ", ".join(wanted.nli or [recipe.nli])
    return f"{tasks}{limit}, before training{within} and after each stage, judged by {judges}"


def _reward(name: str, weight: float, options: Mapping[str, object]) -> str:
    inside = ", ".join(f"{option}={value}" for option, value in options.items())
    return f"{name}{f' ({inside})' if inside else ''}{'' if weight == 1 else f' x {weight:g}'}"
