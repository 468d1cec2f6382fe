"""A response as read by one profile: prepared text, statements, refusal. Computed on demand, once."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from groundeval.metrics.profiles import Profile
from groundeval.parsing.normalize import normalize
from groundeval.parsing.refusal import refuses
from groundeval.parsing.strict.decision import Decision
from groundeval.records import Response, Statement

AnswerKind = Literal["em", "list", "claims"]
"""How gold answers are matched: `em`, as a string in the output; `list`, as an item of a comma-separated list;
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
        return self.profile.prepare(self.profile.source(self.response))

    @cached_property
    def plain(self) -> str:
        """The output without citations."""
        return self.profile.remove_citations(self.text)

    @cached_property
    def claims_premise(self) -> str:
        """The premise for claims: the output with citations removed twice, as in both originals."""
        return self.profile.remove_citations(self.plain)

    @cached_property
    def normalized(self) -> str:
        """The output without citations, normalised."""
        return normalize(self.plain)

    @cached_property
    def decision(self) -> Decision:
        """The profile's classification of the output, citations included."""
        return self.profile.decide(self.text, self.response.example)

    @property
    def refused(self) -> bool:
        """Whether the output refuses, citations included."""
        return self.decision.outcome == "refused"

    @property
    def answered(self) -> bool:
        """Whether the output answers; under `strict` some outputs neither answer nor refuse."""
        return self.decision.outcome == "answered"

    @cached_property
    def plainly_refused(self) -> bool:
        """Whether the citation-free output refuses (used by Trust-Score's correctness scores)."""
        return refuses(self.plain)

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Sentences; for list tasks the question followed by one item each."""
        if self.kind == "list":
            return self.profile.items(self.text, self.response.example.question)
        return self.profile.sentences(self.text)
