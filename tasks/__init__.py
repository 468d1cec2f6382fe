"""Tasks: questions, data, prompts, and the scoring of their answers."""

from __future__ import annotations

if not __name__.startswith("groundeval."):
    raise ImportError(
        f'this folder is the package groundeval.tasks and cannot be imported as "{__name__}": everything in it would '
        "exist twice. Write `import groundeval.tasks`, and keep the repository's root off sys.path."
    )

from groundeval.tasks.loading import load_task
from groundeval.tasks.task import TASKS, Dataset, Loader, Task, register_task

__all__ = ["TASKS", "Dataset", "Loader", "Task", "load_task", "register_task"]
