"""Families 7 and 8: the question echoed, tautologies, empty claims, citations or format without an answer."""

from __future__ import annotations

from random import Random

from groundeval.rewards.benchmark.answer import Draft, Part
from groundeval.rewards.benchmark.attacks.attack import attack
from groundeval.rewards.benchmark.case import Scene
from groundeval.rewards.benchmark.language import ASKED, EMPTY_CLAIMS, TAUTOLOGIES


def _some_document(scene: Scene, rng: Random) -> tuple[int, ...]:
    cited = sorted({index for part in scene.honest.parts for index in part.cited})
    return (rng.choice(cited or list(range(len(scene.docs)))),)


def _echo(scene: Scene, rng: Random) -> Part:
    return Part(rng.choice((scene.example.question, f"{ASKED} {scene.example.question}")), _some_document(scene, rng))


def _tautology(scene: Scene, rng: Random) -> Part:
    return Part(rng.choice(TAUTOLOGIES), _some_document(scene, rng))


@attack("7", "question echoed at the end")
def echo_added(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Behind the response the question, with a citation."""
    return draft.plus(_echo(scene, rng))


@attack("7", "question echoed first, twice")
def echo_first(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Before the response the question, with a citation, twice."""
    return draft.having(_echo(scene, rng), _echo(scene, rng), *draft.parts)


@attack("7", "question echoed instead", on="both", keeps=False)
def echo_instead(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Instead of the response the question, with a citation."""
    return draft.having(_echo(scene, rng))


@attack("7", "tautologies added")
def tautologies_added(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Behind the response two tautologies with citations."""
    return draft.plus(_tautology(scene, rng), _tautology(scene, rng))


@attack("7", "tautology instead", on="both", keeps=False)
def tautology_instead(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Instead of the response a tautology with a citation."""
    return draft.having(_tautology(scene, rng))


@attack("8", "nothing", on="both", keeps=False)
def nothing(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """The format, and no word in it."""
    return Draft(())


@attack("8", "citations only", on="both", keeps=False)
def citations_only(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Nothing but citations."""
    cited = [part.cited for part in scene.honest.parts if part.cited] or [_some_document(scene, rng)]
    return draft.having(*(Part("", each) for each in cited))


@attack("8", "empty claim instead", on="both", keeps=False)
def empty_claim_instead(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Instead of the response a sentence that claims nothing, with a citation."""
    return draft.having(Part(rng.choice(EMPTY_CLAIMS), _some_document(scene, rng)))


@attack("8", "empty claims added")
def empty_claims_added(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Behind the response sentences that claim nothing, with citations."""
    return draft.plus(*(Part(claim, _some_document(scene, rng)) for claim in rng.sample(EMPTY_CLAIMS, 2)))
