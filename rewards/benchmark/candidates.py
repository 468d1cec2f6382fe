"""The candidates under test: rewards, and their single parts."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from groundeval.aio import run_anywhere
from groundeval.errors import DataError, UsageError, unknown
from groundeval.nli import NLI
from groundeval.records import Example, Response
from groundeval.rewards.benchmark.case import Case
from groundeval.rewards.registry import REWARDS, load_reward
from groundeval.rewards.reward import Reward, Rewarded
from groundeval.tasks import Task

Text = tuple[str, str]
"""The name of a case, and an output for it."""

BATCH = 2_048
"""Responses scored concurrently, whose pairs the verifier gets together."""

LEFT_OUT = ("default",)
"""Rewards that are aliases of others."""

PARTS = {
    "alce": ("correctness", "citation"),
    "trust": ("correctness", "refusal", "citation"),
}
"""Parts of rewards that are separate candidates in the default table."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reward, or one part or per-sample value of it: `trust`, `trust.citation`, `my_rewards.py:mine`."""

    name: str
    reward: str
    part: str | None = None

    def value(self, rewarded: Rewarded) -> float | None:
        """Its value for one response; None if it has none. Raises UsageError for an unknown part."""
        if self.part is None:
            return rewarded.total
        if rewarded.status == "error":
            return None
        if self.part in rewarded.components:
            return rewarded.components[self.part]
        if self.part in rewarded.values:
            return rewarded.values[self.part]
        known = {*rewarded.components, *rewarded.values}
        raise unknown(f'part of reward "{self.reward}"', self.part, known)


def candidates_named(names: Sequence[str]) -> tuple[Candidate, ...]:
    """The candidates with these names; without names, all registered rewards and the parts of the published ones."""
    if names:
        return tuple(map(_candidate, names))
    found: list[Candidate] = []
    for name in REWARDS.names():
        if name not in LEFT_OUT:
            found.append(Candidate(name, name))
            found += [Candidate(f"{name}.{part}", name, part) for part in PARTS.get(name, ())]
    return tuple(found)


def _candidate(name: str) -> Candidate:
    reward, dot, part = name.rpartition(".")
    if dot and reward in REWARDS:
        return Candidate(name, reward, part)
    return Candidate(name, name)


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of scoring with one reward."""

    responses: int
    seconds: float
    asked: int
    """Pairs given to the verifier."""
    unique: int
    """Distinct pairs among them."""
    cached: int
    """Distinct pairs already known from rewards scored before."""

    @property
    def per_second(self) -> float:
        """Rewards per second, the verifier's time included."""
        return self.responses / self.seconds if self.seconds else 0.0

    @property
    def pairs_per_response(self) -> float:
        """Pairs given to the verifier per response."""
        return self.asked / self.responses if self.responses else 0.0

    @property
    def repeated(self) -> float:
        """Share of the pairs that the same reward had asked before, in [0, 1]."""
        return 1 - self.unique / self.asked if self.asked else 0.0

    @property
    def known(self) -> float:
        """Share of the distinct pairs already known from other rewards, in [0, 1]."""
        return self.cached / self.unique if self.unique else 0.0


@dataclass
class Jury:
    """Scores texts with rewards, each bound to the tasks that the cases come from."""

    tasks: dict[str, Task]
    cases: dict[str, Case]
    nli: NLI
    _bound: dict[tuple[str, str], Reward | None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)

    def reward(self, name: str, task: str) -> Reward | None:
        """A reward bound to a task; None, with a note, if it cannot be computed for this task's data."""
        if (name, task) not in self._bound:
            try:
                self._bound[name, task] = load_reward(name, self.tasks[task])
            except DataError as error:
                self._bound[name, task] = None
                self.notes.setdefault(str(error))
        return self._bound[name, task]

    def check(self, candidates: Iterable[Candidate]) -> None:
        """Raises UserError for wrong names, before anything is compared."""
        for candidate in candidates:
            bound = [self.reward(candidate.reward, task) for task in self.tasks]
            if not any(bound):
                raise UsageError(f'reward "{candidate.reward}" applies to none of the tasks {", ".join(self.tasks)}')
            if candidate.part is not None:  # the parts of a reward are known only from its results
                for found in self.score(candidate.reward, [(name, "") for name in self.cases][:1]):
                    if found is not None:
                        candidate.value(found)

    def score(self, reward: str, texts: Sequence[Text], nli: NLI | None = None) -> list[Rewarded | None]:
        """Scores of outputs by a reward, in their order; None for tasks that it does not apply to."""
        found: list[Rewarded | None] = [None] * len(texts)
        by_task: dict[str, list[int]] = {}
        for place, (case, _) in enumerate(texts):
            by_task.setdefault(self.cases[case].task, []).append(place)
        for task, places in by_task.items():
            bound = self.reward(reward, task)
            if bound is None:
                continue
            for start in range(0, len(places), BATCH):
                chunk = places[start : start + BATCH]
                responses = [Response.build(self._example(texts[place][0]), texts[place][1]) for place in chunk]
                for place, rewarded in zip(chunk, self._rewarded(bound, responses, nli), strict=True):
                    found[place] = rewarded
        return found

    def _example(self, case: str) -> Example:
        return self.cases[case].example

    def _rewarded(self, reward: Reward, responses: Sequence[Response], nli: NLI | None) -> list[Rewarded]:
        return run_anywhere(lambda: reward.score(responses, nli or self.nli))

    def timed(self, reward: str, texts: Sequence[Text]) -> tuple[list[Rewarded | None], Cost]:
        """`score`, with its cost."""
        scope = self.nli.scope()
        started = time.perf_counter()
        found = self.score(reward, texts, scope)
        seconds = time.perf_counter() - started
        stats = scope.stats
        return found, Cost(len(texts), seconds, stats.asked, stats.unique, stats.cached)
