"""Definition of an attack: a seeded change of a response, its family, and the responses it applies to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from groundeval.rewards.benchmark.answer import Answer
from groundeval.rewards.benchmark.case import Case

Move = Callable[[Answer, Case, Random], Answer | None]
"""Changes a response; returns None if there is nothing to change."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One way to attack an honest response."""

    family: str
    name: str
    move: Move
    on: Literal["answers", "refusals", "both"] = "answers"
    """The honest responses it applies to."""
    keeps: bool = True
    """Whether the honest content is kept, so that a second attack on top of it makes sense."""
    base: Move | None = None
    """A change applied first to the honest response, which gives the better of the two texts."""

    def applies(self, case: Case) -> bool:
        """Whether it applies to the honest response of this case."""
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
    """The positions of the parts that come from the honest response."""
    return [place for place, part in enumerate(answer.parts) if part.origin is not None]


def any_position(answer: Answer, rng: Random) -> int | None:
    """The position of some part that comes from the honest response; None if there is none."""
    places = honest_positions(answer)
    return rng.choice(places) if places else None
