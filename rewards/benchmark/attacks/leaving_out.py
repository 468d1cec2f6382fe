"""Family 15: a full answer is better than a part of it, and a part is better than nothing."""

from __future__ import annotations

from random import Random

from groundeval.rewards.benchmark.answer import REFUSED, Draft, Part
from groundeval.rewards.benchmark.attacks.attack import attack, honest_positions
from groundeval.rewards.benchmark.case import Scene


def _needed(draft: Draft, scene: Scene) -> list[int]:
    """Statements without which a gold answer is not stated, where others remain."""
    places = honest_positions(draft)
    if scene.kind == "claims":  # a claim is stated by all of its statements together
        return [place for place in places if scene.states(draft.parts[place])] if len(draft.parts) > 1 else []
    stated = {place: scene.states(draft.parts[place]) for place in places}
    alone = [
        place
        for place in places
        if stated[place] - frozenset().union(*(stated[other] for other in places if other != place))
    ]
    return alone if len(draft.parts) > 1 else []


@attack("15", "a statement left out", keeps=False)
def one_left_out(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """One of several statements with a gold answer is missing."""
    places = _needed(draft, scene)
    if not places:
        return None
    gone = rng.choice(places)
    return draft.having(*(part for place, part in enumerate(draft.parts) if place != gone))


@attack("15", "one statement left", keeps=False)
def one_left(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Of several statements with gold answers only one is left."""
    places = _needed(draft, scene)
    return draft.having(draft.parts[rng.choice(places)]) if len(places) > 1 else None


@attack("15", "nothing, against one statement left", keeps=False, base=one_left)
def nothing_against_a_part(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """An empty answer, compared with a partial one."""
    return Draft(())


@attack("15", "a refusal, against one statement left", keeps=False, base=one_left)
def refusal_against_a_part(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """A refusal, compared with a partial answer."""
    return Draft((REFUSED,))


@attack("15", "something else, against one statement left", keeps=False, base=one_left)
def stranger_against_a_part(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """An answer to another question with the same citation, compared with a partial answer."""
    if not scene.strange_statements or not draft.parts:
        return None
    return draft.having(Part(rng.choice(scene.strange_statements), draft.parts[0].cited))
