"""Recipe files: those that ship with groundeval, and resolution of the paths in a recipe."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from groundeval.errors import UsageError, no_such, unknown
from groundeval.storage.regular import is_there
from groundeval.tasks.yaml.file import read_yaml
from groundeval.trainers.recipe import Recipe
from groundeval.trainers.recipe_stage import Data, Stage


def shipped() -> dict[str, Path]:
    """The recipes that come with groundeval, by name."""
    folder = Path(str(files("groundeval.trainers"))) / "recipes"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def find_recipe(name_or_path: str) -> Path:
    """The file of a recipe: a path, or the name of a shipped one. Raises UsageError, with the nearest match."""
    path = Path(name_or_path)
    if path.is_file():
        return path
    known = shipped()
    if name_or_path in known:
        return known[name_or_path]
    if path.suffix in (".yaml", ".yml") and path.stem in known and path.parent == Path("."):
        return known[path.stem]
    if path.suffix in (".yaml", ".yml"):
        raise no_such(path, given=f"recipe {path}", advice=f"\n  Shipped recipes: {', '.join(known)}")
    raise unknown("recipe, nor a file of that name", name_or_path, known)


def read_recipe(name_or_path: str) -> Recipe:
    """A recipe, checked against the schema: errors name file, line, field, value and what is allowed.

    Paths in it (data files, task and reward files, a chat template) are relative to the recipe's file.
    """
    path = find_recipe(name_or_path)
    return _resolved(read_yaml(path, Recipe), path.parent)


def _resolved(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with its relative paths made absolute, if the file exists."""

    def located(value: str | None) -> str | None:
        if value is None:
            return None
        file, colon, rest = value.partition(".py:")
        candidate = folder / (f"{file}.py" if colon else value)
        return f"{candidate.resolve()}{f':{rest}' if colon else ''}" if is_there(candidate) else value

    def located_file(value: str | None) -> str | None:
        """As `located`; a folder with the name of a task or reward is ignored."""
        found = located(value)
        return value if found is not None and is_there(Path(found), Path.is_dir) else found

    def source(data: Data) -> Data:
        for file in (data.conversations, data.source):
            if file is not None and file != "embedded" and not is_there(Path(located_file(file) or ""), Path.is_file):
                raise UsageError(f"data file {file}: no such file (looked for in {folder} and in the working folder)")
        update = {"task": located_file(data.task), "source": located_file(data.source)}
        return data.model_copy(update={**update, "conversations": located_file(data.conversations)})

    def stage(given: Stage) -> Stage:
        rewards = {located_file(name) or name: term for name, term in given.rewards.items()}
        return given.model_copy(update={"data": [source(data) for data in given.data], "rewards": rewards})

    stages = [stage(each) for each in recipe.stages]
    tasks = {located_file(task) or task: located_file(file) for task, file in recipe.evaluate.tasks.items()}
    model = recipe.model.model_copy(
        update={"path": located(recipe.model.path), "chat_template": located(recipe.model.chat_template)}
    )
    evaluate = recipe.evaluate.model_copy(update={"tasks": tasks})
    return recipe.model_copy(update={"stages": stages, "evaluate": evaluate, "model": model})
