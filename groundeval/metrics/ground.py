"""The components of Ground-GRPO's rewards as metrics (arXiv 2506.15522; docs/metrics.md).

They are off by default (`--metrics ground_em,...`); with them `score` prints per sample exactly what training sees.
Except for the tags they are computed on the answer, with citations read as in Trust-Score.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from groundeval.metrics.citation import is_supported
from groundeval.metrics.gold import entails_claim
from groundeval.metrics.lists import list_text
from groundeval.metrics.metric import Context, Values, register_metric
from groundeval.metrics.profiles import TRUST, Profile
from groundeval.metrics.reading import Reading
from groundeval.parsing.normalize import normalize, normalized_alias, present
from groundeval.parsing.reasoning import is_well_formed, tag_count
from groundeval.parsing.refusal import refusal_score
from groundeval.records import Response, Statement
from groundeval.stats.bootstrap import mean_of

EM_REWARD = 0.5
CITATION_REWARD = 0.5
CITATION_PENALTY = 0.5
REFUSAL_REWARD = 0.5
REFUSAL_THRESHOLD = 0.85
ANSWERS = "The documents answer the question."
DOES_NOT_ANSWER = "The documents do not answer the question."


@register_metric("format", keys=("tag_count", "format"), default=False)
def format_(response: Response, ctx: Context) -> Values:
    """Share of the four reasoning tags that occur exactly once; 1 if the output is one think and one answer block."""
    raw, tags = response.raw, response.tags
    return {"tag_count": tag_count(raw, tags), "format": float(is_well_formed(raw, tags))}


@register_metric(
    "ground_refusal",
    keys=("ground_refusal", "refusal_score", "ground_answerable"),
    aggregates={
        "ground_refusal": mean_of("ground_refusal", unit="number"),
        "refusal_score": mean_of("refusal_score", more_is_better=False),
    },
    needs=("docs", "answers"),
    default=False,
)
def ground_refusal(response: Response, ctx: Context) -> Values:
    """R_refusal and the refusal score r behind it, both in [0, 1]; whether the question is answerable (0 or 1).

    Answerable: 0 if r > 0.85, else 0.5. Unanswerable: r if r > 0.85, else 0. Exactly 0.85 is not refused.
    """
    r = refusal_of(response, ctx)
    answerable = response.example.answerable
    reward = refusal_reward(answerable, r, REFUSAL_THRESHOLD)
    return {"ground_refusal": reward, "refusal_score": r, "ground_answerable": float(answerable)}


def refusal_of(response: Response, ctx: Context) -> float:
    """r, the similarity of the answer and the refusal text, in [0, 1]: unrounded, unlike Trust-Score's own test."""
    return refusal_score(ground_reading(response, ctx).text) / 100


def refusal_reward(answerable: bool, r: float, threshold: float) -> float:
    """R_refusal, in [0, 1], of a refusal score r: one above the threshold is a refusal, one equal to it is not."""
    refused = r > threshold
    if answerable:
        return 0.0 if refused else REFUSAL_REWARD
    return r if refused else 0.0


@register_metric(
    "ground_em",
    keys=("ground_em", "ground_statements"),
    aggregates={key: mean_of(key, unit="number") for key in ("ground_em", "ground_statements")},
    needs=("docs", "answers"),
    nli=("claims",),
    default=False,
)
async def ground_em(response: Response, ctx: Context) -> Values:
    """R_EM, summed over statements, and the number of statements.

    0.5 for every statement that holds a gold answer which the documents support.
    """
    reading = ground_reading(response, ctx)
    holds = await statements_with_answers(reading, ctx)
    ctx.evidence.setdefault(
        "ground", [{"text": s.text, "holds_answer": hit} for s, hit in zip(reading.statements, holds, strict=True)]
    )
    return {"ground_em": EM_REWARD * sum(holds), "ground_statements": float(len(reading.statements))}


@register_metric(
    "ground_citation",
    keys=("ground_citation",),
    aggregates={"ground_citation": mean_of("ground_citation", unit="number")},
    needs=("docs", "answers"),
    nli=True,
    default=False,
)
async def ground_citation(response: Response, ctx: Context) -> Values:
    """R_citation, summed over the statements that hold a supported gold answer.

    +0.5 if the cited documents together entail the statement, else -0.5.
    """
    reading, docs = ground_reading(response, ctx), response.example.docs or ()
    holds = await statements_with_answers(reading, ctx)
    matching = [statement for statement, hit in zip(reading.statements, holds, strict=True) if hit]
    cited = await asyncio.gather(*(is_supported(s, docs, ctx, reading.profile) for s in matching))
    verdicts = iter(cited)
    ctx.evidence["ground"] = [
        {"text": statement.text, "holds_answer": hit, "supported": next(verdicts) if hit else None}
        for statement, hit in zip(reading.statements, holds, strict=True)
    ]
    return {"ground_citation": sum(CITATION_REWARD if right else -CITATION_PENALTY for right in cited)}


@register_metric("process_align", keys=("process_align",), nli=True, default=False)
async def process_align(response: Response, ctx: Context) -> Values:
    """%Align: 1 if the reasoning entails the decision to answer or refuse (r > 0.85), else 0; None without it."""
    if not response.reasoning:
        return {"process_align": None}
    decision = DOES_NOT_ANSWER if refusal_of(response, ctx) > REFUSAL_THRESHOLD else ANSWERS
    return {"process_align": float(await ctx.entails(response.reasoning, decision, source="reasoning"))}


def ground_reading(response: Response, ctx: Context) -> Reading:
    """The answer as Trust-Score reads it, unless the context's profile is neither ALCE's nor Trust-Score's."""
    return ctx.read(response, _ground_profile(ctx.profile))


def _ground_profile(profile: Profile) -> Profile:
    return TRUST if profile.name == "alce" else profile


async def statements_with_answers(reading: Reading, ctx: Context) -> Sequence[bool]:
    """For each statement, whether it contains a gold answer that the documents support.

    In text tasks an alias is present in it; in list tasks the item equals an alias; in claim tasks it entails a claim.
    """
    example = reading.response.example
    gold = [answer for answer, held in zip(example.answers or (), example.supported, strict=False) if held]
    if reading.kind == "claims":
        return await ctx.once("ground", partial(_with_claims, reading.statements, gold, ctx))
    if reading.kind == "list":
        aliases = {normalized_alias(alias) for answer in gold for alias in answer}
        items = reading.profile.listed(list_text(reading.text, ctx.cot))
        hits = [normalize(item) in aliases for item in items]
        # Items before the colon of a chain of thought are statements too, without an answer.
        return [False] * (len(reading.statements) - len(hits)) + hits
    texts = [normalize(statement.hypothesis) for statement in reading.statements]
    return [any(present(aliases, text) for aliases in gold) for text in texts]


async def _with_claims(statements: Sequence[Statement], claims: Sequence[Sequence[str]], ctx: Context) -> list[bool]:
    return await asyncio.gather(*(_entails_any(statement, claims, ctx) for statement in statements))


async def _entails_any(statement: Statement, claims: Sequence[Sequence[str]], ctx: Context) -> bool:
    verdicts = (entails_claim(statement.hypothesis, claim, ctx, source="statement") for claim in claims)
    return any(await asyncio.gather(*verdicts))
