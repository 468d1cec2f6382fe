"""A recipe changed by flags: another model, other tasks, data, verifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from groundeval.errors import UsageError, no_such, unknown
from groundeval.storage.regular import is_there
from groundeval.tasks.formats.sources import EMBEDDED
from groundeval.trainers.recipe import Action, Recipe
from groundeval.trainers.recipe_stage import Data, Stage

EVERY_TASK = "*"


def with_flags(
    recipe: Recipe,
    *,
    model: str | None = None,
    tasks: Sequence[str] = (),
    data: Mapping[str, str] | None = None,
    nli: str | None = None,
    nli_options: Mapping[str, Any] | None = None,
    overlap: str | None = None,
) -> Recipe:
    """The recipe with the given changes.

    `tasks` replace the tasks of every stage, keeping its counts; `data` gives the file of each task, `*` of all.
    Raises UsageError for a task that the recipe does not train on, and for a missing file.
    """
    changes: dict[str, Any] = {}
    if model is not None:
        changes["model"] = recipe.model.model_copy(update={"path": model})
    if tasks or data:
        changes["stages"] = [_stage(stage, tasks, data or {}) for stage in recipe.stages]
        _check_names(recipe.model_copy(update=changes), data or {})
    if nli is not None:
        changes |= {"nli": nli, "nli_options": {}}
    if nli_options:
        changes["nli_options"] = {**changes.get("nli_options", recipe.nli_options), **nli_options}
    if overlap is not None:
        if overlap not in get_args(Action):
            raise UsageError(f"--overlap {overlap}: allowed are {', '.join(get_args(Action))}")
        changes["overlap"] = recipe.overlap.model_copy(update={"questions": overlap, "passages": overlap})
    return recipe.model_copy(update=changes)


def _stage(stage: Stage, tasks: Sequence[str], data: Mapping[str, str]) -> Stage:
    sources = list(stage.data)
    if tasks and any(each.task is not None for each in sources):
        count = next(each.count for each in sources if each.task is not None)
        ready = [each for each in sources if each.task is None]
        sources = [*(Data(task=task, count=count) for task in tasks), *ready]
    return stage.model_copy(update={"data": [_source(each, data) for each in sources]})


def _source(source: Data, data: Mapping[str, str]) -> Data:
    file = None if source.task is None else data.get(source.task) or data.get(EVERY_TASK)
    if file is None:
        return source
    if file != EMBEDDED and not is_there(Path(file), Path.is_file):
        raise no_such(file, given=f"--data {file}")
    return source.model_copy(update={"source": file})


def _check_names(recipe: Recipe, data: Mapping[str, str]) -> None:
    known = {source.task for stage in recipe.stages for source in stage.data if source.task is not None}
    for name in data:
        if name not in known and name != EVERY_TASK:
            raise unknown("task of this recipe in --data", name, known)
