"""Whether a text states a gold answer, or offers it to choose from: `in 1888, 1890 or 1892`, `one of Baker, Fowler`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from groundeval.parsing.strict.matching import alias_tokens, holds, tokens

_ROUGHLY = frozenset(["so", "later", "earlier", "about", "around", "more", "less", "thereabouts"])
"""`1890 or so` is no guess."""
_SEPARATOR = re.compile(r"((?<!\s),?\s+or\b|(?<!\d),|,(?!\d{3}(?!\d))|[;/])", re.IGNORECASE)
_LEAD = re.compile(r"\s*(?:(?:in|on|by|at|from|an?|the)\s+)*", re.IGNORECASE)
_CHOICE = re.compile(r".*\b(?:one of|among|amongst|either|between)\b", re.IGNORECASE)
_REACH = 20
"""So many items of a list are looked at on each side."""

Known = Collection[tuple[str, ...]]
"""The tokens of all aliases of gold answers."""

_tokens = lru_cache(maxsize=1_024)(tokens)


def states(aliases: Iterable[str], text: str, gold: Iterable[Iterable[str]]) -> bool:
    """Does the text hold some alias, and none of them as one of several guesses.

    An alias is a guess beside the word "or", in a list of its kind, numbers or names, that ends with "or", and in a
    list of three behind "one of", "among", "either" or "between". It is none if the others are gold answers too, or if
    the "or" goes on as in "or so", "or later".
    """
    own, said = {alias_tokens(alias): alias for alias in aliases}, _tokens(text)
    if not holds(own.values(), said):
        return False
    known = {alias_tokens(alias) for answer in gold for alias in answer} - {()}
    return not any(
        _is_beside_or(said, start, start + len(alias), known)
        for alias in own.keys() - {()}
        for start in range(len(said) - len(alias) + 1)
        if said[start] == alias[0] and said[start : start + len(alias)] == alias
    ) and not any(_is_listed(alias, text, known) for alias in own.values() if holds([alias], said))


def _is_beside_or(text: Sequence[str], start: int, end: int, known: Known) -> bool:
    longest = max(map(len, known))
    before, after = text[max(0, start - 1 - longest) : max(0, start - 1)], text[end + 1 : end + 1 + longest]
    if text[start - 1 : start] == ("or",) and not any(before[-len(alias) :] == alias for alias in known):
        return True
    if text[end : end + 1] != ("or",) or (after and after[0] in _ROUGHLY):
        return False
    return not any(after[: len(alias)] == alias for alias in known)


def _is_listed(alias: str, text: str, known: Known) -> bool:
    pieces = _SEPARATOR.split(unicodedata.normalize("NFKC", text))
    items, ends = pieces[::2], [separator.lower().endswith("or") for separator in pieces[1::2]]
    if len(items) < 3:
        return False
    own, kind = alias_tokens(alias), _kind(alias)
    longest = len(own) + (kind == "name")
    fits = [_is_item(item, kind, longest) for item in items]
    for place, item in enumerate(items):
        said = _tokens(item)
        if own not in (said[: len(own)], said[-len(own) :]):
            continue
        right = left = place
        while right < min(len(ends), place + _REACH) and not ends[right] and fits[right + 1]:
            right += 1
        while left > max(0, place - _REACH) and not ends[left - 1] and fits[left]:
            left -= 1
        offered: list[str] = []
        if own == said[-len(own) :] and place < right < len(ends) and ends[right]:
            offered = items[place + 1 : right + 2]
        elif right - left >= 2 and (choice := _CHOICE.match(items[left])):
            first = items[left][choice.end() :]
            offered = [first, *items[left + 1 : right + 1]] if _is_item(first, kind, longest) else []
        if offered and not _all_known(offered, known):
            return True
    return False


def _all_known(items: Iterable[str], known: Known) -> bool:
    """Does every item begin with a gold answer."""
    return all(any(_tokens(item)[: len(alias)] == alias for alias in known) for item in map(_without_lead, items))


def _without_lead(text: str) -> str:
    return _LEAD.sub("", text, count=1)


def _kind(text: str) -> str:
    first = _without_lead(text)[:1]
    return "number" if first.isdigit() else "name" if first.isupper() else "word"


def _is_item(text: str, kind: str, longest: int) -> bool:
    """Is a piece of text of the alias's kind and about as long; what is longer is a clause."""
    return _kind(text) == kind and 0 < len(_tokens(_without_lead(text))) <= longest
