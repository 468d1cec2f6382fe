"""Notes on results under a published protocol: unread citation marks, and samples without gold data."""

from __future__ import annotations

import re
from collections.abc import Iterable

from groundeval.metrics.profiles import Profile
from groundeval.parsing.strict.citations import citations
from groundeval.records import Response
from groundeval.scoring.plan import Plan

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


def notes_on(plan: Plan, responses: Iterable[Response]) -> list[str]:
    """Notes on marks that the profile does not read and on samples without gold data, with their numbers."""
    if plan.profile.name not in _PUBLISHED:
        return []
    cites = any("docs" in metric.needs for metric in plan.metrics)
    outputs = unread = without_gold = without_claims = 0
    for response in responses:
        if response.status == "error":
            continue
        outputs += 1
        unread += cites and has_unread_marks(response.text, plan.profile)
        without_gold += (response.example.qa_pairs if plan.profile.name == "alce" else response.example.answers) == ()
        without_claims += response.example.claims == ()
    return [
        *_unread(plan, unread, outputs),
        *_without_gold(plan, without_gold, outputs),
        *_without_claims(plan, without_claims, outputs),
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
        f'{count} of {outputs} samples have no gold answer ("{field}": []). Undefined then, as in the original '
        f"(NaN): {', '.join(undefined)}.{rest} Leave these samples out for the mean over the others"
    ]


def _without_claims(plan: Plan, count: int, outputs: int) -> list[str]:
    if not count or "claims_nli" not in plan.reported:
        return []
    return [f'{count} of {outputs} samples have no claim ("claims": []) and are left out of claims_nli']
