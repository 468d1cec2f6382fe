"""Locating gold answers in documents, for data without `answers_found`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from groundeval.aio import run_anywhere
from groundeval.metrics.gold import needs_answers_found, with_answers, with_answers_found
from groundeval.metrics.metric import Context
from groundeval.metrics.profiles import profile_named
from groundeval.nli import connect
from groundeval.records import Example
from groundeval.tasks.task import Task


def with_located_answers(
    task: Task, examples: Sequence[Example], nli: str, nli_options: Mapping[str, Any]
) -> tuple[Example, ...]:
    """The examples with `answers` and `answers_found`, derived as scoring derives them where the data lacks them."""
    complete = [with_answers(example) for example in examples]
    lacking = [example for example in complete if needs_answers_found(example)]
    if not lacking:
        return tuple(complete)
    verifier = connect(nli, **nli_options) if task.kind == "claims" else None
    context = Context(profile_named(task.profile), task.kind, verifier)

    async def located() -> list[Example]:
        return [await with_answers_found(each, context) if needs_answers_found(each) else each for each in complete]

    return tuple(run_anywhere(located))
