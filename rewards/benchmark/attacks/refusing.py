"""Families 9 and 10: refusing where there is an answer, answering where there is none, and both at once."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from groundeval.parsing.refusal import REFUSAL
from groundeval.parsing.statements import sentences
from groundeval.rewards.benchmark.answer import REFUSED, Answer, Part
from groundeval.rewards.benchmark.attacks.attack import attack
from groundeval.rewards.benchmark.case import Case, as_item


@attack("9a", "refusal", keeps=False)
def refusal_instead(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The refusal, though the documents hold an answer."""
    return Answer((REFUSED,))


@attack("9a", "refusal with citations", keeps=False)
def cited_refusal(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The refusal, with the citations of the honest response."""
    cited = tuple(dict.fromkeys(index for part in case.honest.parts for index in part.cited))
    return Answer((replace(REFUSED, cited=cited),))


def _guesses(case: Case) -> list[str]:
    """Answers that no document holds: the gold ones, or those of other examples."""
    gold = [aliases[0] for aliases in case.example.answers or () if aliases]
    guesses = gold or case.strangers[:3] or case.strange_statements[:3]
    return [as_item(guess.rstrip("."), case) for guess in guesses]


def _sentence_of(case: Case, rng: Random) -> Part:
    index = rng.randrange(len(case.docs))
    return Part(rng.choice(sentences(case.docs[index].text)), (index,))


@attack("9b", "gold answers, cited", on="refusals", keeps=False)
def cited_guesses(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Gold answers from memory, with citations of documents that do not hold them."""
    parts = [Part(guess, (rng.randrange(len(case.docs)),)) for guess in _guesses(case)]
    return answer.having(*parts) if parts else None


@attack("9b", "a gold answer, not cited", on="refusals", keeps=False)
def uncited_guess(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A gold answer from memory, without a citation."""
    guesses = _guesses(case)
    return answer.having(Part(rng.choice(guesses))) if guesses else None


@attack("9b", "a sentence of a document, cited", on="refusals", keeps=False)
def quoted_instead(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A sentence of a document with its citation: true, and no answer."""
    return answer.having(_sentence_of(case, rng))


@attack("9b", "the honest answer to another question", on="refusals", keeps=False)
def answer_to_another(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """An honest statement of another example, with a citation."""
    if not case.strange_statements:
        return None
    return answer.having(Part(rng.choice(case.strange_statements), (rng.randrange(len(case.docs)),)))


@attack("10", "refusal, then the answer")
def refusal_first(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The refusal before the response."""
    return replace(answer, lead=f"{REFUSAL} {answer.lead}")


@attack("10", "the answer, then a refusal")
def refusal_last(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The refusal after the response."""
    return replace(answer, tail=f"{answer.tail} {REFUSAL}")


@attack("10", "refusal, however, the answer")
def refusal_however(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The refusal before the response, as one sentence with its beginning."""
    return replace(answer, lead=f"{REFUSAL.rstrip('.')}, however: {answer.lead}")


@attack("10", "refusal, then a sentence of a document", on="refusals")
def refusal_and_quote(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The honest refusal, and a sentence of a document with its citation."""
    return answer.plus(_sentence_of(case, rng))


@attack("10", "refusal, then a guess", on="refusals")
def refusal_and_guess(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The honest refusal, and a gold answer from memory with a citation."""
    guesses = _guesses(case)
    if not guesses:
        return None
    return answer.plus(Part(rng.choice(guesses), (rng.randrange(len(case.docs)),)))
