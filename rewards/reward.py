"""Definition of a reward: arithmetic on the per-sample values and tables that `score` also reports."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, Literal, Protocol

from groundeval.aio import run_anywhere
from groundeval.errors import DataError, GroundevalError, UsageError, excerpt, option, what_happened
from groundeval.metrics.gold import with_answers
from groundeval.metrics.metric import METRICS, Entailment, Values, code_of_metrics
from groundeval.metrics.profiles import profile_named
from groundeval.metrics.reading import AnswerKind
from groundeval.nli import connect
from groundeval.records import Example, Response, Status
from groundeval.scoring.plan import Plan, plan_scoring
from groundeval.scoring.scorer import ScoredSample, Scorer
from groundeval.tasks.formats.examples import known_fields

Line = Mapping[str, Any]
"""A line of `scores.jsonl`: `id`, `status`, `values`, and tables such as `ground` or `statements`."""

Components = dict[str, float | None]
"""The unweighted parts of a reward by name; None: the part does not apply to this sample."""


class Formula(Protocol):
    """The arithmetic of a reward: a module-level function or a `functools.partial` of one, so that it pickles."""

    def __call__(self, values: Values, line: Line) -> Components:
        """The parts, with the same names for every sample.

        `values` are the per-sample values, `line` is the whole line with its tables.
        """


@dataclass(frozen=True, slots=True)
class Rewarded:
    """The reward of one response."""

    id: str
    total: float | None
    """None without a reward: the sample failed, or no part with a weight applies to it. Never 0 instead."""
    components: Components
    status: Status
    error: str | None = None
    """The reason for a missing total."""
    line: Line = field(default_factory=dict, repr=False)
    """The line of `scores.jsonl` that the reward was computed from."""

    @property
    def values(self) -> Values:
        """The per-sample values behind the reward."""
        values: Values = self.line.get("values", {})
        return values


@dataclass(frozen=True)
class Reward:
    """A reward for one task: the metrics that it reads, and a formula over their values.

    It holds no open resource and pickles. A recipe sets the first group of fields, `load_reward` the second.
    """

    metrics: tuple[str, ...]
    """Names of metrics (`groundeval list metrics`) whose values the formula reads."""
    formula: Formula
    profile: str
    """The scoring protocol under which the metrics are computed."""
    low: float = 0.0
    high: float = 1.0
    """The totals lie in [low, high]; infinite if unbounded."""
    combine: Literal["sum", "mean"] = "sum"
    """The total: the weighted sum of the parts, or their weighted mean over those that apply to the sample."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """Weights of the parts, 1 by default. A part of weight 0 is logged and does not count."""
    description: str = ""

    name: str = ""
    task: str = ""
    kind: AnswerKind = "em"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)
    """By name, the hash of each recipe behind it that does not ship with groundeval: of a plugin, or of a YAML file."""
    nli: str = "true"
    """The verifier, in the form of `connect`; connected when a metric first needs it."""
    nli_options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.combine == "mean" and min(self.weights.values(), default=1.0) < 0:
            raise UsageError(f'a mean needs weights of 0 or more, not {dict(self.weights)}; for others: combine="sum"')

    @property
    def asks_nli(self) -> bool:
        """Whether its metrics use the NLI model (data without `answers_found` may add pairs in any case)."""
        return any(METRICS.get(name).asks_nli(self.kind) for name in self.metrics)

    @property
    def code_behind(self) -> dict[str, str]:
        """By name, the hash of all code behind the totals that does not ship with groundeval: recipes and metrics."""
        read = [METRICS.get(name) for name in self.metrics]
        metrics = code_of_metrics([*read, *(METRICS.get(name) for metric in read for name in metric.uses)])
        return {**self.code, **{f"metric {name}": code for name, code in metrics.items()}}

    def of(self, line: Line) -> Rewarded:
        """The reward of a line of `scores.jsonl`, recomputed from its values and tables, without the verifier.

        Whatever else the formula raises on a sample is that sample's error. Raises DataError for a line that lacks a
        value which the formula reads.
        """
        status: Status = line["status"]
        if status == "error":
            return Rewarded(line["id"], None, {}, status, line.get("error") or "the sample failed", line)
        try:
            components = self.formula(line["values"], line)
            total = self._total(components, nothing_said=status != "ok")
        except KeyError as error:
            raise DataError(
                f'reward "{self.name}": the scores of sample {line["id"]} lack {error}.\n'
                f"  Score with {option('profiles', self.profile)} and {option('metrics', ','.join(self.metrics))}"
            ) from None
        except GroundevalError:
            raise
        except Exception as error:
            broke = f'the formula of reward "{self.name}" failed: {what_happened(error)}'
            return Rewarded(line["id"], None, {}, "error", broke, line)
        why = None
        if total is None:
            why = "no part of the reward applies to this sample"
            if any(value is not None for value in components.values()):
                why += ", but those of weight 0"
        return Rewarded(line["id"], total, components, status, why, line)

    def _total(self, components: Components, nothing_said: bool) -> float | None:
        # Without text, a part that does not apply counts as 0: an empty output must not evade the reward.
        applying = {name: value or 0.0 for name, value in components.items() if value is not None or nothing_said}
        weights = {name: weight for name in applying if (weight := self.weights.get(name, 1.0))}
        if not weights:
            return None
        total = sum(weight * applying[name] for name, weight in weights.items())
        return float(total if self.combine == "sum" else total / sum(weights.values()))

    async def score(self, responses: Sequence[Response], nli: Entailment | None = None) -> list[Rewarded]:
        """The rewards of responses, in their order; their pairs share the batches of the verifier.

        `nli`: a verifier that replaces the one named by the reward. A failed sample has a status and no total. Raises
        DataError for data that lack a field which the metrics need, BackendError for an unreachable verifier.
        """
        responses = [_with_answers(response) for response in responses]
        scorers: dict[frozenset[str], Scorer] = {}
        chosen: list[Scorer] = []
        for response in responses:
            fields = known_fields((response.example,))
            if fields not in scorers:
                scorers[fields] = self._scorer(fields, nli)
            chosen.append(scorers[fields])
        scored = await _all(chosen, responses)
        return [self.of(each.record()) for each in scored]

    def check_data(self, examples: Iterable[Example]) -> bool:
        """Check that the examples have the fields that the metrics need; returns whether the verifier will be used.

        Raises DataError for the first example that lacks a field, since it would stop `score`.
        """
        plans: dict[frozenset[str], Plan] = {}
        for example in examples:
            fields = known_fields((with_answers(example),))
            if fields not in plans:
                try:
                    plans[fields] = self._plan(fields)
                except DataError as error:
                    what = str(error).partition("\n")[0]
                    raise DataError(
                        f'task {self.task}, example {example.id}: reward "{self.name}": {what}\n'
                        "  Add the field to the data, or take another reward."
                    ) from None
        return any(plan.asks_nli for plan in plans.values())

    def _plan(self, fields: frozenset[str]) -> Plan:
        return plan_scoring(profile_named(self.profile), self.kind, fields, asked=self.metrics)

    def _scorer(self, fields: frozenset[str], nli: Entailment | None) -> Scorer:
        plan = self._plan(fields)
        if plan.asks_nli and nli is None:
            nli = connect(self.nli, **self.nli_options)
        return Scorer(plan, nli)

    def __call__(self, responses: Sequence[Response], nli: Entailment | None = None) -> list[Rewarded]:
        """`score` for synchronous callers, on any thread, with or without a running event loop."""
        return run_anywhere(lambda: self.score(responses, nli))

    @property
    def bounds(self) -> str:
        """The range of the totals, as text."""
        return f"[{_shown(self.low)}, {_shown(self.high)}]"

    def check(self) -> None:
        """Check that the profile and the metrics exist. Raises UserError."""
        profile_named(self.profile)
        for name in self.metrics:
            if not METRICS.get(name).applies(self.profile, self.kind):
                raise DataError(
                    f'reward "{self.name}": metric "{name}" does not exist under profile {self.profile} for tasks of '
                    f'kind "{self.kind}" (task {excerpt(self.task)})'
                )


def _with_answers(response: Response) -> Response:
    example = with_answers(response.example)
    return response if example is response.example else replace(response, example=example)


async def _all(scorers: Sequence[Scorer], responses: Sequence[Response]) -> list[ScoredSample]:
    pairs = list(zip(scorers, responses, strict=True))
    if any(scorer.plan.asks_nli for scorer in scorers):
        return list(await asyncio.gather(*(scorer.score(response) for scorer, response in pairs)))
    # No verifier, nothing to wait for: an asyncio task per sample would cost more than its metrics.
    return [await scorer.score(response) for scorer, response in pairs]


def _shown(bound: float) -> str:
    return {inf: "∞", -inf: "-∞"}.get(bound, f"{bound:g}")
