"""Scores samples concurrently, each by the metrics of a plan."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any

from groundeval.errors import GroundevalError, SampleError, excerpt, what_happened
from groundeval.metrics.gold import needs_answers_found, with_answers_found
from groundeval.metrics.metric import Context, Entailment, Metric, Models, Values
from groundeval.metrics.strict.settling import settle
from groundeval.records import Response, Status
from groundeval.scoring.plan import Plan
from groundeval.storage.scores import LARGEST

IN_FLIGHT = 2_048
"""Samples that wait for NLI verdicts at the same time."""
SECONDS_BETWEEN_LOOKS = 0.5
"""Longest wait for a finished sample, in seconds, before `stream` yields an empty list."""


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


def _declared(metric: Metric, values: Values) -> Values:
    """The values of a metric. Raises SampleError for a key that it does not declare: nothing would read its value."""
    for key in values:
        if key not in metric.columns:
            declared = ", ".join(map(repr, metric.columns)) or "none"
            raise SampleError(f'metric "{metric.name}" gives {excerpt(key)}, which is not one of its keys: {declared}')
    return values


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
            if self.plan.asks_nli:
                await settle(response, ctx)
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
        waiting: list[Awaitable[Values]] = []
        late: list[Metric] = []
        try:
            for metric in self.plan.metrics:
                result = {} if metric.score is None else metric.score(response, ctx)
                if inspect.isawaitable(result):
                    waiting.append(result)
                    late.append(metric)
                else:
                    values.update(_declared(metric, result))
        except Exception:
            # The sample has failed. Python warns of coroutines that are dropped without having begun.
            for each in waiting:
                if inspect.iscoroutine(each):
                    each.close()
            raise
        # With at most one coroutine there is nothing to run concurrently, and a task costs more than the metric.
        parts = await asyncio.gather(*waiting) if len(waiting) > 1 else [await each for each in waiting]
        for metric, part in zip(late, parts, strict=True):
            values.update(_declared(metric, part))
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
