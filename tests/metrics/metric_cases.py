"""Small hand-made samples, and their scores under a profile, with the lexical verifier where metrics ask one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from groundeval.metrics.gold import with_answers
from groundeval.metrics.profiles import profile_named
from groundeval.nli import NLI
from groundeval.nli.model import Traits
from groundeval.nli.verifiers.lexical import Lexical
from groundeval.records import Document, Example, Pair, QAPair, Response, Verdict
from groundeval.scoring.plan import Plan, plan_scoring
from groundeval.scoring.scorer import ScoredSample, Scorer
from groundeval.scoring.table import ScoreTable
from groundeval.stats.bootstrap import Estimate, summarize

REFUSAL = "I apologize, but I couldn't find an answer to your question in the search results."
EVERY_FIELD = frozenset({"docs", "answers_found", "qa_pairs", "answers", "claims", "answer", "references"})


class Spoken:
    """A verifier that entails exactly the pairs it was told, and remembers what it was asked."""

    name = "spoken"
    revision = None
    traits = Traits(instant=True, persistent=False)

    def __init__(self, *entailed: tuple[str, str]) -> None:
        self.entailed = set(entailed)
        self.asked: list[Pair] = []

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        self.asked += pairs
        return [Verdict(tuple(pair) in self.entailed, float(tuple(pair) in self.entailed)) for pair in pairs]


def document(text: str, found: Sequence[int] | None = None, *, title: str = "T", sent: str | None = None) -> Document:
    return Document(title, text, sent, answers_found=None if found is None else tuple(found))


def example(
    question: str = "Q?",
    *,
    docs: Sequence[Document] | None = (),
    answers: Sequence[Sequence[str]] | None = None,
    pairs: Sequence[Sequence[str]] | None = None,
    claims: Sequence[str] | None = None,
    answer: str | None = None,
    annotations: Sequence[str] | None = None,
    id: str = "0",
) -> Example:
    return Example(
        id,
        question,
        docs=None if docs is None else tuple(docs),
        answers=None if answers is None else tuple(map(tuple, answers)),
        qa_pairs=None if pairs is None else tuple(QAPair("", tuple(aliases)) for aliases in pairs),
        claims=None if claims is None else tuple(claims),
        answer=answer,
        annotations=None if annotations is None else tuple(annotations),
    )


def plan(profile: str, kind: str, metrics: Sequence[str] = (), *, cot: bool = False, lacks: Sequence[str] = ()) -> Plan:
    fields = EVERY_FIELD - frozenset(lacks)
    return plan_scoring(profile_named(profile), kind, fields, asked=metrics, cot=cot)  # type: ignore[arg-type]


def score(
    sample: Example,
    output: str,
    *,
    profile: str,
    kind: str,
    metrics: Sequence[str] = (),
    nli: Any = None,
    models: Any = None,
    cot: bool = False,
    lacks: Sequence[str] = (),
) -> ScoredSample:
    """Values and evidence of one sample."""
    chosen = plan(profile, kind, metrics, cot=cot, lacks=lacks)
    scorer = Scorer(chosen, NLI(nli or Lexical()), models)
    return asyncio.run(scorer.score(Response.build(with_answers(sample), output)))


def aggregate(
    samples: Sequence[tuple[Example, str]],
    *,
    profile: str,
    kind: str,
    metrics: Sequence[str] = (),
    nli: Any = None,
    cot: bool = False,
    lacks: Sequence[str] = (),
) -> dict[str, Estimate]:
    """The reported keys of some samples, which get their positions as ids."""
    chosen = plan(profile, kind, metrics, cot=cot, lacks=lacks)
    table = ScoreTable(chosen.columns, len(samples))

    async def all_samples() -> None:
        scorer = Scorer(chosen, NLI(nli or Lexical()))
        for index, (sample, output) in enumerate(samples):
            scored = await scorer.score(Response.build(with_answers(sample), output))
            table.add(index, scored.status, scored.values)

    asyncio.run(all_samples())
    return summarize(table.columns(), chosen.aggregates)


def values_of(estimates: dict[str, Estimate]) -> dict[str, float]:
    return {key: each.value for key, each in estimates.items()}
