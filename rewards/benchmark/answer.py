"""A response as parts that attacks can change: statements, citations, and style."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from groundeval.metrics.reading import AnswerKind
from groundeval.parsing.citations import citations, remove_citations
from groundeval.parsing.refusal import REFUSAL, refuses
from groundeval.parsing.statements import list_items, sentences

STOPS = (".", "!", "?")
_FULL_STOP = re.compile(r"\s*\.\s*(?:''|[\"”’])?\s*$")


@dataclass(frozen=True, slots=True)
class Part:
    """One statement or list item, without its citations and its full stop."""

    text: str
    cited: tuple[int, ...] = ()
    """0-based documents as written: may be repeated, -1 (written `[0]`) or beyond the last document."""
    origin: int | None = None
    """The honest part that it comes from, changed in meaning or not; None for a part that an attack adds."""


Style = Callable[[Sequence[int]], str]
"""How citations are written."""


def one_by_one(cited: Sequence[int]) -> str:
    """`[1][3]`."""
    return "".join(f"[{index + 1}]" for index in cited)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response in parts."""

    parts: tuple[Part, ...]
    style: Style = one_by_one
    after_stop: bool = False
    """Whether citations follow the full stop, `Paris is large. [1]`."""
    separator: str | None = None
    """Between the parts; None: a space between sentences, a comma between the items of a list."""
    lead: str = ""
    tail: str = ""
    """Text before and after all parts."""

    def having(self, *parts: Part) -> Answer:
        """The same answer with other parts."""
        return replace(self, parts=parts)

    def each(self, change: Callable[[Part], Part]) -> Answer:
        """The answer with every part changed."""
        return replace(self, parts=tuple(map(change, self.parts)))

    def with_part(self, position: int, part: Part) -> Answer:
        """The answer with one part replaced."""
        return self.having(*self.parts[:position], part, *self.parts[position + 1 :])

    def plus(self, *parts: Part) -> Answer:
        """The answer with parts added at the end."""
        return self.having(*self.parts, *parts)

    def rendered(self, kind: AnswerKind) -> str:
        """The text of the response."""
        if kind == "list" and not any(refuses(part.text) for part in self.parts):
            items = (" ".join(filter(None, (part.text, self.style(part.cited)))) for part in self.parts)
            stop = "." if self.parts and self.separator is None else ""
            body = (self.separator or ", ").join(items) + stop
        else:
            body = (self.separator or " ").join(self._sentence(part) for part in self.parts)
        return self.lead + body + self.tail

    def _sentence(self, part: Part) -> str:
        text, stop = (part.text[:-1], part.text[-1]) if part.text.endswith(STOPS) else (part.text, ".")
        marks = self.style(part.cited)
        if not text:
            return marks
        if not marks:
            return text + stop
        return f"{text}{stop} {marks}" if self.after_stop else f"{text} {marks}{stop}"


def answer_of(text: str, kind: AnswerKind) -> Answer:
    """An honest response in parts: the items of a list, else the sentences. A refusal is one part."""
    pieces: Sequence[str] = list_items(text) if kind == "list" and not refuses(text) else sentences(text)
    return Answer(
        tuple(
            Part(_FULL_STOP.sub("", remove_citations(piece)).strip(), citations(piece), origin)
            for origin, piece in enumerate(pieces)
        )
    )


REFUSED = Part(REFUSAL.rstrip("."))
"""The refusal as a part."""
