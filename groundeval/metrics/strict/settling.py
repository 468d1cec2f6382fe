"""What stands beside a refusal: an answer, or context that the verifier finds in the documents, or empty."""

from __future__ import annotations

import re
from collections.abc import Sequence

from groundeval.aio import together
from groundeval.metrics.metric import Context
from groundeval.parsing.strict.content import content
from groundeval.parsing.strict.decision import Decision
from groundeval.parsing.strict.part import Part
from groundeval.parsing.strict.visible import for_verifier
from groundeval.parsing.strict.wording import is_about_documents, topics
from groundeval.records import Document, Response


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
        are_topics = _topics(found, ctx, response.example.docs or ())
        others = [part for part, is_topic in zip(found, are_topics, strict=True) if part not in lacks and not is_topic]
        if (lacks or not possible) and await _all_beside(others, response, ctx):
            reading.decision = Decision(outcome, beside)
            return


def _topics(parts: Sequence[Part], ctx: Context, docs: Sequence[Document]) -> list[bool]:
    """For each statement whether it only says what the documents that it cites are about, in words that these hold:
    `They treat the seal [3] and the river [4]`. No document entails that, and a figure may be an answer."""
    found = list[bool]()
    for part in parts:
        cited = ctx.profile.judged_citations(part.citations, docs) or ()
        begins = is_about_documents(part.plain) or (part.continues and bool(found) and found[-1])
        known = {word[:4] for index in cited for word in content(docs[index].premise)}
        said = _NUMBERED_NAME.sub(lambda name: name[1], topics(part.plain))
        found.append(
            begins and bool(cited) and not re.search(r"\d", said) and all(word[:4] in known for word in content(said))
        )
    return found


_NUMBERED_NAME = re.compile(r"\b([A-Z]\w+) \d{1,3}\b")
"""`Agenda 21`, `Voyager 2`."""


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
    near = ctx.profile.judged_citations(part.citations or part.inherited, docs)
    if near and await ctx.supports(docs, near, said):
        return True
    return bool(docs) and not (near and part.citations) and await ctx.supports(docs, range(len(docs)), said)
