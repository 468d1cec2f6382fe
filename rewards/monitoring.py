"""Figures to watch during training: flat groups, abstentions, parts, verifier cost, and signs of a gamed reward."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from statistics import fmean, pstdev
from typing import Any

from groundeval.metrics.profiles import profile_named
from groundeval.metrics.reading import Reading
from groundeval.nli import NLI
from groundeval.records import Response
from groundeval.rewards.reward import Reward, Rewarded

Group = Sequence[Rewarded]
"""The rewards of all completions of one prompt."""


def groups_of(rewarded: Sequence[Rewarded], keys: Sequence[Any]) -> list[Group]:
    """Groups of adjacent rewards with equal keys: trainers place the completions of one prompt next to each other."""
    pairs = groupby(zip(keys, rewarded, strict=True), key=lambda pair: pair[0])
    return [[each for _, each in members] for _, members in pairs]


def is_flat(group: Group) -> bool:
    """Whether all rewards of the group are equal (missing ones left aside), so that it gives no gradient."""
    totals = {each.total for each in group if each.total is not None}
    return len(group) > 1 and len(totals) <= 1


def flattened_by(group: Group, spread: Mapping[str, float]) -> tuple[str, ...]:
    """The parts of the reward that leave a flat group flat.

    - Parts that differ between the completions although the totals are equal: they cancel each other out.
    - Else a gate: the last part that applies, if the parts after it apply to no completion of the group.
    - Else the part that varies most elsewhere in the batch (`spread`).

    Empty if no completion has a reward.
    """
    scored = [each.components for each in group if each.total is not None]
    if not scored:
        return ()
    names = list(scored[0])
    differing = tuple(name for name in names if len({parts.get(name) for parts in scored}) > 1)
    if differing:
        return differing
    applying = [name for name in names if scored[0][name] is not None]
    if not applying:
        return ()
    if len(applying) < len(names) and names.index(applying[-1]) == len(applying) - 1:
        return (applying[-1],)
    return (max(applying, key=lambda name: spread.get(name, 0.0)),)


def spread_of_parts(rewarded: Sequence[Rewarded]) -> dict[str, float]:
    """Standard deviation of every part over the completions it applies to."""
    return {name: pstdev(values) for name, values in _parts(rewarded).items()}


def group_figures(rewarded: Sequence[Rewarded], keys: Sequence[Any]) -> dict[str, float]:
    """Figures of a batch: shares are in [0, 1].

    `abstained`: completions without a reward. `component/PART`: mean over the completions it applies to. `flat_groups`:
    groups with no variance; `flat_by/PART`: flat groups that this part left flat.
    """
    figures = {"abstained": fmean(each.total is None for each in rewarded)}
    figures |= {f"component/{name}": fmean(values) for name, values in _parts(rewarded).items()}
    groups, spread = groups_of(rewarded, keys), spread_of_parts(rewarded)
    flat = [group for group in groups if is_flat(group)]
    figures["flat_groups"] = len(flat) / len(groups)
    blamed = [flattened_by(group, spread) for group in flat]
    for name in dict.fromkeys(name for names in blamed for name in names):
        figures[f"flat_by/{name}"] = fmean(name in names for names in blamed)
    return figures


def _parts(rewarded: Sequence[Rewarded]) -> dict[str, list[float]]:
    parts: dict[str, list[float]] = {}
    for each in rewarded:
        for name, value in each.components.items():
            if value is not None:
                parts.setdefault(name, []).append(value)
    return parts


def style_of(response: Response, reward: Reward) -> dict[str, float]:
    """Figures that gamed rewards tend to shift: words of the answer, statements, citations per statement, refusals."""
    reading = Reading(response, profile_named(reward.profile), reward.kind)
    statements = reading.statements
    cited = sum(len(statement.citations) for statement in statements)
    return {
        "words": float(len(reading.plain.split())),
        "statements": float(len(statements)),
        "citations_per_statement": cited / len(statements) if statements else 0.0,
        "refused": float(reading.refused),
    }


@dataclass(frozen=True, slots=True)
class Alarm:
    """The training reward rises while the held-out score falls: the reward is being gamed, or the policy overfits."""

    training_change: float
    held_out_change: float


def hacking_alarm(
    training: Sequence[float], held_out: Sequence[float], *, window: int = 6, rise: float = 0.0, fall: float = 0.02
) -> Alarm | None:
    """The alarm if the training reward rose by more than `rise` while the held-out score fell by more than `fall`.

    The change of a series is the mean of the later half of its last `window` values minus that of the earlier half.
    The held-out score should be hard to game (profile `strict`) and come from prompts outside the training data. None
    without an alarm, or if either series is shorter than the window.
    """
    if min(len(training), len(held_out)) < window or window < 2:
        return None
    changes = [_change(series[-window:]) for series in (training, held_out)]
    return Alarm(*changes) if changes[0] > rise and changes[1] < -fall else None


def _change(values: Sequence[float]) -> float:
    half = len(values) // 2
    return fmean(values[-half:]) - fmean(values[:half])


@dataclass
class Step:
    """One call of a reward: the counters of its verifier, and its duration."""

    nli: NLI | None
    seconds: float = 0.0
    _begun: float = field(default_factory=time.monotonic, repr=False)

    def figures(self) -> dict[str, float]:
        """Seconds of the step, and its numbers of pairs: asked, unique, computed by the verifier, and failed."""
        stats = self.nli.stats.as_dict() if self.nli is not None else {}
        pairs = {f"nli/{name}": float(stats.get(name, 0)) for name in ("asked", "unique", "computed", "failed")}
        return {"seconds": self.seconds, **pairs}


@contextmanager
def measured(nli: NLI | None) -> Iterator[Step]:
    """A step whose pairs go through `step.nli`, a scope of the verifier with its own counters."""
    step = Step(None if nli is None else nli.scope())
    try:
        yield step
    finally:
        step.seconds = time.monotonic() - step._begun
