"""Citation recall and precision by NLI (ALCE, section 4.2; Trust-Score's variant through the profile)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from groundeval.aio import together
from groundeval.metrics.lists import ratio
from groundeval.metrics.metric import Context, Values, register_metric
from groundeval.metrics.profiles import Profile
from groundeval.records import Document, Response, Statement
from groundeval.stats.bootstrap import Aggregate, Array, Table, harmonic, mean_of


@dataclass(frozen=True, slots=True)
class Judged:
    """Judgement of one statement, from the NLI model's verdicts."""

    supported: bool
    """Whether its citations, read together, entail it: the recall bit."""
    precise: tuple[bool, ...]
    """For each judged citation, whether the statement needs it. Empty where no citation is judged."""


async def citation(response: Response, ctx: Context) -> Values:
    """Citation recall and precision of one response, fractions in [0, 1].

    Recall: share of statements that their cited documents, read together, entail. Precision: share of citations that
    their statement needs; 0 where there is none. Both are None for a response without statements.
    """
    docs = response.example.docs or ()
    statements = ctx.read(response).statements
    if not statements:
        return {"citation_rec": None, "citation_prec": None}
    judged = await together(judge(statement, docs, ctx) for statement in statements)
    ctx.evidence["statements"] = [
        {"text": s.text, "citations": list(s.citations), "supported": j.supported, "precise": list(j.precise)}
        for s, j in zip(statements, judged, strict=True)
    ]
    return {
        "citation_rec": fmean(j.supported for j in judged),
        "citation_prec": ratio(sum(sum(j.precise) for j in judged), sum(len(j.precise) for j in judged)),
    }


async def judge(statement: Statement, docs: Sequence[Document], ctx: Context) -> Judged:
    """Judge one statement with as few NLI calls as the result depends on.

    First the cited documents together; single documents only where several together entail the statement; the others
    without one of them only where that one alone fails.
    """
    cited = ctx.profile.judged_citations(statement.citations, docs)
    if not cited:
        return Judged(False, ())
    if not await is_supported(statement, docs, ctx, ctx.profile):
        return Judged(False, (False,) * len(cited))
    if len(cited) == 1:
        return Judged(True, (True,))
    needed = await together(is_precise(k, cited, statement, docs, ctx) for k in range(len(cited)))
    return Judged(True, tuple(needed))


async def is_supported(statement: Statement, docs: Sequence[Document], ctx: Context, profile: Profile) -> bool:
    """The recall bit: whether the cited documents, read together, entail the statement.

    False without a citation, or with one that names no document.
    """
    cited = profile.judged_citations(statement.citations, docs)
    return bool(cited) and await ctx.supports(docs, cited or (), statement.hypothesis)


async def is_precise(
    position: int, cited: Sequence[int], statement: Statement, docs: Sequence[Document], ctx: Context
) -> bool:
    """Whether a citation is precise: it alone entails the statement, the others fail without it, or the profile excuses
    it.

    The others are the citations without the first occurrence of this document: a duplicate can take its place.
    """
    if await ctx.supports(docs, (cited[position],), statement.hypothesis):
        return True
    others = list(cited)
    others.remove(cited[position])
    if ctx.profile.excuses(cited[position], others, docs):
        return True
    return not await ctx.supports(docs, others, statement.hypothesis)


register_metric("citation", keys=("citation_rec", "citation_prec"), profiles=("alce",), needs=("docs",), nli=True)(
    citation
)


def citation_f1(where: str | None) -> Aggregate:
    """F1 of the two means over the selected samples (Trust-Score), not a mean of F1."""

    def value(table: Table) -> Array:
        return harmonic(table.mean("citation_rec", where), table.mean("citation_prec", where))

    return Aggregate(value, column="citation_rec", where=where)


register_metric(
    "grounded_citation",
    keys=("citation_rec", "citation_prec"),
    aggregates={
        "regular_citation_rec": mean_of("citation_rec"),
        "regular_citation_prec": mean_of("citation_prec"),
        "regular_citation_f1": citation_f1(None),
        "answered_citation_rec": mean_of("citation_rec", "answered"),
        "answered_citation_prec": mean_of("citation_prec", "answered"),
        "answered_citation_f1": citation_f1("answered"),
    },
    profiles=("trust",),
    needs=("docs",),
    uses=("answering",),
    nli=True,
)(citation)
