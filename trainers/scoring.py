"""The rewards of a stage, computed by the reward library."""

from __future__ import annotations

from collections.abc import Sequence

from groundeval.errors import DataError
from groundeval.records import Example
from groundeval.rewards.adapters.trl_parts import parts_of
from groundeval.rewards.columns import example_json
from groundeval.rewards.registry import title_of
from groundeval.rewards.rollouts import Rewarder, Rollout
from groundeval.trainers.data.selection import Selected
from groundeval.trainers.recipe import Recipe
from groundeval.trainers.recipe_stage import Stage


def rewarder(recipe: Recipe, stage: Stage) -> Rewarder:
    """The stage's rewards combined into one. Raises UsageError for unknown names and parameters."""
    return Rewarder(
        {name: term.weight for name, term in stage.rewards.items()},
        {name: term.options for name, term in stage.rewards.items()},
        recipe.nli,
        recipe.nli_options,
    )


def check_rewards(recipe: Recipe, stage: Stage) -> None:
    """Check that the stage's rewards exist and suit its tasks. Raises UserError; calls no verifier."""
    if not stage.rewards:
        return
    rewards = rewarder(recipe, stage)
    tasks = [data.task for data in stage.data if data.task is not None]
    for task in tasks:
        rewards.bound(task)
    if stage.normalize == "parts":
        parts_of(rewards, tasks)


def code_of_rewards(recipe: Recipe, stage: Stage) -> dict[str, str]:
    """By name, the hash of the code of plugins behind the stage's rewards. A file that the stage names is not among
    them: its content is part of the reward's name."""
    found: dict[str, str] = {}
    if stage.rewards:
        rewards = rewarder(recipe, stage)
        named = {title_of(name) for name in stage.rewards if name.endswith((".yaml", ".yml", ".py")) or ".py:" in name}
        for task in [data.task for data in stage.data if data.task is not None]:
            for reward in rewards.bound(task):
                found |= {name: code for name, code in reward.code_behind.items() if name not in named}
    return found


def check_fields(recipe: Recipe, stage: Stage, selected: Sequence[Selected]) -> None:
    """Check that the stage's examples have the fields its rewards need. Raises DataError; calls no verifier."""
    if not stage.rewards or stage.trainer == "sft":  # SFT has no use for them
        return
    rewards = rewarder(recipe, stage)
    for each in selected:
        for reward in rewards.bound(each.reference):
            try:
                reward.check_data(each.dataset.examples)
            except DataError as error:
                raise DataError(f"stage {stage.name}, {error}") from None


def totals(recipe: Recipe, stage: Stage, task: str, answers: Sequence[tuple[Example, str]]) -> list[float | None]:
    """The stage's reward of each text as an answer to its example; None if it has none."""
    rollouts = [Rollout(task, example_json(example), text) for example, text in answers]
    return [rewarded.total for rewarded in rewarder(recipe, stage)(rollouts)]
