"""Assignment of gold answers to the statements of an answer that give them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from groundeval.aio import together
from groundeval.metrics.gold import entails_claim
from groundeval.metrics.lists import list_text, ratio
from groundeval.metrics.metric import Context
from groundeval.metrics.profiles import StrictStatement
from groundeval.metrics.reading import Reading
from groundeval.metrics.strict.judging import is_denied
from groundeval.metrics.strict.pronouns import mistakes_person
from groundeval.parsing.strict.disowned import says_what_is_not
from groundeval.parsing.strict.evasion import evades
from groundeval.parsing.strict.matching import equals, spelled
from groundeval.parsing.strict.statements import sentences
from groundeval.parsing.strict.tokens import tokens
from groundeval.parsing.strict.visible import for_verifier
from groundeval.records import Statement


class Part(NamedTuple):
    """A unit to be matched: a gold answer, or a sentence of a gold claim."""

    gold: int
    """Position of the gold answer in the example."""
    aliases: tuple[str, ...]


Places = tuple[int, ...]
Brought = Mapping[Part, Places]
"""The parts of gold answers that an answer gives, each with the position of the first statement that contains it, or of
the two that do so together."""


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


async def brought(
    reading: Reading, ctx: Context, allowed: Sequence[bool] | None = None, *, by_meaning: bool = True
) -> Brought:
    """For each part of a gold answer, the statement that gives it, among the `allowed` ones (by default all).

    Text and list tasks: it contains some alias, and the verifier says that the alias is its answer; an item that is an
    alias needs no verifier. Claim tasks: it entails the sentence of the claim, and so does the whole output; if no
    single statement does, two in a row may.

    With `by_meaning=False` no verifier checks aliases: then "one of A, B and C", "perhaps A" and "not A" give A.
    """
    kept = allowed if allowed is not None else [True] * len(reading.statements)
    if by_meaning:
        kept = [
            keep and not mistakes_person(place, reading.statements, reading.response.example.docs or ())
            for place, keep in enumerate(kept)
        ]
    parts = parts_of(reading)
    if reading.kind == "claims":
        places = await together(_entailing(part, reading, ctx, kept) for part in parts)
    else:
        said = [text if keep else "" for text, keep in zip(_texts(reading, ctx), kept, strict=True)]
        places = await together(_stating(part, said, reading, ctx, by_meaning) for part in parts)
    return {part: place for part, place in zip(parts, places, strict=True) if place}


async def _stating(part: Part, said: Sequence[str], reading: Reading, ctx: Context, by_meaning: bool) -> Places:
    question = _question_of(part, reading)
    # A statement that cites comes before one that leaves its citations to the end of the paragraph.
    for place in sorted(range(len(said)), key=lambda place: not reading.statements[place].citations):
        text = said[place]
        if not text or (alias := spelled(part.aliases, text, question)) is None:
            continue
        if not by_meaning or (reading.kind == "list" and equals(part.aliases, tokens(text))):
            return (place,)
        if evades(text, alias, question, _documents(reading)):
            continue
        premise = f"{question}\n{for_verifier(text)}"
        if await ctx.entails(premise, f'The answer to the question "{question}" is {alias}.', source="statement"):
            return (place,)
    return ()


def _documents(reading: Reading) -> str:
    return " ".join(document.premise for document in reading.response.example.docs or ())


def _question_of(part: Part, reading: Reading) -> str:
    """The question that a gold answer answers: its own sub-question (ASQA), if it has one."""
    example = reading.response.example
    pairs = example.qa_pairs or ()
    own = pairs[part.gold] if part.gold < len(pairs) else None
    return own.question if own and own.question and set(own.short_answers) & set(part.aliases) else example.question


def _says(statement: Statement, reading: Reading) -> bool:
    """Whether a statement claims something: it is no question, and neither denied nor under the name of what is not."""
    if not isinstance(statement, StrictStatement):
        return True
    if statement.kind != "claim" or statement.text.rstrip().endswith(("?", "？", "؟")):
        return False
    return not is_denied(statement, reading) and not says_what_is_not(
        statement.about, reading.response.example.question
    )


def _texts(reading: Reading, ctx: Context) -> list[str]:
    """The text of each statement; empty if it claims nothing, is denied, or in list tasks precedes the list (`cot`)."""
    said = [each.text if _says(each, reading) else "" for each in reading.statements]
    if reading.kind != "list" or not ctx.cot:
        return said
    listed = list(reading.profile.listed(list_text(reading.text, ctx.cot)))
    before = max(0, len(said) - len(listed))
    return [""] * before + [text and own for text, own in zip(said[before:], listed, strict=False)]


async def _entailing(part: Part, reading: Reading, ctx: Context, allowed: Sequence[bool]) -> Places:
    if not any(allowed) or not await entails_claim(for_verifier(reading.plain), part.aliases, ctx, source="output"):
        return ()
    texts = [for_verifier(statement.text) for statement in reading.statements]
    places = [place for place, each in enumerate(reading.statements) if allowed[place] and _says(each, reading)]
    for place in places:
        if await entails_claim(texts[place], part.aliases, ctx, source="statement"):
            return (place,)
    for first, second in pairwise(places):
        together = f"{texts[first]} {texts[second]}"
        if await entails_claim(together, part.aliases, ctx, source="statements"):
            return (first, second)
    return ()


def shares_brought(bringing: Brought, reading: Reading) -> list[float]:
    """For each gold answer the share of its parts that are given, in [0, 1]."""
    parts = Counter(part.gold for part in parts_of(reading))
    found = Counter(part.gold for part in bringing)
    return [ratio(found[index], parts[index]) for index in range(len(reading.response.example.answers or ()))]


def other_items(item: str, aliases: Sequence[Sequence[str]], question: str) -> int:
    """Number of other things that a list item names, besides its gold answers and the words of the question: one in
    `Iapetus and Titan`."""
    rest = re.sub(r"\w+", lambda found: found[0].lower() if found[0] in question else found[0], item)
    for each in aliases:
        written = spelled(each, rest)
        if written:
            rest = re.sub(re.escape(written), "\0", rest, flags=re.IGNORECASE)
    return len(re.findall(r"\b(?:and|or|und|et|y|&|plus)\s+(?=[A-Z]\w)|(?<=[a-z])\s+(?:and|or|&|plus)\s*\0", rest))
