"""Families 5 and 6, and padding: gold answers listed again, documents copied, true statements that answer nothing."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from groundeval.parsing.statements import sentences
from groundeval.rewards.benchmark.answer import Answer, Part, answer_of
from groundeval.rewards.benchmark.attacks.attack import attack, honest_positions
from groundeval.rewards.benchmark.case import Case, as_item
from groundeval.rewards.benchmark.language import canonical, contains, overlap, within


def _listed(case: Case, *, cited: bool) -> list[Part]:
    """The gold answers that the documents hold: their aliases, or the claims."""
    parts: list[Part] = []
    for gold in case.stating:
        holder = tuple(case.holders(gold)[:1]) if cited else ()
        for alias in case.aliases(gold)[:1] if case.kind == "claims" else case.aliases(gold):
            pieces = answer_of(alias, "claims").parts if case.kind == "claims" else (Part(as_item(alias, case)),)
            parts += [replace(piece, cited=holder, origin=None) for piece in pieces]
    return parts


@attack("5", "answers listed at the end")
def listed(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The supported gold answers with all their aliases once more, without citations."""
    parts = _listed(case, cited=False)
    if case.kind == "em" and parts:
        parts = [Part(", ".join(part.text for part in parts))]
    return answer.plus(*parts) if parts else None


@attack("5", "answers listed at the end, cited")
def listed_cited(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The supported gold answers with all their aliases once more, each with a document that holds it."""
    parts = _listed(case, cited=True)
    return answer.plus(*parts) if parts else None


@attack("5", "answers listed thrice, cited")
def listed_thrice(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The same three times over."""
    parts = _listed(case, cited=True)
    return answer.plus(*parts * 3) if parts else None


@attack("5", "answers listed that no document holds")
def listed_unsupported(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The gold answers that no document holds, each with some document as citation."""
    missing = [gold for gold, held in enumerate(case.example.supported) if not held and case.aliases(gold)]
    if not missing or not case.docs:
        return None
    names = (case.aliases(gold)[0].rstrip(".") for gold in missing)
    return answer.plus(*(Part(as_item(name, case), (rng.randrange(len(case.docs)),)) for name in names))


def _copied(case: Case, index: int) -> list[Part]:
    return [Part(sentence, (index,)) for sentence in sentences(case.docs[index].text)]


def _useful_document(case: Case, rng: Random) -> int:
    """A document that the honest response cites, or any if it cites none."""
    cited = sorted({index for part in case.honest.parts for index in part.cited})
    return rng.choice(cited or list(range(len(case.docs))))


@attack("6", "a document copied at the end")
def copy_added(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """After the response a cited document, word for word, every sentence with its citation."""
    return answer.plus(*_copied(case, _useful_document(case, rng)))


@attack("6", "a document copied instead", on="both", keeps=False)
def copy_instead(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Instead of the response a document, word for word, every sentence with its citation."""
    return _instead(answer, case, _copied(case, _useful_document(case, rng)))


@attack("6", "a document copied instead, cited once", on="both", keeps=False)
def copy_cited_once(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Instead of the response a document, word for word, with one citation at its end."""
    *head, last = _copied(case, _useful_document(case, rng))
    return _instead(answer, case, [*(replace(part, cited=()) for part in head), last])


@attack("6", "all documents copied instead", on="both", keeps=False)
def copy_all(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Instead of the response all documents, word for word, every sentence with its citation."""
    return _instead(answer, case, [part for index in range(len(case.docs)) for part in _copied(case, index)])


def _instead(answer: Answer, case: Case, parts: list[Part]) -> Answer | None:
    """The copy; a document of one sentence may be the best answer itself."""
    return answer.having(*parts) if not case.answerable or len(parts) > 1 else None


@attack("padded", "titles of documents")
def titles(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """After the response the titles of some documents, each with its own citation."""
    titled = [index for index, document in enumerate(case.docs) if canonical(document.title)]
    chosen = rng.sample(titled, min(2, len(titled)))
    return answer.plus(*(Part(as_item(case.docs[index].title, case), (index,)) for index in chosen)) if chosen else None


@attack("padded", "another sentence of a document")
def another_sentence(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """After the response a sentence of some document that holds no gold answer, with its own citation."""
    useless = [index for index, document in enumerate(case.docs) if not any(document.answers_found or ())]
    if not useless:
        return None
    part = rng.choice(_copied(case, rng.choice(useless)))
    return answer.plus(replace(part, text=as_item(part.text, case)))


@attack("padded", "sentences of documents between the statements")
def padding_between(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Before every statement a sentence of a document that holds no gold answer, with its own citation."""
    useless = [index for index, document in enumerate(case.docs) if not any(document.answers_found or ())]
    if not useless:
        return None
    padding = (rng.choice(_copied(case, rng.choice(useless))) for _ in answer.parts)
    return answer.having(*(each for pair in zip(padding, answer.parts, strict=True) for each in pair))


@attack("padded", "a useless clause in a statement")
def useless_clause(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A statement continues with a sentence of its cited document that gives no gold answer."""
    places = [place for place in honest_positions(answer) if answer.parts[place].cited and case.kind != "list"]
    if not places:
        return None
    place = rng.choice(places)
    part = answer.parts[place]
    document = case.docs[case.honest.parts[part.origin or 0].cited[0]]
    useless = [said.rstrip(".") for said in sentences(document.text) if _brings_nothing(said, case)]
    if not useless:
        return None
    return answer.with_part(place, replace(part, text=f"{part.text}, and {within(rng.choice(useless))}"))


def _brings_nothing(sentence: str, case: Case) -> bool:
    """Whether a sentence holds no gold answer, and few of the words of any gold claim."""
    answers = [alias for aliases in case.example.answers or () for alias in aliases]
    if case.kind == "claims":
        return all(overlap(claim, sentence) < _SAYS_SOMETHING_ELSE for claim in answers)
    return not any(contains(sentence, alias) for alias in answers)


_SAYS_SOMETHING_ELSE = 0.5
