"""What stands beside a refusal: an answer, or context that the verifier finds in the documents, or empty."""

from __future__ import annotations

import asyncio

from groundeval.metrics.metric import Context
from groundeval.parsing.strict.part import Part
from groundeval.parsing.strict.refusal import Decision
from groundeval.parsing.strict.visible import for_verifier
from groundeval.records import Response


async def settle(response: Response, ctx: Context) -> None:
    """Decide outputs whose wording leaves open whether they refuse, or refuse and answer.

    A text that refuses somewhere, and holds no gold answer, refuses if each of its other statements is empty, that is,
    follows from the question alone, or is entailed by the documents that it cites, or by all of them if it cites none.
    """
    if not ctx.profile.settles or ctx.nli is None:
        return
    reading = ctx.read(response)
    open_claims = reading.decision.open_claims
    if not open_claims:
        return
    is_context = await asyncio.gather(*(_is_beside(part, response, ctx) for part in open_claims))
    if all(is_context):
        reading.decision = Decision("refused", reading.decision.beside)


async def _is_beside(part: Part, response: Response, ctx: Context) -> bool:
    said, docs = for_verifier(part.plain), response.example.docs or ()
    if not part.citations and await ctx.entails(response.example.question, said, source="question"):
        return True
    cited = ctx.profile.judged_citations(part.citations or part.inherited, docs) or range(len(docs))
    return bool(docs) and await ctx.supports(docs, tuple(cited), said)
