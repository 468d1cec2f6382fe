"""Responses per CPU second that the text metrics score on one core: everything but NLI and ROUGE."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

from groundeval.bench.damaged_text import damaged
from groundeval.errors import DataError
from groundeval.metrics.gold import with_answers
from groundeval.metrics.profiles import PROFILES
from groundeval.metrics.reading import AnswerKind
from groundeval.parsing.normalize import normalized_alias, normalized_document
from groundeval.parsing.refusal import refusal_score
from groundeval.parsing.statements import sentences
from groundeval.records import Example, Response
from groundeval.scoring.plan import Plan, plan_scoring
from groundeval.scoring.scorer import Scorer
from groundeval.tasks import load_task
from groundeval.tasks.formats.examples import known_fields
from groundeval.tasks.reference import reference_response

CACHES = (normalized_alias, normalized_document, refusal_score, sentences)
LEFT_OUT = ("rouge",)


class Outputs(NamedTuple):
    """A set of outputs for the measurement."""

    task: str
    name: str
    kind: AnswerKind
    answered: Sequence[tuple[Example, str]]


@dataclass(frozen=True, slots=True)
class TextSpeed:
    """The rate for one set of outputs under one profile."""

    name: str
    profile: str
    responses: int
    metrics: tuple[str, ...]
    responses_per_second: float


def measure(name: str, kind: AnswerKind, outputs: Sequence[tuple[Example, str]], repeats: int = 7) -> list[TextSpeed]:
    """The median rate over several passes, for each profile that can score these data.

    Each pass starts with empty caches and includes building the responses. The first pass is not counted: it imports.
    """
    speeds: list[TextSpeed] = []
    derived = [(with_answers(example), output) for example, output in outputs]
    fields = known_fields([example for example, _ in derived])
    for profile in PROFILES.values():
        try:
            plan = _text_metrics(plan_scoring(profile, kind, fields))
        except DataError:
            # The profile cannot score these data, for instance without documents.
            continue
        seconds = [_seconds(plan, derived) for _ in range(repeats + 1)][1:]
        names = tuple(metric.name for metric in plan.metrics)
        speeds.append(TextSpeed(name, profile.name, len(outputs), names, len(outputs) / median(seconds)))
    return speeds


def overall(speeds: Sequence[TextSpeed]) -> float:
    """Responses per second when every response is scored under all measured profiles."""
    names = dict.fromkeys(speed.name for speed in speeds)
    seconds = sum(speed.responses / speed.responses_per_second for speed in speeds)
    responses = sum(next(s.responses for s in speeds if s.name == name) for name in names)
    return responses / seconds


def _text_metrics(plan: Plan) -> Plan:
    kept = [
        metric
        for metric in plan.metrics
        if not metric.asks_nli(plan.kind) and metric.name not in LEFT_OUT and metric.score
    ]
    return Plan(plan.profile, plan.kind, tuple(kept), ())


def _seconds(plan: Plan, outputs: Sequence[tuple[Example, str]]) -> float:
    for cache in CACHES:
        cache.cache_clear()
    scorer = Scorer(plan)

    async def score_all() -> float:
        # CPU time, which is independent of other load.
        started = time.process_time()
        async for _ in scorer.stream(Response.build(example, output) for example, output in outputs):
            pass
        return time.process_time() - started

    return asyncio.run(score_all())


def embedded_outputs() -> list[Outputs]:
    """Reference responses to the embedded data of three kinds of tasks, and damaged versions of them."""
    measured: list[Outputs] = []
    for name in ("asqa", "qampari", "eli5"):
        task = load_task(name)
        honest = [(each, reference_response(each, task.kind)) for each in task.load("embedded").examples]
        worse = [(example, damaged(output, seed)) for seed, (example, output) in enumerate(honest)]
        measured += [Outputs(name, name, task.kind, honest), Outputs(name, f"{name}, damaged", task.kind, worse)]
    return measured
