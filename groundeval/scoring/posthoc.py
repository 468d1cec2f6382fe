"""Post-hoc citation (ALCE): cite for each uncited statement the document most similar to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from groundeval.metrics.reading import AnswerKind
from groundeval.parsing.citations import citations, remove_citations
from groundeval.parsing.refusal import refuses
from groundeval.parsing.statements import sentences
from groundeval.records import Document, Response

_ENDINGS = ".!?"
Similarities = Callable[[str], Sequence[float]]
"""Similarity of a statement to each document; 0 or less: none."""
Comparing = Callable[[Sequence[Document]], Similarities]


def cite_afterwards(response: Response, kind: AnswerKind, comparing: Comparing | None = None) -> Response:
    """The response with a citation added to every sentence or list item that has none and is similar to some document.

    Refusals, and statements similar to no document, are unchanged. Citations go before the final punctuation mark. The
    default similarity is TF-IDF.
    """
    docs = response.example.docs or ()
    if not docs or response.status != "ok" or refuses(response.text):
        return response
    similar = (comparing or tfidf)(docs)
    if kind == "list":
        text = ",".join(_cited(item, similar) for item in response.text.split(","))
    else:
        text = _each_sentence(response.text, similar)
    return replace(response, text=text)


def _each_sentence(text: str, similar: Similarities) -> str:
    """The text with its sentences cited; the text between them is unchanged."""
    parts: list[str] = []
    position = 0
    for sentence in sentences(text):
        start = text.index(sentence, position)
        parts += [text[position:start], _cited(sentence, similar)]
        position = start + len(sentence)
    return "".join([*parts, text[position:]])


def _cited(statement: str, similar: Similarities) -> str:
    if citations(statement) or not statement.strip():
        return statement
    scores = similar(statement)
    best = max(range(len(scores)), key=scores.__getitem__)
    if scores[best] <= 0:
        return statement
    bare = statement.rstrip()
    body = bare.rstrip(_ENDINGS)
    return f"{body} [{best + 1}]{bare[len(body) :]}{statement[len(bare) :]}"


def tfidf(docs: Sequence[Document]) -> Similarities:
    """Cosine of a statement's TF-IDF vector with each document's, in [0, 1]; the weights come from the documents."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(stop_words="english")
    try:
        known = vectorizer.fit_transform([f"{document.title} {document.text}" for document in docs])
    except ValueError:  # The documents hold only stop words.
        return lambda statement: [0.0] * len(docs)

    def similarities(statement: str) -> list[float]:
        return [float(each) for each in (vectorizer.transform([statement]) @ known.T).toarray()[0]]

    return similarities


def encoded(encoder: Callable[[Sequence[str]], Any]) -> Comparing:
    """Cosine of an encoder's vectors of a statement and of each document, in [-1, 1]."""

    def comparing(docs: Sequence[Document]) -> Similarities:
        known = encoder([f"{document.title} {document.text}".strip() for document in docs])
        return lambda statement: [float(each) for each in known @ encoder([remove_citations(statement).strip()])[0]]

    return comparing
