"""The class of an output under profile `strict`, and what a verifier may change about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from groundeval.parsing.strict.part import Part

Outcome = Literal["answered", "refused", "mixed", "void"]
"""Class of an output. `mixed`: it refuses and answers; `void`: it holds no statement at all, or is far too long."""


class Possibility(NamedTuple):
    """Another class of the output, which it has if a verifier finds what is listed here."""

    outcome: Outcome
    found: tuple[Part, ...]
    """Statements that must all claim nothing, or be entailed by the documents."""
    lacks: tuple[Part, ...] = ()
    """If any: statements of which one at least must say that there is no answer; those that do need not be found."""
    beside: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """Class of an output as its words tell it."""

    outcome: Outcome
    beside: int = 0
    """Number of words beside a refusal."""
    possible: tuple[Possibility, ...] = ()
    """What a verifier may find instead; the first that it finds counts."""
