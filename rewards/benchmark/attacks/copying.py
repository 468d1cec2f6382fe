"""Families 5 and 6, and padding: gold answers listed again, documents copied, true statements that answer nothing."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from groundeval.parsing.statements import sentences
from groundeval.rewards.benchmark.answer import Draft, Part, draft_of
from groundeval.rewards.benchmark.attacks.attack import attack, honest_positions
from groundeval.rewards.benchmark.case import Scene, as_item
from groundeval.rewards.benchmark.language import canonical, contains, overlap, within


def _listed(scene: Scene, *, cited: bool) -> list[Part]:
    """The gold answers that the documents hold: their aliases, or the claims."""
    parts: list[Part] = []
    for answer in scene.stating:
        holder = tuple(scene.holders(answer)[:1]) if cited else ()
        for alias in scene.aliases(answer)[:1] if scene.kind == "claims" else scene.aliases(answer):
            pieces = draft_of(alias, "claims").parts if scene.kind == "claims" else (Part(as_item(alias, scene)),)
            parts += [replace(piece, cited=holder, origin=None) for piece in pieces]
    return parts


@attack("5", "answers listed at the end")
def listed(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """The supported gold answers with all their aliases once more, without citations."""
    parts = _listed(scene, cited=False)
    if scene.kind == "em" and parts:
        parts = [Part(", ".join(part.text for part in parts))]
    return draft.plus(*parts) if parts else None


@attack("5", "answers listed at the end, cited")
def listed_cited(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """The supported gold answers with all their aliases once more, each with a document that holds it."""
    parts = _listed(scene, cited=True)
    return draft.plus(*parts) if parts else None


@attack("5", "answers listed thrice, cited")
def listed_thrice(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """The same three times over."""
    parts = _listed(scene, cited=True)
    return draft.plus(*parts * 3) if parts else None


@attack("5", "answers listed that no document holds")
def listed_unsupported(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """The gold answers that no document holds, each with some document as citation."""
    missing = [answer for answer, held in enumerate(scene.example.supported) if not held and scene.aliases(answer)]
    if not missing or not scene.docs:
        return None
    names = (scene.aliases(answer)[0].rstrip(".") for answer in missing)
    return draft.plus(*(Part(as_item(name, scene), (rng.randrange(len(scene.docs)),)) for name in names))


def _copied(scene: Scene, index: int) -> list[Part]:
    return [Part(sentence, (index,)) for sentence in sentences(scene.docs[index].text)]


def _useful_document(scene: Scene, rng: Random) -> int:
    """A document that the honest response cites, or any where it cites none."""
    cited = sorted({index for part in scene.honest.parts for index in part.cited})
    return rng.choice(cited or list(range(len(scene.docs))))


@attack("6", "a document copied at the end")
def copy_added(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Behind the response a cited document, word for word, every sentence with its citation."""
    return draft.plus(*_copied(scene, _useful_document(scene, rng)))


@attack("6", "a document copied instead", on="both", keeps=False)
def copy_instead(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Instead of the response a document, word for word, every sentence with its citation."""
    return _instead(draft, scene, _copied(scene, _useful_document(scene, rng)))


@attack("6", "a document copied instead, cited once", on="both", keeps=False)
def copy_cited_once(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Instead of the response a document, word for word, with one citation at its end."""
    *head, last = _copied(scene, _useful_document(scene, rng))
    return _instead(draft, scene, [*(replace(part, cited=()) for part in head), last])


@attack("6", "all documents copied instead", on="both", keeps=False)
def copy_all(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Instead of the response all documents, word for word, every sentence with its citation."""
    return _instead(draft, scene, [part for index in range(len(scene.docs)) for part in _copied(scene, index)])


def _instead(draft: Draft, scene: Scene, parts: list[Part]) -> Draft | None:
    """The copy; a document of one sentence may be the best answer itself."""
    return draft.having(*parts) if not scene.answerable or len(parts) > 1 else None


@attack("padded", "titles of documents")
def titles(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Behind the response the titles of some documents, each with its own citation."""
    titled = [index for index, document in enumerate(scene.docs) if canonical(document.title)]
    chosen = rng.sample(titled, min(2, len(titled)))
    return (
        draft.plus(*(Part(as_item(scene.docs[index].title, scene), (index,)) for index in chosen)) if chosen else None
    )


@attack("padded", "another sentence of a document")
def another_sentence(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Behind the response a sentence of some document that holds no gold answer, with its own citation."""
    useless = [index for index, document in enumerate(scene.docs) if not any(document.answers_found or ())]
    if not useless:
        return None
    part = rng.choice(_copied(scene, rng.choice(useless)))
    return draft.plus(replace(part, text=as_item(part.text, scene)))


@attack("padded", "sentences of documents between the statements")
def padding_between(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """Before every statement a sentence of a document that holds no gold answer, with its own citation."""
    useless = [index for index, document in enumerate(scene.docs) if not any(document.answers_found or ())]
    if not useless:
        return None
    padding = (rng.choice(_copied(scene, rng.choice(useless))) for _ in draft.parts)
    return draft.having(*(each for pair in zip(padding, draft.parts, strict=True) for each in pair))


@attack("padded", "a useless clause in a statement")
def useless_clause(draft: Draft, scene: Scene, rng: Random) -> Draft | None:
    """A statement goes on with a sentence of the document that it cites, which brings no gold answer."""
    places = [place for place in honest_positions(draft) if draft.parts[place].cited and scene.kind != "list"]
    if not places:
        return None
    place = rng.choice(places)
    part = draft.parts[place]
    document = scene.docs[scene.honest.parts[part.origin or 0].cited[0]]
    useless = [said.rstrip(".") for said in sentences(document.text) if _brings_nothing(said, scene)]
    if not useless:
        return None
    return draft.with_part(place, replace(part, text=f"{part.text}, and {within(rng.choice(useless))}"))


def _brings_nothing(sentence: str, scene: Scene) -> bool:
    """Does a sentence hold no gold answer, and few of the words of any gold claim."""
    answers = [alias for aliases in scene.example.answers or () for alias in aliases]
    if scene.kind == "claims":
        return all(overlap(claim, sentence) < _SAYS_SOMETHING_ELSE for claim in answers)
    return not any(contains(sentence, alias) for alias in answers)


_SAYS_SOMETHING_ELSE = 0.5
