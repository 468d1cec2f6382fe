"""The rewards of a stage, as the reward library computes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundeval.errors import DataError
from groundeval.records import Example
from groundeval.rewards.columns import example_json
from groundeval.rewards.rollouts import Rewarder, Rollout
from groundeval.trainers.data.selection import Selected
from groundeval.trainers.recipe import Recipe, Stage


def terms(recipe: Recipe, stage: Stage) -> dict[str, Any]:
    """The stage's rewards as the reward library takes them: names with weights, parameters by name, the verifier."""
    return {
        "rewards": {name: term.weight for name, term in stage.rewards.items()},
        "parameters": {name: term.options for name, term in stage.rewards.items() if term.options},
        "nli": recipe.nli,
        "nli_options": recipe.nli_options,
    }


def rewarder(recipe: Recipe, stage: Stage) -> Rewarder:
    """The stage's rewards as one. Raises UsageError for names and parameters that do not exist."""
    return Rewarder.of(**terms(recipe, stage))


def check_rewards(recipe: Recipe, stage: Stage) -> None:
    """Find out whether the stage's rewards exist and suit its tasks. Raises UserError; asks no verifier."""
    if not stage.rewards:
        return
    for spec, _ in rewarder(recipe, stage).terms:
        for data in stage.data:
            if data.task is not None:
                spec.for_task(data.task)


def check_fields(recipe: Recipe, stage: Stage, selected: Sequence[Selected]) -> None:
    """Find out whether the stage's examples have what its rewards need. Raises DataError; asks no verifier."""
    if not stage.rewards or stage.trainer == "sft":  # SFT has no use for them
        return
    for spec, _ in rewarder(recipe, stage).terms:
        for each in selected:
            try:
                spec.for_task(each.reference).check_data(each.dataset.examples)
            except DataError as error:
                raise DataError(f"stage {stage.name}, {error}") from None


def totals(recipe: Recipe, stage: Stage, task: str, answers: Sequence[tuple[Example, str]]) -> list[float | None]:
    """The stage's reward of texts that answer examples; None where there is none."""
    rollouts = [Rollout(task, example_json(example), text) for example, text in answers]
    return [rewarded.total for rewarded in rewarder(recipe, stage)(rollouts)]
