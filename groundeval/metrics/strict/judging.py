"""The statements of an answer, judged once for all metrics of profile `strict`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from groundeval.aio import together
from groundeval.metrics.citation import Judged, judge
from groundeval.metrics.metric import Context
from groundeval.metrics.profiles import StrictStatement
from groundeval.metrics.reading import Reading
from groundeval.metrics.strict.headings import Headings
from groundeval.parsing.strict.disowned import calls_false
from groundeval.parsing.strict.gaps import is_aside, without_gaps
from groundeval.parsing.strict.marks import HIDDEN
from groundeval.parsing.strict.matching import equals, spelled
from groundeval.parsing.strict.tokens import tokens
from groundeval.parsing.strict.visible import for_verifier
from groundeval.records import Response, Statement

Role = Literal["supported", "aside", "unsupported"]
"""Role of a statement. `supported`: its citations entail it; `aside`: it claims nothing, or, without a citation, only
what the documents say; `unsupported`: it makes a claim that nothing cited entails."""


@dataclass(frozen=True, slots=True)
class StrictlyJudged(Judged):
    """The verdicts on one statement, and its role in the answer."""

    role: Role = "unsupported"


async def judged_statements(response: Response, ctx: Context) -> Sequence[StrictlyJudged]:
    """The verdicts on the statements of an answer; none for an output that refuses, does both or is empty.

    They are computed once per sample, shared by all metrics, and recorded as evidence.
    """
    return await ctx.once("strict statements", lambda: _judge_all(response, ctx))


async def _judge_all(response: Response, ctx: Context) -> Sequence[StrictlyJudged]:
    reading = ctx.read(response)
    statements = reading.statements if reading.answered else ()
    judged = await together(_judge(each, reading, ctx) for each in _with_claiming_headings(statements, reading))
    shared = _with_shared(statements, judged)
    ctx.evidence["statements"] = [
        {"text": s.text, "citations": list(s.citations), "supported": j.supported, "precise": list(j.precise)}
        for s, j in zip(statements, shared, strict=True)
    ]
    return shared


def _with_claiming_headings(statements: Sequence[Statement], reading: Reading) -> Sequence[Statement]:
    """The statements, with the headings read as claims that claim something of their own."""
    if not any(map(_is_heading, statements)):
        return statements
    headings = Headings(statements, reading)
    return [_as_claim(each, headings.claim_of(each.text)) if _is_heading(each) else each for each in statements]


def _is_heading(statement: Statement) -> bool:
    return _layout(statement)[0] == "aside"


def _as_claim(heading: Statement, claim: str) -> Statement:
    if not claim or not isinstance(heading, StrictStatement):
        return heading
    return replace(heading, hypothesis=claim, kind="claim")


async def _judge(statement: Statement, reading: Reading, ctx: Context) -> StrictlyJudged:
    """Judge one statement as `judge` does, with these differences.

    A citation that names no document is imprecise, and the others are judged. A statement with hidden text, one that is
    denied, or one that the question alone entails scores nothing, and neither do its citations. Without a citation
    it may still claim nothing, or only what the documents say together. With one, it may say besides its claim what the
    documents do not hold, which no document entails.
    """
    docs = reading.response.example.docs or ()
    kind, inherited = _layout(statement)
    denied = is_denied(statement, reading)
    judged_citations = reading.profile.judged_citations
    own = judged_citations(statement.citations, docs) or ()
    invalid = (False,) * len({*statement.citations} - {*own})
    nothing = (False,) * len(own) + invalid
    if HIDDEN in statement.text or denied:
        is_empty = denied and not statement.citations and await echoes(statement, reading, ctx)
        return StrictlyJudged(False, nothing, "aside" if is_empty else "unsupported")
    if kind != "claim" or _is_title(statement, own, reading):
        return StrictlyJudged(False, nothing, "aside")
    cited = own or judged_citations(inherited, docs) or ()
    if cited:
        found = await judge(replace(statement, citations=cited), docs, ctx)
        if found.supported:
            if await echoes(statement, reading, ctx):
                return StrictlyJudged(False, nothing, "aside")
            return StrictlyJudged(True, found.precise + invalid, "supported")
    if statement.citations:
        rest = without_gaps(statement.text, reading.response.example.question)
        if reading.kind == "list" or not own or not rest or rest == statement.text.strip():
            return StrictlyJudged(False, nothing)
        return await _judge(replace(statement, text=rest, hypothesis=for_verifier(rest)), reading, ctx)
    if is_aside(statement.text, reading.response.example.question) or await echoes(statement, reading, ctx):
        return StrictlyJudged(False, (), "aside")
    if reading.kind != "list" and docs and await ctx.supports(docs, range(len(docs)), statement.hypothesis):
        return StrictlyJudged(False, (), "aside")
    return StrictlyJudged(False, ())


_QUOTED = re.compile(r"[“\"«„']([^“”\"«»„]+)[”\"»“'][.,]?")


def _is_title(statement: Statement, cited: Sequence[int], reading: Reading) -> bool:
    """Whether a statement is only the quoted title of a document that it cites: it names the document."""
    found = _QUOTED.fullmatch(statement.text.strip())
    docs = reading.response.example.docs or ()
    return found is not None and any(tokens(found[1]) == tokens(docs[index].title) for index in cited)


def _layout(statement: Statement) -> tuple[str, tuple[int, ...]]:
    if isinstance(statement, StrictStatement):
        return statement.kind, statement.inherited
    return "claim", ()


def is_denied(statement: Statement, reading: Reading) -> bool:
    """Whether a sign, a sentence or what stands above it calls a statement false."""
    if not isinstance(statement, StrictStatement) or statement.denied or not statement.about:
        return isinstance(statement, StrictStatement) and statement.denied
    docs = reading.response.example.docs or ()
    told = " ".join(docs[index].text for index in reading.profile.judged_citations(statement.citations, docs) or ())
    return calls_false(statement.about, reading.response.example.question, told)


def _with_shared(statements: Sequence[Statement], judged: Sequence[StrictlyJudged]) -> list[StrictlyJudged]:
    """Citations that apply to several statements are precise, where they are written, if one of these needs them."""
    found = list(judged)
    for place, (statement, each) in enumerate(zip(statements, judged, strict=True)):
        inherited, owner = _layout(statement)[1], lender(statements, place)
        if owner is None or not each.supported:
            continue
        unique = list(dict.fromkeys(inherited))
        needed = {index for index, is_needed in zip(unique, each.precise, strict=False) if is_needed}
        flags = found[owner].precise
        found[owner] = replace(
            found[owner],
            precise=tuple(flag or index in needed for index, flag in zip(unique, flags, strict=False))
            + flags[len(unique) :],
        )
        found[place] = replace(each, precise=())
    return found


def lender(statements: Sequence[Statement], place: int) -> int | None:
    """Position of the citations that a statement leaves to the end of its paragraph; None if it leaves none."""
    inherited = _layout(statements[place])[1]
    if statements[place].citations or not inherited:
        return None
    return next((n for n in range(place + 1, len(statements)) if statements[n].citations == inherited), None)


async def echoes(statement: Statement, reading: Reading, ctx: Context) -> bool:
    """Whether the question alone entails the statement, as it does its own words and any tautology.

    List tasks: an item that holds only words of the question and is not a gold answer; of others the verifier is asked
    only if they cite nothing and hold no gold answer.
    """
    example = reading.response.example
    question = example.question
    if reading.kind == "list":
        said = tokens(statement.text)
        gold = example.answers or ()
        if {*tokens(question)}.issuperset(said):
            return not any(equals(each, said) for each in gold)
        if statement.citations or any(spelled(each, statement.text) for each in gold):
            return False
        return await ctx.entails(question, for_verifier(statement.text), source="question")
    return await ctx.entails(question, statement.hypothesis, source="question")
