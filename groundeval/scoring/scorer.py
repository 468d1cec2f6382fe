"""Scoring: choosing metrics, scoring samples concurrently, and aggregating their values."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

import numpy as np

from groundeval.errors import (
    DataError,
    GroundevalError,
    SampleError,
    UsageError,
    excerpt,
    option,
    unknown,
    what_happened,
)
from groundeval.metrics.gold import needs_answers_found, with_answers_found
from groundeval.metrics.metric import METRICS, Context, Entailment, Metric, Models, Values
from groundeval.metrics.profiles import Profile
from groundeval.metrics.reading import AnswerKind
from groundeval.records import Response, Status
from groundeval.stats.bootstrap import Aggregate, Array, Estimate
from groundeval.storage.scores import LARGEST

IN_FLIGHT = 2_048
"""Samples that wait for NLI verdicts at the same time."""
SECONDS_BETWEEN_LOOKS = 0.5
"""Longest wait for a finished sample, in seconds, before `stream` yields an empty list."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The metrics to compute for a set of samples, and notes on those left out."""

    profile: Profile
    kind: AnswerKind
    metrics: tuple[Metric, ...]
    reported: tuple[str, ...]
    """The keys that are reported, in order."""
    notes: tuple[str, ...] = ()
    cot: bool = False
    derives_answers_found: bool = False
    """Whether `answers_found` is computed because the data lacks it."""
    rewards: tuple[Mapping[str, Any], ...] = ()
    """Identities of the rewards among the metrics: everything that determines their totals."""

    def and_also(self, metrics: Sequence[Metric], rewards: Sequence[Mapping[str, Any]]) -> Plan:
        """The plan with rewards added, each in the form of a metric."""
        keys = [key for metric in metrics for key in _keys(metric)]
        return replace(
            self,
            metrics=(*self.metrics, *metrics),
            reported=(*self.reported, *keys),
            rewards=(*self.rewards, *rewards),
        )

    @property
    def asks_nli(self) -> bool:
        """Whether scoring calls the NLI model."""
        derives = self.derives_answers_found and self.kind == "claims"
        return derives or any(metric.asks_nli(self.kind) for metric in self.metrics)

    @property
    def aggregates(self) -> dict[str, Aggregate]:
        """The reported keys that are functions of the per-sample table."""
        known = {key: value for metric in self.metrics for key, value in metric.aggregates.items()}
        return {key: known[key] for key in self.reported if key in known}

    @property
    def columns(self) -> tuple[str, ...]:
        """The per-sample columns of all metrics."""
        return tuple(dict.fromkeys(column for metric in self.metrics for column in metric.columns))


def plan_scoring(
    profile: Profile,
    kind: AnswerKind,
    fields: frozenset[str],
    *,
    asked: Sequence[str] = (),
    task_metrics: Sequence[str] | None = None,
    cot: bool = False,
) -> Plan:
    """Choose the metrics for a task under a profile.

    `fields` are the fields that the examples have. `asked` names metrics or keys (`default` means the defaults);
    without it, `task_metrics` or all default metrics are taken. A metric whose fields are missing is left out with a
    note. Raises DataError if such a metric was named in `asked`, UsageError for an unknown name.
    """
    possible = {name: metric for name, metric in METRICS.items() if metric.applies(profile.name, kind)}
    stand_ins = _stand_ins(possible, fields)
    idle = {name for name, metric in possible.items() if metric.instead_of} - {*stand_ins.values()} | stand_ins.keys()
    # A plugin's metric is computed only where `asked` or the task names it, so that other tasks' results do not change.
    own = [name for name, metric in possible.items() if metric.default and METRICS.ships(name)]
    usual = own if task_metrics is None else task_metrics
    defaults = [name for name in usual if name in possible and name not in idle]
    chosen: list[str] = []
    keys: list[str] = []
    by_name: set[str] = set()
    for name in asked or ("default",):
        if name == "default":
            chosen += defaults
            keys += [key for each in defaults for key in _keys(possible[each])]
            continue
        # The name means the metric called so, before any other that reports a key of that name.
        found = [name] if name in possible else [each for each, metric in possible.items() if name in _keys(metric)]
        found = [each for each in found if each not in idle] or found
        if not found:
            raise _unknown_metric(name, profile, kind, possible)
        chosen += found
        by_name |= set(found)
        keys += _keys(possible[name]) if name in possible else [name]
    notes: list[str] = []
    lacking: dict[tuple[str, ...], list[str]] = {}
    dropped: set[str] = set()
    for name in dict.fromkeys(chosen):
        missing = [need for need in possible[name].needs if need not in fields]
        if missing and name in by_name:
            raise DataError(
                f'metric "{name}" needs the field {_listed(missing)}, which the data does not have.\n'
                f"  Add it to every record, or leave the metric out of {option('metrics')}."
            )
        if missing:
            dropped.add(name)
        if missing and kind not in possible[name].bonus_for:
            lacking.setdefault(tuple(missing), []).append(name)
    notes += _left_out(lacking)
    kept = _with_what_they_use([name for name in dict.fromkeys(chosen) if name not in dropped], possible, stand_ins)
    reported = [key for key in dict.fromkeys(keys) if any(key in _keys(possible[name]) for name in kept)]
    if not reported:
        raise DataError("nothing can be scored:\n  " + "\n  ".join(notes or ["no metric was asked for"]))
    derives = "answers_found" not in fields and any({"docs", "answers"} <= set(possible[name].needs) for name in kept)
    if derives:
        how = "the document entails the claim" if kind == "claims" else "an alias is present in the document's text"
        notes.append(f'"answers_found" is missing in the data and was computed: {how}')
    return Plan(profile, kind, tuple(possible[name] for name in kept), tuple(reported), tuple(notes), cot, derives)


def _stand_ins(possible: Mapping[str, Metric], fields: frozenset[str]) -> dict[str, str]:
    """Metrics whose fields the data lacks, each with the metric that is computed in its place."""
    found: dict[str, str] = {}
    for name, metric in possible.items():
        replaced = possible.get(metric.instead_of or "")
        if replaced and fields.issuperset(metric.needs) and not fields.issuperset(replaced.needs):
            found[replaced.name] = name
    return found


def _left_out(lacking: Mapping[tuple[str, ...], Sequence[str]]) -> list[str]:
    """One note, or none, on the metrics for which the data lacks fields: by the fields, the metrics."""
    if len(lacking) > 1:
        parts = (f"{_listed(names)} (the data has no {_listed(missing)})" for missing, names in lacking.items())
        return [f"metrics left out: {', '.join(parts)}"]
    return [
        f"metric{'s' if len(names) > 1 else ''} {_listed(names)} left out: the data has no {_listed(missing)}"
        for missing, names in lacking.items()
    ]


def every_field() -> frozenset[str]:
    """All fields that some metric needs: a plan for them finds wrong names before any data is read."""
    return frozenset(need for _, metric in METRICS.items() for need in metric.needs) | {"docs", "answers"}


def _keys(metric: Metric) -> list[str]:
    return [metric.name] if metric.corpus else list(metric.aggregates)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _unknown_metric(name: str, profile: Profile, kind: AnswerKind, possible: Mapping[str, Metric]) -> UsageError:
    elsewhere = [
        metric for each, metric in METRICS.items() if each not in possible and (name == each or name in _keys(metric))
    ]
    if elsewhere:
        under = sorted({p for metric in elsewhere for p in metric.profiles or ()})
        kinds = sorted({k for metric in elsewhere for k in metric.kinds or ()})
        return UsageError(
            f'metric "{name}" does not exist under profile {profile.name} for tasks of kind "{kind}".\n'
            f"  It belongs to the profiles {', '.join(under) or '(all)'} and the kinds {', '.join(kinds) or '(all)'}."
        )
    return unknown("metric", name, {"default", *possible, *(key for m in possible.values() for key in _keys(m))})


def _with_what_they_use(
    names: Sequence[str], possible: Mapping[str, Metric], stand_ins: Mapping[str, str]
) -> list[str]:
    ordered: dict[str, None] = {}
    for name in names:
        for used in possible[name].uses:
            ordered.setdefault(stand_ins.get(used, used))
        ordered.setdefault(name)
    return list(ordered)


@dataclass(frozen=True, slots=True, repr=False)
class ScoredSample:
    """Per-sample result: values as fractions, and the evidence behind them."""

    id: str
    status: Status
    values: Values
    evidence: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> ScoredSample:
        """The sample of a line of `scores.jsonl`."""
        known = ("id", "status", "values", "error", "sample_sha256")
        evidence = {name: value for name, value in record.items() if name not in known}
        return cls(record["id"], record["status"], record["values"], evidence, record.get("error"))

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        """The pairs that the NLI model judged for this sample, with its verdicts."""
        found: list[dict[str, Any]] = self.evidence.get("verdicts", [])
        return found

    def __repr__(self) -> str:
        shown = ", ".join(f"{key}={value:.3g}" for key, value in self.values.items() if value is not None)
        return f"ScoredSample({excerpt(self.id, 40)}, {self.status}, {shown if len(shown) < 80 else shown[:79] + '…'})"

    def record(self) -> dict[str, Any]:
        """The line of `scores.jsonl`."""
        line: dict[str, Any] = {"id": self.id, "status": self.status, "values": self.values, **self.evidence}
        return line if self.error is None else {**line, "error": self.error}


def _checked(values: Values) -> Values:
    """The values as Python's own numbers. Raises SampleError for one that could not be averaged."""
    for key, value in values.items():
        if value is not None and not (isinstance(value, Real) and abs(value) <= LARGEST):
            raise SampleError(f'the metric behind "{key}" gives {excerpt(value)}: must be a finite number or None')
        if value is not None and type(value) not in (int, float, bool):
            values[key] = float(value)
    return values


@dataclass(frozen=True, slots=True)
class Scorer:
    """Scores responses according to a plan."""

    plan: Plan
    nli: Entailment | None = None
    models: Models | None = None

    async def score(self, response: Response) -> ScoredSample:
        """Score one response. A failed sample gets no values; an error in scoring is recorded, not raised.

        Whatever a metric raises on a text is that sample's error. Failed backends and user errors, which concern all
        samples, are raised.
        """
        example = response.example
        if response.status == "error":
            return ScoredSample(example.id, "error", {}, error=response.finish_reason)
        ctx = Context(self.plan.profile, self.plan.kind, self.nli, self.models, self.plan.cot)
        try:
            if self.plan.derives_answers_found and needs_answers_found(example):
                response = replace(response, example=await with_answers_found(example, ctx))
            values = _checked(await self._values(response, ctx))
        except SampleError as error:
            return ScoredSample(example.id, "error", {}, error=str(error))
        except GroundevalError:
            raise
        except Exception as error:
            return ScoredSample(example.id, "error", {}, error=f"scoring failed: {what_happened(error)}")
        verdicts = ctx.evidence.get("verdicts")
        if verdicts:
            verdicts.sort(key=lambda verdict: (str(verdict["premise"]), verdict["hypothesis"]))
        return ScoredSample(example.id, response.status, values, ctx.evidence)

    async def _values(self, response: Response, ctx: Context) -> Values:
        values: Values = {}
        waiting = []
        for metric in self.plan.metrics:
            if metric.score is None:
                continue
            result = metric.score(response, ctx)
            if inspect.isawaitable(result):
                waiting.append(result)
            else:
                values.update(result)
        # With at most one coroutine there is nothing to run concurrently, and a task costs more than the metric.
        parts = await asyncio.gather(*waiting) if len(waiting) > 1 else [await each for each in waiting]
        for part in parts:
            values.update(part)
        return values

    async def stream(
        self, responses: Iterable[Response], in_flight: int = IN_FLIGHT
    ) -> AsyncGenerator[list[tuple[Response, ScoredSample]], None]:
        """Score responses, at most `in_flight` at once; yield them with their results as they finish.

        Each list holds the samples finished since the last. It is empty after half a second without one, so that the
        caller regains control even while the verifier is slow.
        """
        if not self.plan.asks_nli:
            for response in responses:
                yield [(response, await self.score(response))]
            return
        flight = _Flight()
        coming, more = iter(responses), True
        try:
            while more or flight:
                until = time.monotonic() + SECONDS_BETWEEN_LOOKS
                while more and len(flight.waiting) < in_flight and not flight.landed and time.monotonic() < until:
                    following = next(coming, None)
                    more = following is not None
                    if following is not None:
                        flight.add(following, self.score(following))
                        # Lets the samples begin: those that need no verdict finish before more are taken.
                        await asyncio.sleep(0)
                await flight.landing(until - time.monotonic())
                yield flight.take()
        finally:
            await flight.give_up()


class _Flight:
    """Samples being scored, and those done, in order of completion."""

    def __init__(self) -> None:
        self.waiting: set[asyncio.Task[ScoredSample]] = set()
        self.landed: deque[tuple[Response, asyncio.Task[ScoredSample]]] = deque()
        self._news = asyncio.Event()

    def __bool__(self) -> bool:
        return bool(self.waiting or self.landed)

    def add(self, response: Response, scoring: Coroutine[Any, Any, ScoredSample]) -> None:
        """Start scoring a sample."""

        def done(task: asyncio.Task[ScoredSample]) -> None:
            self.waiting.discard(task)
            self.landed.append((response, task))
            self._news.set()

        task = asyncio.ensure_future(scoring)
        self.waiting.add(task)
        task.add_done_callback(done)

    async def landing(self, seconds: float) -> None:
        """Wait until a sample is done, for at most so many seconds."""
        if not self.landed and self.waiting:
            self._news.clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._news.wait(), max(seconds, 0.0))

    def take(self) -> list[tuple[Response, ScoredSample]]:
        """The finished samples. An error is raised once the samples finished before it have been taken."""
        taken: list[tuple[Response, ScoredSample]] = []
        while self.landed:
            response, task = self.landed[0]
            if taken and task.exception() is not None:
                break
            self.landed.popleft()
            taken.append((response, task.result()))
        return taken

    async def give_up(self) -> None:
        """Cancel the samples in flight and retrieve their errors."""
        rest = [*self.waiting, *(task for _, task in self.landed)]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)


class ScoreTable:
    """The per-sample values of a run, 8 bytes per value."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = tuple(columns)
        self._rows: dict[str, Array] = {}
        self._statuses: dict[str, Status] = {}
        self._errors: dict[str, str] = {}

    def add(self, sample_id: str, status: Status, values: Mapping[str, float | None], error: str | None = None) -> None:
        """Take a sample's values; a failed sample is counted with its error, and has no row."""
        self._statuses[sample_id] = status
        if status == "error" and error:
            self._errors[sample_id] = error
        if status != "error":
            row = [values.get(column) for column in self._columns]
            self._rows[sample_id] = np.array([np.nan if value is None else value for value in row], dtype=np.float64)

    def columns(self, ids: Iterable[str]) -> dict[str, Array]:
        """The values of these samples, in this order, by column; NaN where a value does not apply."""
        rows = [self._rows[each] for each in ids if each in self._rows]
        matrix = np.vstack(rows) if rows else np.empty((0, len(self._columns)))
        return {column: np.ascontiguousarray(matrix[:, index]) for index, column in enumerate(self._columns)}

    def scored(self, ids: Iterable[str]) -> list[str]:
        """The samples, among these, that have values."""
        return [each for each in ids if each in self._rows]

    def first_error(self, ids: Iterable[str]) -> str | None:
        """The first of these samples that failed, with its error in one line."""
        failed = next((each for each in ids if each in self._errors), None)
        return None if failed is None else f"{failed}: {' '.join(self._errors[failed].split())[:300]}"

    def statuses(self, ids: Iterable[str]) -> dict[str, int]:
        """Number of these samples by status."""
        return dict(sorted(Counter(self._statuses[each] for each in ids if each in self._statuses).items()))

    def __contains__(self, sample_id: str) -> bool:
        return sample_id in self._statuses


def corpus_estimates(plan: Plan, responses: Sequence[Response], models: Models | None = None) -> dict[str, Estimate]:
    """The reported keys of metrics over the whole set; they have no interval."""
    scored = [response for response in responses if response.status != "error"]
    estimates: dict[str, Estimate] = {}
    for metric in plan.metrics:
        if metric.corpus is not None:
            context = Context(plan.profile, plan.kind, models=models, cot=plan.cot)
            try:
                values = metric.corpus(scored, context)
            except GroundevalError:
                raise
            except Exception as error:
                raise DataError(
                    f'metric "{metric.name}" over all samples failed: {what_happened(error)}\n'
                    f"  The values of the samples are kept. Leave the metric out of {option('metrics')}."
                ) from error
            estimates |= {key: Estimate(float(value), None, None, len(scored)) for key, value in values.items()}
    return estimates


OVERALL = ("trust_score",)
"""The headline under a profile that has none of the task's own headline keys."""
