"""The command line as two Python functions: `evaluate` a model on tasks, and `score` texts that exist already."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from groundeval.errors import UsageError, option
from groundeval.run.options import RunOptions, ScoreOptions
from groundeval.run.outcome import ScoreResults, TaskRuns
from groundeval.run.outputs import score_predictions
from groundeval.run.rescore import score_run
from groundeval.run.runner import run
from groundeval.storage.columnar import columnar_kind
from groundeval.storage.regular import holding, identities
from groundeval.tasks import Task, load_task
from groundeval.tasks.own import OWN

P = ParamSpec("P")
Options = TypeVar("Options")
R = TypeVar("R")


def takes(options: Callable[P, Options]) -> Callable[[Callable[[Options], R]], Callable[P, R]]:
    """Let a function of a dataclass of options take its fields as parameters: the same names, types and defaults."""

    def decorate(function: Callable[[Options], R]) -> Callable[P, R]:
        @wraps(function)
        def called(*given: P.args, **named: P.kwargs) -> R:
            return function(options(*given, **named))

        shown = inspect.signature(options).replace(return_annotation=inspect.signature(function).return_annotation)
        called.__signature__ = shown  # type: ignore[attr-defined]
        del called.__wrapped__
        return called

    return decorate


@takes(RunOptions)
def evaluate(options: RunOptions) -> TaskRuns:
    """Evaluate a model on tasks: the Python form of `groundeval run`, with a parameter for each of its flags.

    `data` is a file or `embedded`, for all tasks or by task name. Runs are resumed from `output_path`.
    `trust_remote_code` runs code that comes with the model, or with the NLI model. `quiet=False` shows progress. Works
    inside a running event loop (a notebook). Raises UserError before anything expensive starts, and BackendError if a
    task's backend failed; what was generated until then is kept.
    """
    runs = run(options)
    for each in runs:
        if each.error is not None:
            raise each.error
    return runs


@takes(ScoreOptions)
def score(options: ScoreOptions) -> ScoreResults:
    """Score existing outputs, or a run folder again: the Python form of `groundeval score`. One result per profile.

    `predictions` is a file, a run folder, a list of records (dicts with `question`, `output`, `docs` and gold data, or
    as another tool writes them), a DataFrame or `datasets.Dataset` with such columns, or a list of `Response`. `map`
    names fields that have other names. Without a `task` they are outputs of your own, with or without gold answers.
    `quiet=False` shows progress.
    Works inside a running event loop (a notebook). Raises UserError before anything expensive starts.
    """
    return score_with(options, keep_samples=True)


def score_with(options: ScoreOptions, *, keep_samples: bool = False) -> ScoreResults:
    """Score as `score` does. `keep_samples`: evidence that is not written stays in memory."""
    predictions, task = options.predictions, options.task
    if isinstance(predictions, str | Path) and Path(predictions).is_dir() and columnar_kind(Path(predictions)) is None:
        _refuse_for_runs(options)
        named = None if task is None else _named(task)
        folder = Path(predictions)
        with holding(identities([folder])):
            return score_run(folder, options, task=named, data=options.sources, keep_samples=keep_samples)
    if options.data is not None:
        raise UsageError(
            f"{option('data')} goes with a run folder, whose manifest names its data; outputs hold their documents and "
            "gold answers themselves"
        )
    return score_predictions(options, _named(OWN if task is None else task), keep_samples=keep_samples)


def _named(task: str | Task) -> Task:
    return task if isinstance(task, Task) else load_task(task)


def _refuse_for_runs(options: ScoreOptions) -> None:
    """Refuse options that a run folder determines (samples, documents, place of scores), rather than ignore them."""
    for name in ("num_docs", "limit", "output_path", "map"):
        if getattr(options, name) not in (None, {}):
            raise UsageError(
                f"{option(name)} does not go with a run folder ({options.predictions}), which knows its samples and "
                "documents and keeps its scores.\n  Leave it out, or make another run with it."
            )
