"""The parts of a reward as reward functions of their own, for TRL's normalisation of each (`normalize_then_sum`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from groundeval.aio import run_anywhere
from groundeval.errors import UsageError
from groundeval.rewards.adapters.trl import TRLReward
from groundeval.rewards.registry import title_of
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rewarder


class Part(NamedTuple):
    """How a part counts in the total."""

    weight: float
    summed: bool
    """Whether it counts as 0 where it does not apply; in a mean it is left out there."""


def parts_of(rewarder: Rewarder, tasks: Sequence[str]) -> dict[str, Part]:
    """The parts of the rewards for these tasks that have a weight, by name.

    Raises UsageError for a part whose weight differs between the tasks, and for rewards without weighted parts.
    """
    several = list(rewarder.weights.values()) != [1.0]
    named = run_anywhere(lambda: rewarder.parts(tasks))
    found: dict[str, Part] = {}
    for task in tasks:
        for (reference, weight), reward in zip(rewarder.weights.items(), rewarder.bound(task), strict=True):
            prefix = f"{title_of(reference)}/" if several else ""
            for name in named:
                if name.startswith(prefix):
                    own = reward.weights.get(name.removeprefix(prefix), 1.0)
                    part = Part(weight * own, reward.combine == "sum")
                    if found.setdefault(name, part) != part:
                        raise UsageError(
                            f'reward "{rewarder.name}": part {name} counts differently for task {task} than for '
                            f"{tasks[0]}, so that its parts cannot be normalised by themselves"
                        )
    weighted = {name: part for name, part in found.items() if part.weight}
    if not weighted:
        raise UsageError(f'reward "{rewarder.name}" has no part with a weight')
    return weighted


class RewardPart:
    """One part of a reward as TRL calls it: its values, None for a failed sample."""

    def __init__(self, name: str, part: Part, batch: SharedBatch) -> None:
        self.name = name
        self.part = part
        self.batch = batch
        self.__name__ = f"{batch.whole.__name__}/{name}"

    async def __call__(self, *batch: Any, **columns: Any) -> list[float | None]:
        """The values of a batch of completions."""
        return [self._value(each) for each in await self.batch.rewarded(*batch, **columns)]

    def _value(self, rewarded: Rewarded) -> float | None:
        if rewarded.total is None:
            return None
        value = rewarded.components.get(self.name)
        # Without text, a part that does not apply counts as 0 in a mean, too.
        return 0.0 if value is None and (self.part.summed or rewarded.status != "ok") else value


class SharedBatch:
    """Scores a batch once for all of its parts, which TRL calls together and each with the same arguments."""

    def __init__(self, whole: TRLReward, tasks: Sequence[str]) -> None:
        self.whole = whole
        self.parts = parts_of(whole.rewarder, tasks)
        self.functions = [RewardPart(name, part, self) for name, part in self.parts.items()]
        self.weights = [part.weight for part in self.parts.values()]
        self._scoring: asyncio.Future[list[Rewarded]] | None = None
        self._to_come = 0

    async def rewarded(self, *batch: Any, **columns: Any) -> list[Rewarded]:
        """The rewards of a batch; the first call scores it, one for each other part waits for that."""
        if self._scoring is None or not self._to_come:
            self._scoring = asyncio.ensure_future(self.whole.rewarded(*batch, **columns))
            self._to_come = len(self.functions)
        self._to_come -= 1
        return await self._scoring
