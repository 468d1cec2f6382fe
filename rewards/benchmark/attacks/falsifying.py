"""Family 11: statements made false by a number, a name or a negation."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

from groundeval.rewards.benchmark.answer import Draft, Part
from groundeval.rewards.benchmark.attacks.attack import any_position, attack, changed, honest_positions
from groundeval.rewards.benchmark.case import Scene
from groundeval.rewards.benchmark.language import DENIALS, contains, exchanged, within

VERBS = ["is", "are", "was", "were", "has", "have", "had", "can", "could", "will", "would", "makes", "make"]
OPPOSITES = (
    ("more", "less"), ("high", "low"), ("higher", "lower"), ("larger", "smaller"), ("strong", "weak"),
    ("hot", "cold"), ("warm", "cool"), ("warmer", "cooler"), ("before", "after"), ("first", "last"),
    ("increases", "decreases"), ("raises", "lowers"), ("always", "never"), ("north", "south"), ("east", "west"),
    ("up", "down"), ("in", "outside"), ("with", "without"), ("all", "no"), ("faster", "slower"),
)  # fmt: skip


@attack("11", "number changed")
def number_changed(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """One number of a statement becomes another."""
    places = [place for place in honest_positions(draft) if re.search(r"\d", draft.parts[place].text)]
    if not places:
        return None
    place = rng.choice(places)
    part = draft.parts[place]
    digit = rng.choice([match.start() for match in re.finditer(r"\d", part.text)])
    other = rng.choice([each for each in "123456789" if each != part.text[digit]])
    return draft.with_part(place, replace(part, text=part.text[:digit] + other + part.text[digit + 1 :]))


@attack("11", "name exchanged")
def name_exchanged(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """The gold answer in a statement becomes a name from elsewhere; in claim tasks a word becomes its opposite."""
    place = any_position(draft, rng)
    if place is None:
        return None
    part = draft.parts[place]
    options = [
        text
        for answer in sorted(scene.states(part))
        for alias in scene.aliases(answer)
        for stranger in scene.strangers
        if (text := exchanged(part.text, alias, stranger)) != part.text
    ] or [
        text
        for pair in OPPOSITES
        for old, new in (pair, pair[::-1])
        if contains(part.text, old) and (text := exchanged(part.text, old, new)) != part.text
    ]
    return draft.with_part(place, replace(part, text=rng.choice(options))) if options else None


@attack("11", "answers exchanged between statements")
def answers_exchanged(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Two statements change places under their citations' backs: each gets the other's gold answer, or in lists and
    claim tasks the other's citations."""
    places = honest_positions(draft)
    if len(places) < 2:
        return None
    first, second = rng.sample(places, 2)
    one, other = draft.parts[first], draft.parts[second]
    if scene.kind != "em":
        if set(other.cited) - set(scene.irrelevant(one)) or set(one.cited) - set(scene.irrelevant(other)):
            return None
        swapped = draft.with_part(first, replace(one, cited=other.cited))
        return changed(draft, swapped.with_part(second, replace(other, cited=one.cited)))
    mine, yours = _only_alias(scene, one), _only_alias(scene, other)
    if mine is None or yours is None or mine == yours:
        return None
    swapped = draft.with_part(first, replace(one, text=exchanged(one.text, mine, yours)))
    return changed(draft, swapped.with_part(second, replace(other, text=exchanged(other.text, yours, mine))))


def _only_alias(scene: Scene, part: Part) -> str | None:
    """The longest alias in a statement that states one gold answer."""
    stated = scene.states(part)
    if len(stated) != 1:
        return None
    found = [alias for alias in scene.aliases(next(iter(stated))) if contains(part.text, alias)]
    return max(found, key=len) if found else None


@attack("11", "denied")
def denied(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """A statement is said not to be true."""
    place = any_position(draft, rng)
    if place is None:
        return None
    part = draft.parts[place]
    return draft.with_part(place, replace(part, text=f"{rng.choice(DENIALS)} {within(part.text)}"))


@attack("11", "negated")
def negated(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """A statement gets a `not` behind its verb."""
    pattern = rf"\b({'|'.join(VERBS)})\b(?! not)"
    places = [place for place in honest_positions(draft) if re.search(pattern, draft.parts[place].text)]
    if not places:
        return None
    place = rng.choice(places)
    part = draft.parts[place]
    return draft.with_part(place, replace(part, text=re.sub(pattern, r"\1 not", part.text, count=1)))
