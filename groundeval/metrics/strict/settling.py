"""What stands beside a refusal: an answer, or context that the verifier finds in the documents, or empty."""

from __future__ import annotations

from collections.abc import Sequence

from groundeval.aio import together
from groundeval.metrics.metric import Context
from groundeval.parsing.strict.decision import Decision
from groundeval.parsing.strict.part import Part
from groundeval.parsing.strict.visible import for_verifier
from groundeval.records import Response


async def settle(response: Response, ctx: Context) -> None:
    """Decide outputs whose wording leaves open whether they refuse, or refuse and answer.

    A text that refuses somewhere, and holds no gold answer, refuses if each of its other statements is empty, that is,
    follows from the question alone, or is entailed by the documents that it cites, or by all of them if it cites none.
    One that answers with citations, and refuses, answers if its refusals are found so: they concern something else.
    """
    if not ctx.profile.settles or ctx.nli is None:
        return
    reading = ctx.read(response)
    for outcome, found, possible, beside in reading.decision.possible:
        lacking = await together(_lacks(part, response, ctx) for part in possible)
        lacks = [part for part, is_lack in zip(possible, lacking, strict=True) if is_lack]
        others = [part for part in found if part not in lacks]
        if (lacks or not possible) and await _all_beside(others, response, ctx):
            reading.decision = Decision(outcome, beside)
            return


async def _all_beside(parts: Sequence[Part], response: Response, ctx: Context) -> bool:
    return all(await together(_is_beside(part, response, ctx) for part in parts))


async def _lacks(part: Part, response: Response, ctx: Context) -> bool:
    """Whether a statement in unknown words says that there is no answer.

    It does if it means that none is given, if it claims nothing, or if the documents entail it together and none of
    them alone: what is absent is absent from all.
    """
    said, example = for_verifier(part.plain), response.example
    question, docs = example.question, example.docs or ()
    none_given = f'The answer to the question "{question}" is not given.'
    if await ctx.entails(question, said, source="question") or await ctx.entails(
        f"{question}\n{said}", none_given, source="statement"
    ):
        return True
    if not docs or not await ctx.supports(docs, range(len(docs)), said):
        return False
    return not any(await together(ctx.supports(docs, (index,), said) for index in range(len(docs))))


async def _is_beside(part: Part, response: Response, ctx: Context) -> bool:
    said, docs = for_verifier(part.plain), response.example.docs or ()
    if not part.citations and await ctx.entails(response.example.question, said, source="question"):
        return True
    cited = ctx.profile.judged_citations(part.citations or part.inherited, docs) or range(len(docs))
    return bool(docs) and await ctx.supports(docs, tuple(cited), said)
