"""The gold answers in a sample's output, matched by the run's profile."""

from __future__ import annotations

from collections.abc import Mapping

from groundeval.aio import run_anywhere
from groundeval.metrics.lists import list_text, predictions
from groundeval.metrics.metric import Context
from groundeval.metrics.profiles import profile_named
from groundeval.metrics.reading import AnswerKind, Reading
from groundeval.metrics.strict.gold import brought
from groundeval.parsing.normalize import normalized_alias, present
from groundeval.records import Response

Found = bool | None
"""None for a claim without a verdict on the whole claim."""


def gold_found(
    response: Response, profile: str, kind: AnswerKind, cot: bool, entailed: Mapping[str, bool]
) -> list[Found]:
    """For each gold answer of the example, whether the output holds it. `entailed`: verdicts for the output."""
    gold = response.example.answers or ()
    if kind == "claims":
        return [next((entailed[alias] for alias in aliases if alias in entailed), None) for aliases in gold]
    reading = Reading(response, profile_named(profile), kind)
    if profile == "strict":
        return _strictly(reading, cot, len(gold))
    if kind == "list":
        listed = set(predictions(list_text(reading.plain, cot)))
        return [not listed.isdisjoint(map(normalized_alias, aliases)) for aliases in gold]
    normalized = reading.normalized
    return [present(aliases, normalized) for aliases in gold]


def _strictly(reading: Reading, cot: bool, count: int) -> list[Found]:
    if not reading.answered:
        return [False] * count
    # By strings: the page has no verifier, so it may mark an answer that the score does not count.
    bringing = run_anywhere(lambda: brought(reading, Context(reading.profile, reading.kind, cot=cot), by_meaning=False))
    held = {part.gold for part in bringing}
    return [index in held for index in range(count)]
