"""Matching gold answers in a text: as consecutive tokens, as a name with initials, as a number in another language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from groundeval.parsing.remembered import remembered
from groundeval.parsing.strict.day_month_year import MONTH_TOKENS
from groundeval.parsing.strict.folding import folded
from groundeval.parsing.strict.language import language
from groundeval.parsing.strict.measures import NUMBER
from groundeval.parsing.strict.quantities import UNIT_TOKENS, figures
from groundeval.parsing.strict.tokens import alias_tokens, spanned


def holds(aliases: Iterable[str], text: Sequence[str]) -> bool:
    """Whether the text, given as tokens, contains some alias as consecutive tokens; aliases without any are ignored."""
    joined = f" {' '.join(text)} "
    return any(f" {' '.join(alias_tokens(alias))} " in joined for alias in aliases if alias_tokens(alias))


def equals(aliases: Iterable[str], text: Sequence[str]) -> bool:
    """Whether the text, given as tokens, is some alias; aliases without tokens are ignored."""
    return any(alias_tokens(alias) == tuple(text) for alias in aliases if alias_tokens(alias))


def spelled(aliases: Iterable[str], text: str, question: str = "") -> str | None:
    """The spelling, in the text, of the first alias that it contains; None if it contains none.

    Given names may be initials, and a number may lack the noun that the question counts: `15` for `15 players`, if it
    asks how many players there are.
    """
    found = spanned(text)
    said = tuple(token for token, _, _ in found)
    joined = f" {' '.join(said)} "
    lowered = text.lower()
    for alias in sorted(aliases, key=lambda alias: alias.lower() not in lowered):
        own = alias_tokens(alias)
        if own and f" {' '.join(own)} " in joined:
            return alias if alias.lower() in text.lower() else _written(own, found, text)
    for alias in aliases:
        if (name := _named(alias, text)) or (name := _bare(alias, found, text, question)):
            return name
    return _in_another_language(aliases, text)


def _in_another_language(aliases: Iterable[str], text: str) -> str | None:
    """The first alias of one number and two words at most whose number a text in another language than English holds:
    `420万欧元` for `4.2 million euros`. What it counts is left to the verifier, unless the unit is known."""
    numbered = [alias for alias in aliases if _is_quantity(alias)]
    if not numbered or language(text) == "en":
        return None
    written = figures(text)
    return next((alias for alias in numbered if _values(alias) & written), None)


def _is_quantity(alias: str) -> bool:
    own = alias_tokens(alias)
    return (
        len(alias.split()) <= LONGEST_QUANTITY
        and bool(own)
        and bool(NUMBER.fullmatch(own[0]))
        and MONTH_TOKENS.isdisjoint(own)
    )


@remembered(16_384)
def _values(alias: str) -> set[tuple[float, str]]:
    """The number of an alias with what may follow it: its unit, if that is known, or any word; nothing if it is all."""
    number, *rest = alias_tokens(alias)
    if not rest:
        return {(float(number), ""), (float(number), "?")}
    if unit := next((each for each in rest if each in UNIT_TOKENS), ""):
        written = alias_tokens(re.sub(r"[^\d.,]+$", "", alias))[0]
        return {(float(number), unit), *([(float(written), "?")] if NUMBER.fullmatch(written) else [])}
    return {(float(number), "?")}


LONGEST_QUANTITY = 3
"""Words of an alias that is a number: the number, its scale and what it counts."""


def _bare(alias: str, found: Sequence[tuple[str, int, int]], text: str, question: str) -> str | None:
    own = alias_tokens(alias)
    if not question or len(own) < 2 or not own[0].isdigit() or not set(own[1:]) <= set(alias_tokens(question)):
        return None
    return _written(own[:1], found, text)


def _written(own: Sequence[str], found: Sequence[tuple[str, int, int]], text: str) -> str | None:
    size = len(own)
    for start in range(len(found) - size + 1):
        if tuple(token for token, _, _ in found[start : start + size]) == own:
            plain = folded(text)
            first, last = (
                min(s for _, s, _ in found[start : start + size]),
                max(e for _, _, e in found[start : start + size]),
            )
            return (text if len(plain) == len(text) else plain)[first:last].strip().rstrip(".") or None
    return None


@remembered(16_384)
def _name_pattern(alias: str) -> re.Pattern[str] | None:
    """Pattern of a person's name: given names or initials, initials left out or added; None if the alias is no name."""
    names = alias.replace(".", " ").split()
    if (
        not 2 <= len(names) <= 5
        or not all(name[:1].isupper() and name.isalpha() for name in names)
        or len(names[-1]) < 3
    ):
        return None
    if not any(len(name) > 1 for name in names[:-1]):
        return None
    initial = r"(?:\s*[A-Z]\.?)*"
    given = [rf"(?:{re.escape(name)}|{re.escape(name[0])}\.?)" for name in names[:-1]]
    spaced = [
        given[0],
        *(rf"(?:\s*{each})" if place > 1 else rf"(?:\s*{each})?" for place, each in enumerate(given[1:], 1)),
    ]
    return re.compile(rf"(?<!\w)(?<![A-Z]\.\s){''.join(spaced)}{initial}\s*\b{re.escape(names[-1])}(?!\w)")


def _named(alias: str, text: str) -> str | None:
    last = alias.rsplit(" ", 1)[-1]
    if last not in text or (pattern := _name_pattern(alias)) is None:
        return None
    found = pattern.search(text)
    return found[0] if found else None
