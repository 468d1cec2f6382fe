"""The statements of an answer, judged once for all metrics of profile `strict`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from groundeval.metrics.citation import Judged, judge
from groundeval.metrics.metric import Context
from groundeval.metrics.reading import Reading
from groundeval.parsing.strict.matching import equals, tokens
from groundeval.parsing.strict.visible import HIDDEN
from groundeval.records import Response, Statement


async def judged_statements(response: Response, ctx: Context) -> Sequence[Judged]:
    """The verdicts on the statements of an answer; none for an output that refuses, does both or says nothing.

    They are computed once a sample, whichever metrics ask, and shown as evidence.
    """
    return await ctx.once("strict statements", lambda: _judge_all(response, ctx))


async def _judge_all(response: Response, ctx: Context) -> Sequence[Judged]:
    reading = ctx.read(response)
    statements = reading.statements if reading.answered else ()
    judged = await asyncio.gather(*(judge_strictly(statement, reading, ctx) for statement in statements))
    ctx.evidence["statements"] = [
        {"text": s.text, "citations": list(s.citations), "supported": j.supported, "precise": list(j.precise)}
        for s, j in zip(statements, judged, strict=True)
    ]
    return judged


async def judge_strictly(statement: Statement, reading: Reading, ctx: Context) -> Judged:
    """Judge one statement as `judge` does, with three differences.

    A citation that names no document is an imprecise one, and the others are judged. A statement that hides something
    from its reader, or that the question alone entails, earns nothing, and neither do its citations.
    """
    docs = reading.response.example.docs or ()
    valid = reading.profile.judged_citations(statement.citations, docs) or ()
    invalid = (False,) * len({*statement.citations} - {*valid})
    if not valid or HIDDEN in statement.text:
        return Judged(False, (False,) * len(valid) + invalid)
    judged = await judge(statement, docs, ctx)
    if judged.supported and await echoes(statement, reading, ctx):
        return Judged(False, (False,) * len(valid) + invalid)
    return Judged(judged.supported, judged.precise + invalid)


async def echoes(statement: Statement, reading: Reading, ctx: Context) -> bool:
    """Does the question alone entail the statement, as it does its own words and any tautology.

    List tasks: does the item hold no word but the question's, and is it no gold answer; a verifier is not asked.
    """
    example = reading.response.example
    question = example.question
    if reading.kind == "list":
        said = tokens(statement.text)
        return {*tokens(question)}.issuperset(said) and not any(equals(each, said) for each in example.answers or ())
    return await ctx.entails(question, statement.hypothesis, source="question")
