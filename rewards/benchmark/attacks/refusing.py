"""Families 9 and 10: refusing where there is an answer, answering where there is none, and both at once."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from groundeval.parsing.refusal import REFUSAL
from groundeval.parsing.statements import sentences
from groundeval.rewards.benchmark.answer import REFUSED, Draft, Part
from groundeval.rewards.benchmark.attacks.attack import attack
from groundeval.rewards.benchmark.case import Scene, as_item


@attack("9a", "refusal", keeps=False)
def refusal_instead(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """The refusal, though the documents hold an answer."""
    return Draft((REFUSED,))


@attack("9a", "refusal with citations", keeps=False)
def cited_refusal(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """The refusal, with the citations of the honest response."""
    cited = tuple(dict.fromkeys(index for part in scene.honest.parts for index in part.cited))
    return Draft((replace(REFUSED, cited=cited),))


def _guesses(scene: Scene) -> list[str]:
    """Answers that no document holds: the gold ones, or those of other examples."""
    gold = [aliases[0] for aliases in scene.example.answers or () if aliases]
    guesses = gold or scene.strangers[:3] or scene.strange_statements[:3]
    return [as_item(guess.rstrip("."), scene) for guess in guesses]


def _sentence_of(scene: Scene, rng: Random) -> Part:
    index = rng.randrange(len(scene.docs))
    return Part(rng.choice(sentences(scene.docs[index].text)), (index,))


@attack("9b", "gold answers, cited", on="refusals", keeps=False)
def cited_guesses(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Gold answers from memory, with citations of documents that do not hold them."""
    parts = [Part(guess, (rng.randrange(len(scene.docs)),)) for guess in _guesses(scene)]
    return draft.having(*parts) if parts else None


@attack("9b", "a gold answer, not cited", on="refusals", keeps=False)
def uncited_guess(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """A gold answer from memory, without a citation."""
    guesses = _guesses(scene)
    return draft.having(Part(rng.choice(guesses))) if guesses else None


@attack("9b", "a sentence of a document, cited", on="refusals", keeps=False)
def quoted_instead(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """A sentence of a document with its citation: true, and no answer."""
    return draft.having(_sentence_of(scene, rng))


@attack("9b", "the honest answer to another question", on="refusals", keeps=False)
def answer_to_another(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """An honest statement of another example, with a citation."""
    if not scene.strange_statements:
        return None
    return draft.having(Part(rng.choice(scene.strange_statements), (rng.randrange(len(scene.docs)),)))


@attack("10", "refusal, then the answer")
def refusal_first(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """The refusal before the response."""
    return replace(draft, lead=f"{REFUSAL} {draft.lead}")


@attack("10", "the answer, then a refusal")
def refusal_last(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """The refusal behind the response."""
    return replace(draft, tail=f"{draft.tail} {REFUSAL}")


@attack("10", "refusal, however, the answer")
def refusal_however(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """The refusal before the response, as one sentence with its beginning."""
    return replace(draft, lead=f"{REFUSAL.rstrip('.')}, however: {draft.lead}")


@attack("10", "refusal, then a sentence of a document", on="refusals")
def refusal_and_quote(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """The honest refusal, and a sentence of a document with its citation."""
    return draft.plus(_sentence_of(scene, rng))


@attack("10", "refusal, then a guess", on="refusals")
def refusal_and_guess(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """The honest refusal, and a gold answer from memory with a citation."""
    guesses = _guesses(scene)
    if not guesses:
        return None
    return draft.plus(Part(rng.choice(guesses), (rng.randrange(len(scene.docs)),)))
