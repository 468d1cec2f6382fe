"""Finds a task by name, in a YAML file, or in a Python file."""

from __future__ import annotations

from pathlib import Path

from groundeval.errors import UsageError, excerpt
from groundeval.registry import load_plugin
from groundeval.tasks.task import TASKS, Task


def load_task(name_or_path: str | Path) -> Task:
    """The task of a registered name, of a YAML file, or of a plugin file.

    `asqa` is a registered name; `my_task.yaml` a file that maps data (docs/yaml_tasks.md); `my_tasks.py:name` a task
    that a Python file registers (`:name` may be left out if it registers one only). Raises UsageError for an unknown
    name, with the nearest match, and for a file that cannot be used.
    """
    text = str(name_or_path)
    if text.endswith((".yaml", ".yml")):
        from groundeval.tasks.yaml.task import yaml_task

        return yaml_task(text)
    file, colon, name = text.rpartition(":")
    if colon and file.endswith(".py"):
        load_plugin(file)
        return _made(name)
    if text.endswith(".py"):
        return _made(_only_task(text))
    if Path(text).is_file():
        raise UsageError(f"task {text}: a task file must be called .yaml, .yml or .py")
    return _made(text)


def _only_task(path: str) -> str:
    load_plugin(path)
    names = TASKS.registered_by(path)
    if len(names) != 1:
        what = f"registers {len(names)} tasks ({', '.join(names)})" if names else "registers no task"
        raise UsageError(f"task {path}: the file {what}; name one: {path}:NAME")
    return names[0]


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
