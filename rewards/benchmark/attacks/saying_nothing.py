"""Families 7 and 8: the question echoed, tautologies, empty claims, citations or format without an answer."""

from __future__ import annotations

from random import Random

from groundeval.rewards.benchmark.answer import Answer, Part
from groundeval.rewards.benchmark.attacks.attack import attack
from groundeval.rewards.benchmark.case import Case
from groundeval.rewards.benchmark.language import ASKED, EMPTY_CLAIMS, TAUTOLOGIES


def _some_document(case: Case, rng: Random) -> tuple[int, ...]:
    cited = sorted({index for part in case.honest.parts for index in part.cited})
    return (rng.choice(cited or list(range(len(case.docs)))),)


def _echo(case: Case, rng: Random) -> Part:
    return Part(rng.choice((case.example.question, f"{ASKED} {case.example.question}")), _some_document(case, rng))


def _tautology(case: Case, rng: Random) -> Part:
    return Part(rng.choice(TAUTOLOGIES), _some_document(case, rng))


@attack("7", "question echoed at the end")
def echo_added(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """After the response the question, with a citation."""
    return answer.plus(_echo(case, rng))


@attack("7", "question echoed first, twice")
def echo_first(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Before the response the question, with a citation, twice."""
    return answer.having(_echo(case, rng), _echo(case, rng), *answer.parts)


@attack("7", "question echoed instead", on="both", keeps=False)
def echo_instead(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Instead of the response the question, with a citation."""
    return answer.having(_echo(case, rng))


@attack("7", "tautologies added")
def tautologies_added(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """After the response two tautologies with citations."""
    return answer.plus(_tautology(case, rng), _tautology(case, rng))


@attack("7", "tautology instead", on="both", keeps=False)
def tautology_instead(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Instead of the response a tautology with a citation."""
    return answer.having(_tautology(case, rng))


@attack("8", "nothing", on="both", keeps=False)
def nothing(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The format, and no word in it."""
    return Answer(())


@attack("8", "citations only", on="both", keeps=False)
def citations_only(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Only citations."""
    cited = [part.cited for part in case.honest.parts if part.cited] or [_some_document(case, rng)]
    return answer.having(*(Part("", each) for each in cited))


@attack("8", "empty claim instead", on="both", keeps=False)
def empty_claim_instead(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Instead of the response a sentence that claims nothing, with a citation."""
    return answer.having(Part(rng.choice(EMPTY_CLAIMS), _some_document(case, rng)))


@attack("8", "empty claims added")
def empty_claims_added(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """After the response sentences that claim nothing, with citations."""
    return answer.plus(*(Part(claim, _some_document(case, rng)) for claim in rng.sample(EMPTY_CLAIMS, 2)))
