"""Which statements of an answer bring which gold answers."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from groundeval.metrics.gold import entails_claim
from groundeval.metrics.lists import list_text, ratio
from groundeval.metrics.metric import Context
from groundeval.metrics.reading import Reading
from groundeval.parsing.strict.guesses import states
from groundeval.parsing.strict.matching import equals, tokens
from groundeval.parsing.strict.statements import sentences, words
from groundeval.parsing.strict.visible import for_verifier

UNIT_WORDS = 60
"""A longer statement counts as several, so that joining sentences does not make padding cheaper."""
ALLOWANCE = 2
"""A statement may be so many times as long as the claims that it brings."""


_DENIED = re.compile("[¬≠❌❎✖✗✘✕⛔🚫]")
"""Signs that take an item of a list back."""


class Part(NamedTuple):
    """What is looked for: a gold answer, or a sentence of a gold claim."""

    gold: int
    """Position of the gold answer in the example."""
    aliases: tuple[str, ...]


Brought = Mapping[Part, int]
"""The parts of gold answers that an answer brings, each with the position of the first statement that holds it."""


def parts_of(reading: Reading) -> list[Part]:
    """The parts of all gold answers: in claim tasks the sentences of the claims, else the gold answers."""
    gold = reading.response.example.answers or ()
    if reading.kind != "claims":
        return [Part(index, tuple(aliases)) for index, aliases in enumerate(gold)]
    claims = [(index, aliases[0]) for index, aliases in enumerate(gold) if aliases]
    return [Part(index, (said,)) for index, claim in claims for said in dict.fromkeys(_sentences_of(claim))]


def _sentences_of(claim: str) -> list[str]:
    found = [statement.plain for statement in sentences(claim)]
    return found if len(found) > 1 else [claim]


async def brought(reading: Reading, ctx: Context, allowed: Sequence[bool] | None = None) -> Brought:
    """For each part of a gold answer, the first statement that holds it, among the `allowed` ones (by default all).

    Text tasks: an alias stands in it, on token boundaries and not as one of several guesses. List tasks: the item is
    an alias. Claim tasks: it entails the sentence of the claim, and so does the whole output.
    """
    kept = allowed if allowed is not None else [True] * len(reading.statements)
    parts = parts_of(reading)
    if reading.kind == "claims":
        places = await asyncio.gather(*(_first_entailing(part, reading, ctx, kept) for part in parts))
    else:
        gold = reading.response.example.answers or ()
        matches = _is_listed if reading.kind == "list" else partial(states, gold=gold)
        said = [text if keep else "" for text, keep in zip(_texts(reading, ctx), kept, strict=True)]
        places = [
            next((place for place, text in enumerate(said) if text and matches(part.aliases, text)), None)
            for part in parts
        ]
    return {part: place for part, place in zip(parts, places, strict=True) if place is not None}


def _is_listed(aliases: Sequence[str], item: str) -> bool:
    return not _DENIED.search(item) and equals(aliases, tokens(item))


def _texts(reading: Reading, ctx: Context) -> list[str]:
    """What each statement says itself: for list tasks the item, or nothing if it lies before the list (`cot`)."""
    if reading.kind != "list":
        return [statement.text for statement in reading.statements]
    listed = list(reading.profile.listed(list_text(reading.text, ctx.cot)))
    return [""] * (len(reading.statements) - len(listed)) + listed


async def _first_entailing(part: Part, reading: Reading, ctx: Context, allowed: Sequence[bool]) -> int | None:
    if not any(allowed) or not await entails_claim(for_verifier(reading.plain), part.aliases, ctx, source="output"):
        return None
    for place, statement in enumerate(reading.statements):
        if allowed[place] and await entails_claim(statement.hypothesis, part.aliases, ctx, source="statement"):
            return place
    return None


def shares_brought(bringing: Brought, reading: Reading) -> list[float]:
    """For each gold answer the share of its parts that are brought, in [0, 1]."""
    parts = Counter(part.gold for part in parts_of(reading))
    found = Counter(part.gold for part in bringing)
    return [ratio(found[index], parts[index]) for index in range(len(reading.response.example.answers or ()))]


def useful(bringing: Brought, reading: Reading) -> float:
    """Share of the statements that bring a gold answer, in [0, 1]; 0 without statements.

    A statement of more than 60 words counts for as many as it is times as long, and brings no more than its gold
    answers allow, 60 words each, or twice the length of a claim: what is written besides costs the same in one
    sentence as in several.
    """
    units = [max(1.0, words(statement.text) / UNIT_WORDS) for statement in reading.statements]
    brings = [0.0] * len(units)
    for part, place in bringing.items():
        longest = max((words(alias) for alias in part.aliases), default=0)
        brings[place] += max(1.0, ALLOWANCE * longest / UNIT_WORDS)
    return ratio(sum(map(min, units, brings)), sum(units))
