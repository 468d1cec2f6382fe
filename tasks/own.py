"""Outputs and data of one's own, under no published protocol."""

from __future__ import annotations

from groundeval.errors import UsageError, option
from groundeval.tasks.formats.sources import EMBEDDED, file_dataset
from groundeval.tasks.prompts import TRUST_ANSWER
from groundeval.tasks.task import Dataset, Task

OWN = "own"
"""The task of outputs for which none is named. How gold answers are looked for is told by the gold answers. It has no
data, so that it is not among the registered tasks."""


def own() -> Task:
    """Outputs of your own: every citation mark is read, refusals in any words, gold answers where there are any."""
    return Task(
        name=OWN,
        version=1,
        kind="em",
        load=_file,
        prompt=TRUST_ANSWER,
        profile="strict",
        headline=("trust_score",),
        description="outputs of your own, with or without gold answers; data: --data FILE",
        licence="yours",
    )


def _file(source: str | None = None, split: str = "test") -> Dataset:
    if source is None or source == EMBEDDED:
        raise UsageError(f'task "{OWN}" has no data of its own: name a file with {option("data", "FILE")}')
    return file_dataset(source)
