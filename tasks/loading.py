"""Finding a task by name, in a YAML file, or in a Python file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from groundeval.errors import UsageError, excerpt, option, unknown
from groundeval.registry import load_plugin
from groundeval.storage.regular import is_there
from groundeval.tasks.own import OWN, own
from groundeval.tasks.task import TASKS, Task


def load_task(name_or_path: str | Path) -> Task:
    """The task of a registered name, of a YAML file, or of a plugin file.

    `asqa` is a registered name; `own` is the task of outputs of your own; `my_task.yaml` a file that maps data
    (docs/yaml_tasks.md); `my_tasks.py:name` a task that a Python file registers (`:name` may be omitted if it
    registers only one). Raises UsageError for an unknown
    name, with the nearest match, and for a file that cannot be used.
    """
    text = str(name_or_path)
    if text.endswith((".yaml", ".yml")):
        from groundeval.tasks.yaml.task import yaml_task

        return yaml_task(text)
    if text == OWN:
        return own()
    if not text.endswith(".py") and is_there(Path(text), Path.is_file):
        raise UsageError(f"task {text}: a task file must be called .yaml, .yml or .py")
    return _made(TASKS.resolve(text))


def registered_task(name: str) -> Task | None:
    """The registered task of a name that a stranger gives; None for any other. Never reads a file of that name."""
    return _made(name) if name in TASKS else None


def include(path: str | Path) -> None:
    """Register the task of a YAML file, or everything that a plugin file or folder registers.

    Raises UsageError for a file that cannot be used.
    """
    if not str(path).endswith((".yaml", ".yml")):
        load_plugin(path)
        return
    task = load_task(path)
    TASKS.add(task.name, lambda: task, f"{task.name} ({Path(path).resolve()}:1)")


def _made(name: str) -> Task:
    make = TASKS.get(name)
    source = TASKS.source(name)
    try:
        task = make()
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f'task "{name}" of {source} cannot be made: {error!r}') from error
    if not isinstance(task, Task):
        raise UsageError(f'task "{name}" of {source} must return a Task, not {excerpt(task)}')
    return task


EVERY_TASK = "*"


def requested_data(task: Task, reference: str, data: Mapping[str, str]) -> str | None:
    """The source that `--data` gives for a task, by its name or as requested; None: the task's own."""
    return data.get(task.name) or data.get(reference) or data.get(EVERY_TASK)


def check_data_names(tasks: Sequence[str], data: Mapping[str, str]) -> None:
    """Raises UsageError for `--data` with a task that is not run: the intended task would silently read other data."""
    named = [name for name in data if name != EVERY_TASK and name not in tasks]
    known = {load_task(reference).name for reference in tasks} if named else set()
    for name in named:
        if name not in known:
            raise unknown(f"task of this run in {option('data')}", name, known | set(tasks))
