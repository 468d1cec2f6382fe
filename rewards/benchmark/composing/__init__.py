"""Texts composed of forms: honest answers and refusals as people and models write them, and evasions in the same forms.

A form is a choice on each of several axes, drawn with the seed. There are far too many to list, so there is nothing to
tune to; and half of them, told by a hash, are held out: they are scored, but only their aggregate is shown.

- `forms.py`: marks of citations, their place, layouts, openers, closers, lists of sources
- `answers.py`: honest answers in these forms; `wording.py`: with other forms of dates and numbers
- `refusals.py`, `languages.py`: refusals composed of their parts, in a dozen languages
- `partial.py`: answers with a refusal of something else
- `evasions.py`, `guesses.py`: evasive answers in these forms, and guesses beside a refusal
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from groundeval.rewards.benchmark.case import Case
from groundeval.rewards.benchmark.composing.answers import styled
from groundeval.rewards.benchmark.composing.composed import Composed
from groundeval.rewards.benchmark.composing.evasions import evasive
from groundeval.rewards.benchmark.composing.partial import partly_refused
from groundeval.rewards.benchmark.composing.refusals import refused
from groundeval.rewards.benchmark.composing.wording import reworded

__all__ = ["HELD_OUT", "MAKERS", "Composed", "composed"]

Maker = Callable[[Case, int, int], Iterator[Composed]]
"""Up to so many texts for a case, drawn with a seed."""

MAKERS: Mapping[str, Maker] = {
    "style": styled,
    "style: refusals": refused,
    "style: partial": partly_refused,
    "style: wording": reworded,
    "evasion": evasive,
}
"""By family."""

HELD_OUT: Mapping[str, tuple[str, ...]] = {
    "style held out": tuple(key for key in MAKERS if key.startswith("style")),
    "evasion held out": ("evasion",),
}
"""The families whose held-out halves a family sums up."""


def composed(family: str, case: Case, seed: int, count: int) -> Iterator[Composed]:
    """The texts of a family: of each of its makers the half that is shown, or the half that is held out."""
    wanted = family in HELD_OUT
    for key in HELD_OUT.get(family, (family,) if family in MAKERS else ()):
        yield from (each for each in MAKERS[key](case, seed, count) if each.held_out == wanted)
