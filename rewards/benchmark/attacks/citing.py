"""Families 1 to 4: citations that are wrong, missing, or too many."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from groundeval.rewards.benchmark.answer import Draft, Part
from groundeval.rewards.benchmark.attacks.attack import any_position, attack, changed, honest_positions
from groundeval.rewards.benchmark.case import Scene


def _recited(draft: Draft, place: int, cited: tuple[int, ...]) -> Draft:
    return draft.with_part(place, replace(draft.parts[place], cited=cited))


@attack("1", "wrong document")
def wrong_document(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """A statement cites a document that does not hold its answers."""
    place = any_position(draft, rng)
    wrong = [] if place is None else scene.irrelevant(draft.parts[place])
    return changed(draft, _recited(draft, place, (rng.choice(wrong),))) if place is not None and wrong else None


@attack("1", "wrong documents everywhere")
def wrong_documents(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Every statement cites a document that does not hold its answers, where there is one."""

    def swapped(part: Part) -> Part:
        wrong = scene.irrelevant(part)
        return replace(part, cited=(rng.choice(wrong),)) if part.origin is not None and wrong else part

    return changed(draft, draft.each(swapped))


@attack("1", "document that does not exist")
def out_of_range(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """A statement cites a number beyond the documents."""
    place = any_position(draft, rng)
    return None if place is None else _recited(draft, place, (len(scene.docs) + rng.randrange(20),))


@attack("1", "the right document and one that does not exist")
def partly_out_of_range(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """A statement cites, beside its own documents, a number beyond them."""
    place = any_position(draft, rng)
    if place is None:
        return None
    return _recited(draft, place, (*draft.parts[place].cited, len(scene.docs) + rng.randrange(20)))


@attack("1", "[0]")
def zero(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """All statements cite `[0]`, which some evaluators take for the last document."""
    return changed(draft, draft.each(lambda part: replace(part, cited=(-1,)) if part.cited else part))


@attack("2", "all citations left out")
def uncited(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """No statement cites anything."""
    return changed(draft, draft.each(lambda part: replace(part, cited=())))


@attack("2", "a citation left out")
def one_uncited(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """One statement cites nothing."""
    place = any_position(draft, rng)
    return None if place is None else changed(draft, _recited(draft, place, ()))


@attack("2", "all citations at the end")
def cited_at_the_end(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """The last statement carries the citations of all."""
    cited = tuple(dict.fromkeys(index for part in draft.parts for index in part.cited))
    if len(draft.parts) < 2:
        return None
    bare = draft.each(lambda part: replace(part, cited=()))
    return changed(draft, _recited(bare, len(bare.parts) - 1, cited))


@attack("3", "every document cited by every statement")
def cite_all(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Each statement cites all documents, among them some that do not hold its answers."""
    every = tuple(range(len(scene.docs)))
    if not any(_burdens(scene, part) for part in draft.parts):
        return None
    return changed(draft, draft.each(lambda part: replace(part, cited=every)))


@attack("3", "every document cited by one statement")
def one_cites_all(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """One statement cites all documents, among them some that do not hold its answers."""
    places = [place for place in honest_positions(draft) if _burdens(scene, draft.parts[place])]
    if not places:
        return None
    return changed(draft, _recited(draft, rng.choice(places), tuple(range(len(scene.docs)))))


def _burdens(scene: Scene, part: Part) -> bool:
    """Is there a document that does not help this honest part."""
    return part.origin is not None and bool(scene.irrelevant(part))


@attack("3", "the right document thrice, then all the others")
def behind_the_cap(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Irrelevant citations hide behind repeated good ones, where only the first three are judged."""
    place = any_position(draft, rng)
    if place is None or not draft.parts[place].cited:
        return None
    part = draft.parts[place]
    others = tuple(scene.irrelevant(part))
    return _recited(draft, place, (part.cited * 3)[:3] + part.cited[3:] + others) if others else None


@attack("3", "the same citation twice")
def doubled(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """A statement repeats its first citation."""
    place = any_position(draft, rng)
    if place is None or not draft.parts[place].cited:
        return None
    return _recited(draft, place, (draft.parts[place].cited[0], *draft.parts[place].cited))


@attack("4", "an irrelevant citation behind")
def irrelevant_behind(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """A statement cites a document that does not help, after its own."""
    return _with_irrelevant(draft, scene, rng, first=False)


@attack("4", "an irrelevant citation in front")
def irrelevant_in_front(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """A statement cites a document that does not help, before its own."""
    return _with_irrelevant(draft, scene, rng, first=True)


def _with_irrelevant(draft: Draft, scene: Scene, rng: Random, *, first: bool) -> Draft | None:
    place = any_position(draft, rng)
    if place is None:
        return None
    cited = draft.parts[place].cited
    others = [index for index in scene.irrelevant(draft.parts[place]) if index not in cited]
    if not others:
        return None
    added = rng.choice(others)
    return _recited(draft, place, (added, *cited) if first else (*cited, added))


@attack("4", "an irrelevant citation everywhere")
def irrelevant_everywhere(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Every statement cites a document that does not help, after its own."""

    def burdened(part: Part) -> Part:
        others = [index for index in scene.irrelevant(part) if index not in part.cited]
        return replace(part, cited=(*part.cited, rng.choice(others))) if part.origin is not None and others else part

    return changed(draft, draft.each(burdened))
