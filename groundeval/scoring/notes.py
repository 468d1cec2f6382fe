"""Notes on results under a published protocol: unread citation marks, and samples without gold data."""

from __future__ import annotations

import re

from groundeval.metrics.profiles import Profile
from groundeval.parsing.strict.citations import citations
from groundeval.records import Response
from groundeval.scoring.cut_answers import CutAnswers
from groundeval.scoring.plan import Plan
from groundeval.scoring.reasoning_notes import GuessedTags

_PUBLISHED = ("alce", "trust")
_READ = re.compile(r"\[\d+\]")
"""The only citation mark that the published protocols read correctly."""
_LOOKED_AT = 20_000
"""Number of characters of an output that are searched for marks."""

_UNDEFINED = {
    "alce": ("qa_pairs", ("str_em",), " str_hit counts them as misses."),
    "trust": ("answers", ("regular_str_em", "answered_str_em", "parametric_str_em"), ""),
}
"""By profile: the field with the gold answers, the keys that are undefined without any, and the effect on others."""


class ResponseNotes:
    """What is counted of the responses while they are scored, for the notes on the results."""

    def __init__(self, plan: Plan) -> None:
        self._cut, self._published, self._guessed = CutAnswers(), PublishedNotes(plan), GuessedTags()

    def add(self, response: Response, row: int) -> None:
        """Count a response; `row` is its position."""
        self._cut.add(response)
        self._published.add(response)
        self._guessed.add(response, row)

    def told(self, longest_answer: int | None) -> list[str]:
        """The notes, one sentence each."""
        return [*self._cut.notes(longest_answer), *self._published.notes(), *self._guessed.notes()]


class PublishedNotes:
    """Counts, under a published protocol, the outputs with marks that it does not read and those without gold data."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._counts = plan.profile.name in _PUBLISHED
        self._cites = any("docs" in metric.needs for metric in plan.metrics)
        self._outputs = self._unread = self._without_gold = self._without_claims = 0

    def add(self, response: Response) -> None:
        """Count a response."""
        if not self._counts or response.status == "error":
            return
        profile, example = self._plan.profile, response.example
        self._outputs += 1
        self._unread += self._cites and has_unread_marks(response.text, profile)
        self._without_gold += (example.qa_pairs if profile.name == "alce" else example.answers) == ()
        self._without_claims += example.claims == ()

    def notes(self) -> list[str]:
        """The notes, with their numbers."""
        if not self._counts:
            return []
        return [
            *_unread(self._plan, self._unread, self._outputs),
            *_without_gold(self._plan, self._without_gold, self._outputs),
            *_without_claims(self._plan, self._without_claims, self._outputs),
        ]


def has_unread_marks(text: str, profile: Profile) -> bool:
    """Whether an output cites in a way that `strict` reads, and the published protocols do not or only in part."""
    prepared = profile.prepare(text)[:_LOOKED_AT]
    return bool(citations(_READ.sub("", prepared)))


def _unread(plan: Plan, count: int, outputs: int) -> list[str]:
    if not count:
        return []
    return [
        f"{count} of {outputs} outputs cite by marks that profile {plan.profile.name} does not read, or only in part "
        "(such as [1, 2], [1-3], 【1】, (1)); they are scored as the original does, and profile strict reads them"
    ]


def _without_gold(plan: Plan, count: int, outputs: int) -> list[str]:
    field, keys, rest = _UNDEFINED[plan.profile.name]
    undefined = [key for key in keys if key in plan.reported]
    if not count or not undefined:
        return []
    return [
        f'{count} of {outputs} samples have no gold answer ("{field}": []), so {", ".join(undefined)} '
        f"cannot be computed (NaN, as in the original).{rest} Leave these samples out to compute them"
    ]


def _without_claims(plan: Plan, count: int, outputs: int) -> list[str]:
    if not count or "claims_nli" not in plan.reported:
        return []
    return [f'{count} of {outputs} samples have no claim ("claims": []) and are left out of claims_nli']
