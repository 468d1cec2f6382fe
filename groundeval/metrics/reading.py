"""A response as one profile reads it: prepared text, statements, refusal. Computed on demand, once."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from groundeval.metrics.profiles import Profile
from groundeval.parsing.normalize import normalize
from groundeval.parsing.refusal import refuses
from groundeval.parsing.statements import list_items
from groundeval.records import Response, Statement

AnswerKind = Literal["em", "list", "claims"]
"""How gold answers are looked for: `em`, as a string in the output; `list`, as an item of a comma-separated list;
`claims`, as a claim that the output entails."""


class Reading:
    """The views of one response that metrics share."""

    def __init__(self, response: Response, profile: Profile, kind: AnswerKind) -> None:
        self.response = response
        self.profile = profile
        self.kind = kind

    @cached_property
    def text(self) -> str:
        """The output after the profile's preparation, citations included."""
        return self.profile.prepare(self.response.text)

    @cached_property
    def plain(self) -> str:
        """The output without citations."""
        return self.profile.remove_citations(self.text)

    @cached_property
    def normalized(self) -> str:
        """The output without citations, normalised."""
        return normalize(self.plain)

    @cached_property
    def refused(self) -> bool:
        """Does the output refuse, citations included."""
        return refuses(self.text)

    @cached_property
    def plainly_refused(self) -> bool:
        """Does the citation-free output refuse (Trust-Score's correctness scores ask this)."""
        return refuses(self.plain)

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Sentences; for list tasks the question followed by one item each."""
        if self.kind == "list":
            question = self.response.example.question
            texts = [f"{question} {item}" for item in list_items(self.text)]
        else:
            texts = list(self.profile.sentences(self.text))
        return tuple(self._statement(text) for text in texts)

    def _statement(self, text: str) -> Statement:
        return Statement(text, self.profile.remove_citations(text).strip(), self.profile.citations(text))
