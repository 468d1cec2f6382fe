"""The core under all adapters: rollouts of any tasks in, rewards out, asked of one verifier in common batches."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

from groundeval.aio import run_anywhere
from groundeval.errors import UsageError, UserError, excerpt
from groundeval.metrics.metric import Entailment
from groundeval.nli import NLI, connect
from groundeval.records import Response
from groundeval.rewards.columns import example_of
from groundeval.rewards.registry import RewardSpec
from groundeval.rewards.reward import Reward, Rewarded


class Rollout(NamedTuple):
    """What a trainer knows of one completion."""

    task: str
    example: str
    """The column `example`: JSON."""
    text: str
    """The text after the rendered prompt, every tag kept."""
    prefill: str = ""
    """What the chat template had begun for the model."""
    finish_reason: str | None = None

    def response(self) -> Response:
        """The response as evaluation builds it. Raises DataError for a wrong `example`."""
        return Response.build(
            example_of(self.example), self.text, prefill=self.prefill, finish_reason=self.finish_reason
        )


@dataclass(frozen=True)
class Rewarder:
    """One reward, or several with weights, for rollouts of any tasks. It pickles; the verifier is connected when used.

    With several, the total is the weighted sum of theirs, None if one of them is, and parts are called `reward/part`.
    """

    terms: tuple[tuple[RewardSpec, float], ...]

    @classmethod
    def of(
        cls,
        rewards: str | Mapping[str, float],
        *,
        nli: str = "true",
        nli_options: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Rewarder:
        """From the name of a reward, or names with weights.

        `parameters` are those of the reward; with several rewards, a mapping from names to those of each. Raises
        UsageError for what does not exist.
        """
        options, given = dict(nli_options or {}), dict(parameters or {})
        if isinstance(rewards, str):
            return cls(((RewardSpec(rewards, given, nli, options), 1.0),))
        if not rewards:
            raise UsageError("rewards: name at least one")
        for name, weight in rewards.items():
            if not isinstance(weight, int | float) or not isfinite(weight):
                raise UsageError(f'weight of reward "{name}": {excerpt(weight)}; must be a finite number')
        for name in given:
            if name not in rewards:
                raise UsageError(f'parameters of "{name}": no such reward here; there are: {", ".join(rewards)}')
        return cls(tuple((RewardSpec(name, given.get(name, {}), nli, options), w) for name, w in rewards.items()))

    @property
    def name(self) -> str:
        """The same in every process: the reward's name, or several joined by `+`."""
        return "+".join(spec.title for spec, _ in self.terms)

    def for_task(self, task: str) -> Reward:
        """The first of the rewards, bound to a task."""
        return self.terms[0][0].for_task(task)

    def fitting(self, tasks: Iterable[str]) -> list[str]:
        """Those of the tasks that the rewards can judge. Raises UsageError, which says why not, if there are none."""
        found, reasons = [], dict[str, str]()
        for task in tasks:
            try:
                self._bind(task)
            except UserError as error:
                reasons.setdefault(str(error), task)
            else:
                found.append(task)
        if not found:
            lines = "".join(f"\n  {task}: {reason}" for reason, task in list(reasons.items())[:3])
            raise UsageError(f'reward "{self.name}" can judge none of the registered tasks:{lines}')
        return found

    def check_task(self, task: str) -> None:
        """Find out whether the rewards can judge a task. Raises UsageError, which says why not."""
        try:
            self._bind(task)
        except UserError as error:
            raise UsageError(f'reward "{self.name}" cannot judge task "{task}": {error}') from error

    def _bind(self, task: str) -> None:
        for spec, _ in self.terms:
            spec.for_task(task)

    def verifier(self, tasks: Iterable[str]) -> NLI | None:
        """The verifier's handle in this process, not yet loaded; None if no reward asks one about these tasks."""
        spec = self.terms[0][0]
        asks = any(term.for_task(task).asks_nli for task in dict.fromkeys(tasks) for term, _ in self.terms)
        return connect(spec.nli, **spec.nli_options) if asks else None

    async def score(self, rollouts: Sequence[Rollout], nli: Entailment | None = None) -> list[Rewarded]:
        """The rewards of rollouts, in their order. Raises as `Reward.score` does."""
        responses = [rollout.response() for rollout in rollouts]
        tasks = [rollout.task for rollout in rollouts]
        columns = await asyncio.gather(*(spec.score(responses, tasks, nli) for spec, _ in self.terms))
        if len(self.terms) == 1 and self.terms[0][1] == 1.0:
            return columns[0]
        return [self._sum(each) for each in zip(*columns, strict=True)]

    def __call__(self, rollouts: Sequence[Rollout], nli: Entailment | None = None) -> list[Rewarded]:
        """`score` for callers that do not await, on any thread."""
        return run_anywhere(lambda: self.score(rollouts, nli))

    def _sum(self, parts: Sequence[Rewarded]) -> Rewarded:
        first, errors = parts[0], [each.error for each in parts if each.error is not None]
        failed = next((each.status for each in parts if each.status == "error"), first.status)
        components = {
            f"{spec.title}/{name}": value
            for (spec, _), each in zip(self.terms, parts, strict=True)
            for name, value in each.components.items()
        }
        totals = [each.total for each in parts]
        weights = [weight for _, weight in self.terms]
        total = None
        if None not in totals:
            total = float(sum(weight * (each or 0.0) for weight, each in zip(weights, totals, strict=True)))
        return Rewarded(first.id, total, components, failed, "; ".join(errors) or None, first.line)
