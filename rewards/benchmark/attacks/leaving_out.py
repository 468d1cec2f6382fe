"""Family 15: a full answer is better than a partial one, and a partial one better than none."""

from __future__ import annotations

from random import Random

from groundeval.rewards.benchmark.answer import REFUSED, Answer, Part
from groundeval.rewards.benchmark.attacks.attack import attack, honest_positions
from groundeval.rewards.benchmark.case import Case


def _needed(answer: Answer, case: Case) -> list[int]:
    """Statements without which a gold answer is not stated, if others remain."""
    places = honest_positions(answer)
    if case.kind == "claims":  # a claim is stated by all of its statements together
        return [place for place in places if case.states(answer.parts[place])] if len(answer.parts) > 1 else []
    stated = {place: case.states(answer.parts[place]) for place in places}
    alone = [
        place
        for place in places
        if stated[place] - frozenset().union(*(stated[other] for other in places if other != place))
    ]
    return alone if len(answer.parts) > 1 else []


@attack("15", "a statement left out", keeps=False)
def one_left_out(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """One of several statements with a gold answer is missing."""
    places = _needed(answer, case)
    if not places:
        return None
    gone = rng.choice(places)
    return answer.having(*(part for place, part in enumerate(answer.parts) if place != gone))


@attack("15", "one statement left", keeps=False)
def one_left(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Of several statements with gold answers only one is left."""
    places = _needed(answer, case)
    return answer.having(answer.parts[rng.choice(places)]) if len(places) > 1 else None


@attack("15", "nothing, against one statement left", keeps=False, base=one_left)
def nothing_against_a_part(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """An empty answer, compared with a partial one."""
    return Answer(())


@attack("15", "a refusal, against one statement left", keeps=False, base=one_left)
def refusal_against_a_part(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A refusal, compared with a partial answer."""
    return Answer((REFUSED,))


@attack("15", "something else, against one statement left", keeps=False, base=one_left)
def stranger_against_a_part(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """An answer to another question with the same citation, compared with a partial answer."""
    if not case.strange_statements or not answer.parts:
        return None
    return answer.having(Part(rng.choice(case.strange_statements), answer.parts[0].cited))
