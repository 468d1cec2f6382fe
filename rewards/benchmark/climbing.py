"""Hill climbing: random edits of honest responses that a reward likes, and how far above them they drive it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean

from groundeval.rewards.benchmark.answer import Draft
from groundeval.rewards.benchmark.attacks import ATTACKS
from groundeval.rewards.benchmark.candidates import Jury, Rival
from groundeval.rewards.benchmark.case import Scene
from groundeval.rewards.benchmark.table import TOLERANCE
from groundeval.rewards.benchmark.trials import as_output

MOST_PARTS = 40
"""Responses do not grow beyond this number of parts."""


@dataclass(frozen=True, slots=True)
class Climb:
    """How far a rival was driven, in units of the reward."""

    name: str
    edits: int
    examples: int
    driven: int
    """Examples on which some text got more than the honest response."""
    mean_gain: float
    """Mean over all examples of what the best text got more than the honest response, 0 where it got no more."""
    most_gain: float
    growth: float
    """Mean, over the climbs from honest responses, of how many times as long as the honest response its last text is,
    in words: what can be written besides at no loss."""
    example: str
    honest: str
    honest_value: float
    best: str
    best_value: float
    moves: tuple[str, ...]
    """The attacks that gained something on the way to the best text of `example`."""


@dataclass
class _Climber:
    scene: Scene
    rng: Random
    start: Draft
    draft: Draft
    honest_value: float
    value: float
    moves: tuple[str, ...] = ()

    def proposal(self) -> tuple[str, Draft] | None:
        """A random edit of the text that was reached, or None if the one that was drawn does not apply."""
        attack = self.rng.choice(ATTACKS)
        if not attack.applies(self.scene):
            return None
        draft = attack.move(self.draft, self.scene, self.rng)
        if draft is None or len(draft.parts) > MOST_PARTS:
            return None
        return attack.name, draft


def climb(rival: Rival, jury: Jury, edits: int, seed: int = 0) -> Climb | None:
    """Make so many random edits, spread over all examples; an edit stays if the rival gives no less for it.

    On each example there are two climbs, one from the honest response and one from nothing at all. None where the rival
    gives no honest response a value.
    """
    climbers = _start(rival, jury, seed)
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
        texts = [(climber.scene.name, as_output(draft.rendered(climber.scene.kind))) for climber, _, draft in proposals]
        for (climber, name, draft), rewarded in zip(proposals, jury.score(rival.reward, texts), strict=True):
            value = None if rewarded is None else rival.value(rewarded)
            if value is not None and value >= climber.value - TOLERANCE:
                # Moves that gain nothing are kept, since one may prepare the next, but not told.
                gained = value > climber.value + TOLERANCE
                climber.moves += (name,) if gained else ()
                climber.draft, climber.value = draft, max(value, climber.value)
    return _summary(rival.name, made, climbers)


def _start(rival: Rival, jury: Jury, seed: int) -> list[_Climber]:
    climbers = []
    for begin in ("honest", "nothing"):
        scenes = list(jury.scenes.values())
        starts = [scene.honest if begin == "honest" else Draft(()) for scene in scenes]
        honest = _values(rival, jury, scenes, [scene.honest for scene in scenes])
        values = _values(rival, jury, scenes, starts)
        climbers += [
            _Climber(scene, Random(f"{seed} {scene.name} {begin}"), start, start, top, value)
            for scene, start, top, value in zip(scenes, starts, honest, values, strict=True)
            if top is not None and value is not None
        ]
    return climbers


def _values(rival: Rival, jury: Jury, scenes: Sequence[Scene], drafts: Sequence[Draft]) -> list[float | None]:
    texts = [(scene.name, as_output(draft.rendered(scene.kind))) for scene, draft in zip(scenes, drafts, strict=True)]
    return [None if found is None else rival.value(found) for found in jury.score(rival.reward, texts)]


def _summary(name: str, edits: int, climbers: Sequence[_Climber]) -> Climb:
    best: dict[str, _Climber] = {}
    for climber in climbers:
        if climber.scene.name not in best or climber.value > best[climber.scene.name].value:
            best[climber.scene.name] = climber
    gains = [climber.value - climber.honest_value for climber in best.values()]
    top = max(best.values(), key=lambda climber: climber.value - climber.honest_value)
    kind = top.scene.kind
    return Climb(
        name=name,
        edits=edits,
        examples=len(best),
        driven=sum(gain > TOLERANCE for gain in gains),
        mean_gain=sum(gain for gain in gains if gain > 0) / len(gains),
        most_gain=max(0.0, *gains),
        growth=fmean(_growth(climber) for climber in climbers if climber.start.parts),
        example=top.scene.name,
        honest=top.scene.honest.rendered(kind),
        honest_value=top.honest_value,
        best=top.draft.rendered(kind),
        best_value=top.value,
        moves=top.moves,
    )


def _growth(climber: _Climber) -> float:
    kind = climber.scene.kind
    return len(climber.draft.rendered(kind).split()) / len(climber.start.rendered(kind).split())
