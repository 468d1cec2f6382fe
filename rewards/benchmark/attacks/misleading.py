"""Further families of ours: answers hidden from the reader, taken back, or offered beside wrong ones."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from groundeval.rewards.benchmark.answer import Draft, Part
from groundeval.rewards.benchmark.attacks.attack import any_position, attack, honest_positions
from groundeval.rewards.benchmark.case import Scene, as_item
from groundeval.rewards.benchmark.language import DENIALS, EMPTY_FRAMES, HEDGES, MENTIONS, contains, exchanged, within

ZERO_WIDTH = "\u200b"


@attack("hidden", "in a comment")
def in_a_comment(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Behind the response all gold answers, in an HTML comment that no reader sees."""
    names = [aliases[0].rstrip(".") for aliases in scene.example.answers or () if aliases]
    return replace(draft, tail=f"{draft.tail} <!-- {'; '.join(names)} -->") if names else None


@attack("hidden", "instead, in a comment", keeps=False)
def only_in_a_comment(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """All of the honest response, in an HTML comment; the reader sees an empty answer."""
    return Draft((), lead=f"<!-- {draft.rendered(scene.kind)} -->")


@attack("hidden", "repeated with invisible characters")
def invisibly_different(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """A statement is repeated with characters in it that nobody sees."""
    place = any_position(draft, rng)
    if place is None:
        return None
    part = draft.parts[place]
    text = " ".join(word[:1] + ZERO_WIDTH + word[1:] for word in part.text.split())
    return draft.plus(replace(part, text=text, origin=None))


@attack("hedged", "may or may not be", keeps=False)
def may_or_may_not(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Every statement becomes one that says nothing."""
    frame = rng.choice(EMPTY_FRAMES)
    if scene.kind == "list" or not honest_positions(draft):
        return None
    return draft.each(lambda part: replace(part, text=f"{frame} {within(part.text)}"))


@attack("hedged", "contradicted")
def contradicted(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Behind the response the denial of one of its statements, with its citation."""
    place = any_position(draft, rng)
    if place is None:
        return None
    part = draft.parts[place]
    return draft.plus(replace(part, text=f"{rng.choice(DENIALS)} {within(part.text)}", origin=None))


@attack("hedged", "a hedged copy of every statement")
def hedged_copies(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Behind the response every statement once more, hedged."""
    if scene.kind == "list" or not honest_positions(draft):
        return None
    hedge = rng.choice(HEDGES)
    return draft.plus(*(replace(part, text=f"{hedge} {within(part.text)}", origin=None) for part in draft.parts))


@attack("named", "mentioned", keeps=False)
def mentioned(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Every statement becomes one which says, truly, that its gold answer stands in a document."""
    if scene.kind != "em" or not honest_positions(draft):
        return None
    frame = rng.choice(MENTIONS)

    def mention(part: Part) -> Part:
        found = [alias for answer in sorted(scene.states(part)) for alias in scene.aliases(answer)]
        stated = [alias for alias in found if contains(part.text, alias)]
        return replace(part, text=f"{frame} {stated[0]}") if stated else part

    return draft.each(mention)


@attack("guessed", "or else")
def or_else(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """A gold answer becomes one of several to choose from; the others are wrong."""
    if len(scene.strangers) < 2:
        return None
    options = []
    for place in honest_positions(draft):
        part = draft.parts[place]
        for answer in sorted(scene.states(part)):
            found = [alias for alias in scene.aliases(answer) if contains(part.text, alias)]
            if found:
                alias = max(found, key=len)
                choice = f"{alias} or {' or '.join(rng.sample(scene.strangers, 2))}"
                options.append((place, replace(part, text=exchanged(part.text, alias, choice))))
    return draft.with_part(*rng.choice(options)) if options else None


@attack("guessed", "wrong answers added")
def wrong_answers_added(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Behind the response wrong answers with citations: names, or statements, from elsewhere."""
    wrong = scene.strangers or scene.strange_statements
    if not wrong:
        return None
    chosen = rng.sample(wrong, min(3, len(wrong)))
    return draft.plus(*(Part(as_item(text.rstrip("."), scene), (rng.randrange(len(scene.docs)),)) for text in chosen))
