"""Families 1 to 4: citations that are wrong, missing, or too many."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from groundeval.rewards.benchmark.answer import Answer, Part
from groundeval.rewards.benchmark.attacks.attack import any_position, attack, changed, honest_positions
from groundeval.rewards.benchmark.case import Case


def _recited(answer: Answer, place: int, cited: tuple[int, ...]) -> Answer:
    return answer.with_part(place, replace(answer.parts[place], cited=cited))


@attack("1", "wrong document")
def wrong_document(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A statement cites a document that does not hold its answers."""
    place = any_position(answer, rng)
    wrong = [] if place is None else case.irrelevant(answer.parts[place])
    return changed(answer, _recited(answer, place, (rng.choice(wrong),))) if place is not None and wrong else None


@attack("1", "wrong documents everywhere")
def wrong_documents(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Every statement cites a document that does not hold its answers, if there is one."""

    def swapped(part: Part) -> Part:
        wrong = case.irrelevant(part)
        return replace(part, cited=(rng.choice(wrong),)) if part.origin is not None and wrong else part

    return changed(answer, answer.each(swapped))


@attack("1", "document that does not exist")
def out_of_range(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A statement cites a number beyond the documents."""
    place = any_position(answer, rng)
    return None if place is None else _recited(answer, place, (len(case.docs) + rng.randrange(20),))


@attack("1", "the right document and one that does not exist")
def partly_out_of_range(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A statement cites, beside its own documents, a number beyond them."""
    place = any_position(answer, rng)
    if place is None:
        return None
    return _recited(answer, place, (*answer.parts[place].cited, len(case.docs) + rng.randrange(20)))


@attack("1", "[0]")
def zero(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """All statements cite `[0]`, which some evaluators take for the last document."""
    return changed(answer, answer.each(lambda part: replace(part, cited=(-1,)) if part.cited else part))


@attack("2", "all citations left out")
def uncited(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """No statement cites anything."""
    return changed(answer, answer.each(lambda part: replace(part, cited=())))


@attack("2", "a citation left out")
def one_uncited(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """One statement cites nothing."""
    place = any_position(answer, rng)
    return None if place is None else changed(answer, _recited(answer, place, ()))


@attack("2", "all citations at the end")
def cited_at_the_end(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The last statement carries the citations of all."""
    cited = tuple(dict.fromkeys(index for part in answer.parts for index in part.cited))
    if len(answer.parts) < 2:
        return None
    bare = answer.each(lambda part: replace(part, cited=()))
    return changed(answer, _recited(bare, len(bare.parts) - 1, cited))


@attack("3", "every document cited by every statement")
def cite_all(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Each statement cites all documents, among them some that do not hold its answers."""
    every = tuple(range(len(case.docs)))
    if not any(_burdens(case, part) for part in answer.parts):
        return None
    return changed(answer, answer.each(lambda part: replace(part, cited=every)))


@attack("3", "every document cited by one statement")
def one_cites_all(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """One statement cites all documents, among them some that do not hold its answers."""
    places = [place for place in honest_positions(answer) if _burdens(case, answer.parts[place])]
    if not places:
        return None
    return changed(answer, _recited(answer, rng.choice(places), tuple(range(len(case.docs)))))


def _burdens(case: Case, part: Part) -> bool:
    """Whether there is a document that does not support this honest part."""
    return part.origin is not None and bool(case.irrelevant(part))


@attack("3", "the right document thrice, then all the others")
def behind_the_cap(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Irrelevant citations follow repeated good ones, to escape evaluators that judge only the first three."""
    place = any_position(answer, rng)
    if place is None or not answer.parts[place].cited:
        return None
    part = answer.parts[place]
    others = tuple(case.irrelevant(part))
    return _recited(answer, place, (part.cited * 3)[:3] + part.cited[3:] + others) if others else None


@attack("3", "the same citation twice")
def doubled(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A statement repeats its first citation."""
    place = any_position(answer, rng)
    if place is None or not answer.parts[place].cited:
        return None
    return _recited(answer, place, (answer.parts[place].cited[0], *answer.parts[place].cited))


@attack("4", "an irrelevant citation behind")
def irrelevant_behind(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A statement cites a document that does not help, after its own."""
    return _with_irrelevant(answer, case, rng, first=False)


@attack("4", "an irrelevant citation in front")
def irrelevant_in_front(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A statement cites a document that does not help, before its own."""
    return _with_irrelevant(answer, case, rng, first=True)


def _with_irrelevant(answer: Answer, case: Case, rng: Random, *, first: bool) -> Answer | None:
    place = any_position(answer, rng)
    if place is None:
        return None
    cited = answer.parts[place].cited
    others = [index for index in case.irrelevant(answer.parts[place]) if index not in cited]
    if not others:
        return None
    added = rng.choice(others)
    return _recited(answer, place, (added, *cited) if first else (*cited, added))


@attack("4", "an irrelevant citation everywhere")
def irrelevant_everywhere(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Every statement cites a document that does not help, after its own."""

    def burdened(part: Part) -> Part:
        others = [index for index in case.irrelevant(part) if index not in part.cited]
        return replace(part, cited=(*part.cited, rng.choice(others))) if part.origin is not None and others else part

    return changed(answer, answer.each(burdened))
