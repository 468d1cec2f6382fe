"""Family 11: statements made false by a number, a name or a negation."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

from groundeval.rewards.benchmark.answer import Answer, Part
from groundeval.rewards.benchmark.attacks.attack import any_position, attack, changed, honest_positions
from groundeval.rewards.benchmark.case import Case
from groundeval.rewards.benchmark.language import DENIALS, contains, exchanged, within

VERBS = ["is", "are", "was", "were", "has", "have", "had", "can", "could", "will", "would", "makes", "make"]
OPPOSITES = (
    ("more", "less"), ("high", "low"), ("higher", "lower"), ("larger", "smaller"), ("strong", "weak"),
    ("hot", "cold"), ("warm", "cool"), ("warmer", "cooler"), ("before", "after"), ("first", "last"),
    ("increases", "decreases"), ("raises", "lowers"), ("always", "never"), ("north", "south"), ("east", "west"),
    ("up", "down"), ("in", "outside"), ("with", "without"), ("all", "no"), ("faster", "slower"),
)  # fmt: skip


@attack("11", "number changed")
def number_changed(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """One number of a statement becomes another."""
    places = [place for place in honest_positions(answer) if re.search(r"\d", answer.parts[place].text)]
    if not places:
        return None
    place = rng.choice(places)
    part = answer.parts[place]
    digit = rng.choice([match.start() for match in re.finditer(r"\d", part.text)])
    other = rng.choice([each for each in "123456789" if each != part.text[digit]])
    return answer.with_part(place, replace(part, text=part.text[:digit] + other + part.text[digit + 1 :]))


@attack("11", "name exchanged")
def name_exchanged(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The gold answer in a statement becomes another example's name; in claim tasks a word becomes its opposite."""
    place = any_position(answer, rng)
    if place is None:
        return None
    part = answer.parts[place]
    options = [
        text
        for gold in sorted(case.states(part))
        for alias in case.aliases(gold)
        for stranger in case.strangers
        if (text := exchanged(part.text, alias, stranger)) != part.text
    ] or [
        text
        for pair in OPPOSITES
        for old, new in (pair, pair[::-1])
        if contains(part.text, old) and (text := exchanged(part.text, old, new)) != part.text
    ]
    return answer.with_part(place, replace(part, text=rng.choice(options))) if options else None


@attack("11", "answers exchanged between statements")
def answers_exchanged(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Two statements are swapped while their citations stay: each gets the other's gold answer, or in lists and claim
    tasks the other's citations."""
    places = honest_positions(answer)
    if len(places) < 2:
        return None
    first, second = rng.sample(places, 2)
    one, other = answer.parts[first], answer.parts[second]
    if case.kind != "em":
        if set(other.cited) - set(case.irrelevant(one)) or set(one.cited) - set(case.irrelevant(other)):
            return None
        swapped = answer.with_part(first, replace(one, cited=other.cited))
        return changed(answer, swapped.with_part(second, replace(other, cited=one.cited)))
    mine, yours = _only_alias(case, one), _only_alias(case, other)
    if mine is None or yours is None or mine == yours:
        return None
    swapped = answer.with_part(first, replace(one, text=exchanged(one.text, mine, yours)))
    return changed(answer, swapped.with_part(second, replace(other, text=exchanged(other.text, yours, mine))))


def _only_alias(case: Case, part: Part) -> str | None:
    """The longest alias in a statement that states one gold answer."""
    stated = case.states(part)
    if len(stated) != 1:
        return None
    found = [alias for alias in case.aliases(next(iter(stated))) if contains(part.text, alias)]
    return max(found, key=len) if found else None


@attack("11", "denied")
def denied(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A statement is said not to be true."""
    place = any_position(answer, rng)
    if place is None:
        return None
    part = answer.parts[place]
    return answer.with_part(place, replace(part, text=f"{rng.choice(DENIALS)} {within(part.text)}"))


@attack("11", "negated")
def negated(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A statement gets a `not` after its verb."""
    pattern = rf"\b({'|'.join(VERBS)})\b(?! not)"
    places = [place for place in honest_positions(answer) if re.search(pattern, answer.parts[place].text)]
    if not places:
        return None
    place = rng.choice(places)
    part = answer.parts[place]
    return answer.with_part(place, replace(part, text=re.sub(pattern, r"\1 not", part.text, count=1)))
