"""Headings and lead-ins that claim something of their own, which the statements that cite do not say."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from groundeval.metrics.profiles import StrictStatement
from groundeval.metrics.reading import Reading
from groundeval.parsing.strict.content import content
from groundeval.parsing.strict.statements import LABEL
from groundeval.parsing.strict.tokens import tokens
from groundeval.parsing.strict.visible import for_verifier
from groundeval.parsing.strict.vocabulary import negations
from groundeval.records import Statement

_FIGURE = re.compile(r"\d[\d.]*")
_CENTURY = re.compile(r"(?i)\b\d\d?(?:st|nd|rd|th)? (?:century|centuries)\b")
_NAME = re.compile(r"[^\W\d_a-zß-öø-ÿ][\w'’-]+(?: [^\W\d_a-zß-öø-ÿ][\w'’-]+)+")


class Headings:
    """What the headings of an answer may say for nothing: what the question or its cited statements say, or what the
    documents hold that it cites."""

    def __init__(self, statements: Sequence[Statement], reading: Reading) -> None:
        docs = reading.response.example.docs or ()
        citing = [(each, cited) for each in statements if (cited := _cited(each))]
        indices = {index for _, cited in citing for index in cited}
        self._question = reading.response.example.question
        self._count = len(statements)
        said = "\n".join([self._question, *(each.text for each, _ in citing)])
        known = "\n".join([said, *(doc.premise for index, doc in enumerate(docs) if index in indices)])
        self._others = [doc for index, doc in enumerate(docs) if index not in indices]
        self._stems = {word[:4] for word in content(said)}
        self._said, self._known, self._text = {*tokens(said)}, {*tokens(known)}, known.lower()

    def claim_of(self, heading: str) -> str:
        """What a heading says more, as a sentence for a verifier: another answer behind a label, alone, or with a
        figure of its own; empty if it says no more. What is asked is no claim."""
        if heading.rstrip().endswith(("?", "？", "؟")):
            return ""
        label = LABEL.match(heading)
        answer = heading[label.end() :] if label else heading.strip(" :：")
        if self._answers_otherwise(answer) if label else self._names_another(answer):
            return f'The answer to the question "{self._question}" is {for_verifier(answer)}.'
        return for_verifier(heading) if self._has_new_figure(heading) else ""

    def _answers_otherwise(self, answer: str) -> bool:
        said = content(answer)
        has_words = any(not word[0].isdigit() and word[:4] not in self._stems for word in said)
        return has_words or (bool(said) and negations(answer) > 0) or not _figures(answer) <= self._said

    def _has_new_figure(self, heading: str) -> bool:
        figures = {each for each in _figures(_CENTURY.sub(" ", heading)) if len(each) > 1}
        return bool(figures) and not figures - {str(self._count - 1)} <= self._known

    def _names_another(self, heading: str) -> bool:
        """Whether a heading is a name, or a title, that only documents hold that the answer does not cite."""
        if not _NAME.fullmatch(heading) and not any(doc.title == heading for doc in self._others):
            return False
        return heading.lower() not in self._text and any(heading in doc.premise for doc in self._others)


def _figures(text: str) -> set[str]:
    return {each for each in tokens(text) if _FIGURE.fullmatch(each)}


def _cited(statement: Statement) -> Collection[int]:
    is_claim = not isinstance(statement, StrictStatement) or statement.kind == "claim"
    inherited = statement.inherited if isinstance(statement, StrictStatement) else ()
    return (*statement.citations, *inherited) if is_claim else ()
