"""Reference responses built from gold data: the right response, given the documents."""

from __future__ import annotations

import re

from groundeval.metrics.reading import AnswerKind
from groundeval.parsing.citations import citations, remove_citations
from groundeval.parsing.normalize import normalize, present
from groundeval.parsing.refusal import REFUSAL
from groundeval.parsing.statements import sentences
from groundeval.parsing.strict.matching import holds
from groundeval.parsing.strict.tokens import tokens
from groundeval.records import Document, Example

_ENDING = re.compile(r"(.*?)((?:\s*[.!?]+\s*(?:''|[\"”’])?)?)\s*", re.DOTALL)


def reference_response(example: Example, kind: AnswerKind) -> str:
    """The example's own reference response, or one built from its gold data.

    Every gold answer that the documents support is stated once, with the first document that holds it as citation:
    text tasks take that document's sentence, unless a sentence taken before states the answer too, list tasks the
    alias, claim tasks the claim. The refusal, if the documents support none. Needs `answers` and `answers_found`.
    """
    if example.response is not None:
        return example.response
    if not example.answerable:
        return REFUSAL
    parts: list[str] = []
    for index, aliases in enumerate(example.answers or ()):
        found = _first_document(example, index)
        if found is None or (kind == "em" and any(_states(part, aliases) for part in parts)):
            continue
        position, document = found
        said = _said(aliases, document, kind)
        # A gold claim may be several sentences long, and each is a statement that needs its citation. Remains of
        # layout (line breaks, bullets) are not statements.
        stated = sentences(said) if kind == "claims" else (said,)
        lines = (" ".join(each.split()) for each in stated if any(map(str.isalnum, each)))
        parts += [part for part in (cited(line, position) for line in lines) if part not in parts]
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
    stating = [sentence for sentence in sentences(document.text) if present(aliases, normalize(sentence))]
    # An alias may be in a document only as part of another word.
    as_words = (sentence for sentence in stating if _states(sentence, aliases))
    return next(as_words, stating[0] if stating else f"{aliases[0]}.")


def _states(text: str, aliases: tuple[str, ...]) -> bool:
    """Whether the text contains some alias, both by characters and by whole words, as evaluators differ."""
    return present(aliases, normalize(text)) and holds(aliases, tokens(text))


def cited(text: str, position: int) -> str:
    """A statement with its citation before the full stop, which a quotation mark may follow; to list items it is
    appended."""
    text = remove_citations(text).strip() if citations(text) else text.strip()
    said, ending = _ENDING.fullmatch(text).groups()  # type: ignore[union-attr]
    return f"{said} [{position + 1}]{ending}"
