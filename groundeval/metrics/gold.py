"""Gold fields that a file lacks, derived from those it has (docs/metrics.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from groundeval.metrics.metric import Context
from groundeval.metrics.reading import AnswerKind
from groundeval.parsing.normalize import normalized_document, present
from groundeval.records import Document, Example, QAPair


def with_answers(example: Example) -> Example:
    """The example with `answers`, derived from ASQA's short answers or from the claims where it has none."""
    if example.answers is not None:
        return example
    if example.qa_pairs is not None:
        return replace(example, answers=tuple(pair.short_answers for pair in example.qa_pairs))
    if example.claims is not None:
        return replace(example, answers=tuple((claim,) for claim in example.claims))
    return example


def with_gold_for_alce(example: Example, kind: AnswerKind) -> Example:
    """The example with the gold fields that ALCE's recall reads, taken from `answers` where they are missing."""
    answers = example.answers or ()
    if kind == "em" and example.qa_pairs is None:
        return replace(example, qa_pairs=tuple(QAPair("", aliases) for aliases in answers))
    if kind == "claims" and example.claims is None:
        return replace(example, claims=tuple(aliases[0] for aliases in answers if aliases))
    return example


def needs_answers_found(example: Example) -> bool:
    """Whether the example has gold answers and a document without `answers_found`."""
    return example.answers is not None and any(d.answers_found is None for d in example.docs or ())


async def with_answers_found(example: Example, ctx: Context) -> Example:
    """The example with `answers_found` computed for the documents that lack it.

    Text and list tasks: some alias is present in the document's text. Claim tasks: the document entails the claim.
    """
    docs = example.docs or ()
    if ctx.kind != "claims":
        # No NLI verdict to wait for: a coroutine for each document would cost more than the search.
        return replace(example, docs=tuple(_found_in_text(document, example) for document in docs))
    return replace(example, docs=tuple(await asyncio.gather(*(_found_by_nli(each, example, ctx) for each in docs))))


async def entails_claim(premise: str, aliases: Sequence[str], ctx: Context, *, source: str) -> bool:
    """Whether the premise entails a gold claim, the first alias of a gold answer; False for one without aliases."""
    return bool(aliases) and await ctx.entails(premise, aliases[0], source=source)


def _found_in_text(document: Document, example: Example) -> Document:
    if document.answers_found is not None:
        return document
    text = normalized_document(document.text)
    return replace(document, answers_found=tuple(int(present(aliases, text)) for aliases in example.answers or ()))


async def _found_by_nli(document: Document, example: Example, ctx: Context) -> Document:
    if document.answers_found is not None:
        return document
    asked = (entails_claim(document.premise, aliases, ctx, source="document") for aliases in example.answers or ())
    return replace(document, answers_found=tuple(int(each) for each in await asyncio.gather(*asked)))
