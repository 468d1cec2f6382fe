"""Lookup of rewards by name, in YAML files and in Python files, and their binding to a task."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, ValidationError, validate_call

from groundeval.errors import UsageError, excerpt, unknown
from groundeval.mappings import check_mapping
from groundeval.metrics.reading import AnswerKind
from groundeval.registry import Registry, first_paragraph
from groundeval.rewards.reward import Reward
from groundeval.tasks import Task, load_task

Recipe = Callable[..., Reward]
"""A function of a task, with keyword parameters, that returns the reward for this task."""

REWARDS: Registry[Recipe] = Registry(
    "reward", group="groundeval.rewards", builtin=("groundeval.rewards.recipes.builtin",)
)

KINDS: dict[AnswerKind, str] = {"em": "trust_asqa", "list": "trust_qampari", "claims": "trust_eli5"}
"""A representative task of each kind, for listings."""


def register_reward(name: str) -> Callable[[Recipe], Recipe]:
    """Register a recipe: a function of a `Task` that returns its `Reward`.

    Its keyword-only arguments are the parameters, checked against their annotations; `groundeval list rewards` shows
    the first line of its docstring.
    """
    return REWARDS.register(name)


def load_reward(
    name_or_path: str | Path,
    task: str | Path | Task,
    *,
    nli: str = "true",
    nli_options: Mapping[str, Any] | None = None,
    **parameters: Any,
) -> Reward:
    """The reward with a registered name, from a YAML file or a plugin file (`my_rewards.py:name`), bound to a task.

    `default` is the task's own reward. `nli` names the verifier in the form of `connect`. `parameters` are those of
    the recipe. Raises UsageError for an unknown name, parameter or value, with the nearest match and the allowed ones.
    """
    check_mapping("nli_options", nli_options or {})
    bound = task if isinstance(task, Task) else load_task(task)
    reward = make(str(name_or_path), recipe_of(name_or_path), bound, parameters)
    reward = replace(reward, nli=nli, nli_options=dict(nli_options or {}))
    reward.check()
    return reward


def make(name: str, recipe: Recipe, task: Task, parameters: Mapping[str, Any]) -> Reward:
    """The reward that a recipe returns for a task and parameters. Raises UsageError for wrong parameters."""
    checked = checked_parameters(name, recipe, parameters)
    reward = recipe(task, **checked)
    if not isinstance(reward, Reward):
        raise UsageError(f'reward "{name}" must return a Reward, not {excerpt(reward)}')
    description = reward.description or first_line(recipe)
    code = code_of_recipe(recipe)
    return replace(
        reward,
        name=title_of(name),
        task=task.name,
        kind=task.kind,
        parameters=checked,
        code=reward.code if code is None else {**reward.code, title_of(name): code},
        description=description,
    )


def title_of(name_or_path: str) -> str:
    """The display name of a reward: its registered name, or the name of its file."""
    if name_or_path.endswith((".yaml", ".yml", ".py")):
        return Path(name_or_path).stem
    return name_or_path.rpartition(":")[2]


def recipe_of(name_or_path: str | Path) -> Recipe:
    """The recipe with a registered name, or in a YAML file or a plugin file."""
    text = str(name_or_path)
    if text.endswith((".yaml", ".yml")):
        from groundeval.rewards.recipes.yaml_reward import YamlRecipe

        return YamlRecipe.read(Path(text))
    return REWARDS.get(REWARDS.resolve(text))


def code_of_recipe(recipe: Recipe) -> str | None:
    """The hash of a recipe's plugin, or of its YAML file; None for one that ships with groundeval."""
    file: str | None = getattr(recipe, "sha256", None)
    return file or REWARDS.code(recipe)


def default_parameters(recipe: Recipe) -> dict[str, Any]:
    """The parameters of a recipe with their defaults."""
    found = inspect.signature(recipe).parameters.values()
    return {each.name: each.default for each in found if each.kind is inspect.Parameter.KEYWORD_ONLY}


def checked_parameters(name: str, recipe: Recipe, given: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of a recipe: the given ones, converted and checked against its annotations, and defaults."""
    defaults = default_parameters(recipe)
    for each in given:
        if each not in defaults:
            raise UsageError(f'reward "{name}": {unknown("parameter", each, defaults)}')
    checker = validate_call(config=ConfigDict(arbitrary_types_allowed=True, allow_inf_nan=False))(_keywords(recipe))
    try:
        return dict(checker(**given))
    except ValidationError as error:
        problem = error.errors()[0]
        parameter = problem["loc"][0] if problem["loc"] else "?"
        allowed = problem["msg"].replace("Input should be ", "").replace("'", '"')
        raise UsageError(
            f'reward "{name}": parameter {parameter}={excerpt(problem.get("input"))}: must be {allowed}'
        ) from None


def _keywords(recipe: Recipe) -> Callable[..., dict[str, Any]]:
    """A function with the recipe's keyword arguments that returns them, for pydantic to validate calls against."""

    def keywords(**given: Any) -> dict[str, Any]:
        return given

    signature = inspect.signature(recipe, eval_str=True)
    kept = [each for each in signature.parameters.values() if each.kind is inspect.Parameter.KEYWORD_ONLY]
    keywords.__signature__ = signature.replace(parameters=kept, return_annotation=dict)  # type: ignore[attr-defined]
    keywords.__annotations__ = {each.name: each.annotation for each in kept}
    return keywords


def first_line(recipe: Recipe) -> str:
    """The description of a recipe in listings: the first paragraph of its docstring."""
    return first_paragraph(recipe.__doc__)
