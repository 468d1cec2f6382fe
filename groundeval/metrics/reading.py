"""A response as one profile reads it: prepared text, statements, refusal. Computed on demand, once."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from groundeval.metrics.profiles import Profile
from groundeval.parsing.normalize import normalize
from groundeval.parsing.refusal import refuses
from groundeval.parsing.strict.refusal import Decision
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
        return self.profile.prepare(self.profile.source(self.response))

    @cached_property
    def plain(self) -> str:
        """The output without citations."""
        return self.profile.remove_citations(self.text)

    @cached_property
    def claims_premise(self) -> str:
        """The output as claims are asked of it: citations are removed twice, as both originals do."""
        return self.profile.remove_citations(self.plain)

    @cached_property
    def normalized(self) -> str:
        """The output without citations, normalised."""
        return normalize(self.plain)

    @cached_property
    def decision(self) -> Decision:
        """Does the output answer or refuse, citations included."""
        return self.profile.decide(self.text, self.response.example)

    @property
    def refused(self) -> bool:
        """Does the output refuse, citations included."""
        return self.decision.outcome == "refused"

    @property
    def answered(self) -> bool:
        """Does the output answer; under `strict` there are outputs that neither answer nor refuse."""
        return self.decision.outcome == "answered"

    @cached_property
    def plainly_refused(self) -> bool:
        """Does the citation-free output refuse (Trust-Score's correctness scores ask this)."""
        return refuses(self.plain)

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Sentences; for list tasks the question followed by one item each."""
        if self.kind == "list":
            return self.profile.items(self.text, self.response.example.question)
        return self.profile.sentences(self.text)
