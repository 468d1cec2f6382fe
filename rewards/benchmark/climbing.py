"""Hill climbing: random edits of honest responses that a reward accepts, and the gain over the honest response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean

from groundeval.rewards.benchmark.answer import Answer
from groundeval.rewards.benchmark.attacks import ATTACKS
from groundeval.rewards.benchmark.candidates import Candidate, Jury
from groundeval.rewards.benchmark.case import Case
from groundeval.rewards.benchmark.table import TOLERANCE
from groundeval.rewards.benchmark.trials import as_output

MOST_PARTS = 40
"""Largest number of parts of a response."""


@dataclass(frozen=True, slots=True)
class Climb:
    """Result of climbing one candidate; gains in units of the reward."""

    name: str
    edits: int
    examples: int
    driven: int
    """Number of examples on which some text scored higher than the honest response."""
    mean_gain: float
    """Mean over all examples of the best text's gain over the honest response, 0 without a gain."""
    most_gain: float
    growth: float
    """Mean length ratio, in words, of the last text to the honest response, over the climbs from honest responses: how
    much can be added without loss."""
    example: str
    honest: str
    honest_value: float
    best: str
    best_value: float
    moves: tuple[str, ...]
    """The attacks with a gain on the way to the best text of `example`."""


@dataclass
class _Climber:
    case: Case
    rng: Random
    start: Answer
    answer: Answer
    honest_value: float
    value: float
    moves: tuple[str, ...] = ()

    def proposal(self) -> tuple[str, Answer] | None:
        """A random edit of the current text; None if the attack drawn does not apply."""
        attack = self.rng.choice(ATTACKS)
        if not attack.applies(self.case):
            return None
        answer = attack.move(self.answer, self.case, self.rng)
        if answer is None or len(answer.parts) > MOST_PARTS:
            return None
        return attack.name, answer


def climb(candidate: Candidate, jury: Jury, edits: int, seed: int = 0) -> Climb | None:
    """Make a number of random edits, spread over all examples; an edit is kept if the reward is no lower.

    Each example has two climbs, one from the honest response and one from an empty one. None if the candidate has no
    value for any honest response.
    """
    climbers = _start(candidate, jury, seed)
    if not climbers:
        return None
    made = 0
    while made < edits:
        proposals = []
        for climber in climbers[: edits - made]:
            found = None
            while found is None:
                found = climber.proposal()
            proposals.append((climber, *found))
        made += len(proposals)
        texts = [(climber.case.name, as_output(answer.rendered(climber.case.kind))) for climber, _, answer in proposals]
        for (climber, name, answer), rewarded in zip(proposals, jury.score(candidate.reward, texts), strict=True):
            value = None if rewarded is None else candidate.value(rewarded)
            if value is not None and value >= climber.value - TOLERANCE:
                # Moves without a gain are kept, since one may prepare the next, but not reported.
                gained = value > climber.value + TOLERANCE
                climber.moves += (name,) if gained else ()
                climber.answer, climber.value = answer, max(value, climber.value)
    return _summary(candidate.name, made, climbers)


def _start(candidate: Candidate, jury: Jury, seed: int) -> list[_Climber]:
    climbers = []
    for begin in ("honest", "nothing"):
        cases = list(jury.cases.values())
        starts = [case.honest if begin == "honest" else Answer(()) for case in cases]
        honest = _values(candidate, jury, cases, [case.honest for case in cases])
        values = _values(candidate, jury, cases, starts)
        climbers += [
            _Climber(case, Random(f"{seed} {case.name} {begin}"), start, start, top, value)
            for case, start, top, value in zip(cases, starts, honest, values, strict=True)
            if top is not None and value is not None
        ]
    return climbers


def _values(candidate: Candidate, jury: Jury, cases: Sequence[Case], answers: Sequence[Answer]) -> list[float | None]:
    texts = [(case.name, as_output(answer.rendered(case.kind))) for case, answer in zip(cases, answers, strict=True)]
    return [None if found is None else candidate.value(found) for found in jury.score(candidate.reward, texts)]


def _summary(name: str, edits: int, climbers: Sequence[_Climber]) -> Climb:
    best: dict[str, _Climber] = {}
    for climber in climbers:
        if climber.case.name not in best or climber.value > best[climber.case.name].value:
            best[climber.case.name] = climber
    gains = [climber.value - climber.honest_value for climber in best.values()]
    top = max(best.values(), key=lambda climber: climber.value - climber.honest_value)
    kind = top.case.kind
    return Climb(
        name=name,
        edits=edits,
        examples=len(best),
        driven=sum(gain > TOLERANCE for gain in gains),
        mean_gain=sum(gain for gain in gains if gain > 0) / len(gains),
        most_gain=max(0.0, *gains),
        growth=fmean(_growth(climber) for climber in climbers if climber.start.parts),
        example=top.case.name,
        honest=top.case.honest.rendered(kind),
        honest_value=top.honest_value,
        best=top.answer.rendered(kind),
        best_value=top.value,
        moves=top.moves,
    )


def _growth(climber: _Climber) -> float:
    kind = climber.case.kind
    return len(climber.answer.rendered(kind).split()) / len(climber.start.rendered(kind).split())
