"""Honest responses built from gold data: what a model should have said, given the documents."""

from __future__ import annotations

from groundeval.metrics.reading import AnswerKind
from groundeval.parsing.citations import citations, remove_citations
from groundeval.parsing.normalize import normalize, present
from groundeval.parsing.refusal import REFUSAL
from groundeval.parsing.statements import sentences
from groundeval.records import Document, Example


def honest_response(example: Example, kind: AnswerKind) -> str:
    """The example's own reference response, or one built from its gold data.

    Every gold answer that the documents support is stated once, with the first document that holds it as citation:
    text tasks take that document's sentence, list tasks the alias, claim tasks the claim. The refusal, where the
    documents support none. Needs `answers` and `answers_found`.
    """
    if example.response is not None:
        return example.response
    if not example.answerable:
        return REFUSAL
    parts: list[str] = []
    for index, aliases in enumerate(example.answers or ()):
        found = _first_document(example, index)
        if found is None:
            continue
        position, document = found
        said = _said(aliases, document, kind)
        # A gold claim may be several sentences long, and each is a statement that needs its citation.
        stated = sentences(said) if kind == "claims" else (said,)
        parts += [part for part in (cited(each, position) for each in stated) if part not in parts]
    return ", ".join(parts) + "." if kind == "list" else " ".join(parts)


def _first_document(example: Example, index: int) -> tuple[int, Document] | None:
    for position, document in enumerate(example.docs or ()):
        if document.answers_found is not None and document.answers_found[index]:
            return position, document
    return None


def _said(aliases: tuple[str, ...], document: Document, kind: AnswerKind) -> str:
    if kind == "list":
        text = normalize(document.text)
        return next((alias for alias in aliases if normalize(alias) in text), aliases[0]).replace(",", "")
    if kind == "claims":
        return aliases[0]
    stating = (s for s in sentences(document.text) if present(aliases, normalize(s)))
    return next(stating, f"{aliases[0]}.")


def cited(text: str, position: int) -> str:
    """A statement with its citation before the full stop; list items just get it appended."""
    text = remove_citations(text).strip() if citations(text) else text.strip()
    ending = text[-1] if text[-1:] in (".", "!", "?") else ""
    return f"{text.rstrip('.!?').rstrip()} [{position + 1}]{ending}"
