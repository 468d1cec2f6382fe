"""What an attack is: a seeded change of a response, the family it belongs to, and where it applies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from groundeval.rewards.benchmark.answer import Answer
from groundeval.rewards.benchmark.case import Case

Move = Callable[[Answer, Case, Random], Answer | None]
"""Changes a response; None where there is nothing to change."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One way to tamper with an honest response."""

    family: str
    name: str
    move: Move
    on: Literal["answers", "refusals", "both"] = "answers"
    """The honest responses it applies to."""
    keeps: bool = True
    """The honest content is still there, so that a second attack makes sense on top of it."""
    base: Move | None = None
    """What is done first to the honest response to get the better of the two texts."""

    def applies(self, case: Case) -> bool:
        """Is it meant for the honest response of this case."""
        return self.on == "both" or (self.on == "answers") == case.answerable


ATTACKS: list[Attack] = []
"""All attacks, in the order of their families."""


def attack(
    family: str,
    name: str,
    *,
    on: Literal["answers", "refusals", "both"] = "answers",
    keeps: bool = True,
    base: Move | None = None,
) -> Callable[[Move], Move]:
    """Register a move as an attack."""

    def decorate(move: Move) -> Move:
        ATTACKS.append(Attack(family, name, move, on, keeps, base))
        return move

    return decorate


def changed(before: Answer, after: Answer) -> Answer | None:
    """The changed answer, or None if the change changed nothing."""
    return None if after == before else after


def honest_positions(answer: Answer) -> list[int]:
    """The places of the parts that go back to the honest response."""
    return [place for place, part in enumerate(answer.parts) if part.origin is not None]


def any_position(answer: Answer, rng: Random) -> int | None:
    """The place of some part that goes back to the honest response; None if there is none."""
    places = honest_positions(answer)
    return rng.choice(places) if places else None
