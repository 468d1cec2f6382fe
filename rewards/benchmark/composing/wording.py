"""Other forms of the same dates, numbers and units, and forms that look alike and say something else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from random import Random

from groundeval.rewards.benchmark.case import Case
from groundeval.rewards.benchmark.composing.answers import in_some_form
from groundeval.rewards.benchmark.composing.composed import Composed, drawn
from groundeval.rewards.benchmark.language import MONTHS, NUMBER_WORDS

_MONTH = "|".join(MONTHS)
_DATE = re.compile(rf"\b(\d{{1,2}}) ({_MONTH}) (\d{{4}})\b", re.IGNORECASE)
_THOUSANDS = re.compile(r"\b(\d{1,3}),(\d{3})\b(?![,.]\d)")
_WORD = re.compile(rf"\b({'|'.join(NUMBER_WORDS)})\b")
_SMALL = re.compile(r"(?<![\d.,-])\b([2-9]|1\d|20)\b(?![\d.,]\d|[-–%]| (?:" + _MONTH + "))")
_UNIT = re.compile(r"(?<=\d )(metres|kilometres)\b")
_SPELLED = {number: word for word, number in NUMBER_WORDS.items()}


def _ordinal(day: str) -> str:
    number = int(day)
    ending = "th" if 10 < number < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


SAME: Mapping[str, Callable[[str], str]] = {
    "17 Nov 1869": lambda text: _DATE.sub(lambda found: f"{found[1]} {found[2][:3]} {found[3]}", text),
    "November 17, 1869": lambda text: _DATE.sub(r"\2 \1, \3", text),
    "the 17th of November 1869": lambda text: _DATE.sub(
        lambda found: f"the {_ordinal(found[1])} of {found[2]} {found[3]}", text
    ),
    "17th November 1869": lambda text: _DATE.sub(lambda found: f"{_ordinal(found[1])} {found[2]} {found[3]}", text),
    "4207 for 4,207": lambda text: _THOUSANDS.sub(r"\1\2", text),
    "4 207, a narrow space": lambda text: _THOUSANDS.sub("\\1\u202f\\2", text),
    "15 for fifteen": lambda text: _WORD.sub(lambda found: str(NUMBER_WORDS[found[1]]), text),
    "fifteen for 15": lambda text: _SMALL.sub(lambda found: _SPELLED[int(found[1])], text),
    "m, km": lambda text: _UNIT.sub(lambda found: {"metres": "m", "kilometres": "km"}[found[1]], text),
    "bold": lambda text: re.sub(r"(?<![\w.,])(\d[\d.,]*\d|\d)(?![\w.,]*\w)", r"**\1**", text),
}
"""Changes of a text that leave its meaning."""

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
FIGURE = re.compile(r"(?<![\d.,])\d[\d.,]*\d(?!\w)")

OTHER: Mapping[str, Callable[[str], str]] = {
    "at most": lambda figure: f"at most {figure}",
    "no more than": lambda figure: f"no more than {figure}",
    "up to": lambda figure: f"up to {figure}",
    "at least": lambda figure: f"at least {figure}",
    "a range": lambda figure: f"between 2 and {figure}",
    "a raised digit": lambda figure: figure[:-1] + figure[-1].translate(_RAISED),
    "a lowered digit": lambda figure: figure[:-1] + figure[-1].translate(_LOWERED),
    "a sign before it": lambda figure: f">{figure}",
    "one zero more": lambda figure: f"{figure}0",
}
"""Changes of a figure that look alike and say something else, or less."""


def reworded(case: Case, seed: int, count: int) -> Iterator[Composed]:
    """Up to `count` honest answers whose dates, numbers and units have other forms."""
    if not case.answerable or case.kind == "list":
        return
    rng = Random(f"{seed} {case.name} composed wordings")
    changes = {
        name: parts
        for name, change in SAME.items()
        if (parts := [replace(part, text=change(part.text)) for part in case.honest.parts]) != [*case.honest.parts]
    }
    for _ in range(count if changes else 0):
        name, parts = drawn(changes, rng)
        found = in_some_form(case, parts, rng)
        yield Composed((name, *found.form), found.text)
