"""QA-EM, QA-F1, QA-Hit (ALCE): a QA model answers each sub-question from the output. Off by default."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from statistics import fmean

from groundeval.metrics.lists import f1, ratio
from groundeval.metrics.metric import Context, Values, register_metric
from groundeval.parsing.normalize import normalize
from groundeval.records import Response


@register_metric(
    "qa",
    keys=("QA-EM", "QA-F1", "QA-Hit"),
    profiles=("alce",),
    kinds=("em",),
    needs=("qa_pairs",),
    default=False,
    extra="hf",
)
def qa(response: Response, ctx: Context) -> Values:
    """Exact match and token F1 of the extracted answers against the aliases, means over sub-questions; `QA-Hit`: 1
    if all are exact. In [0, 1]; None for an example without sub-questions.
    """
    pairs = response.example.qa_pairs or ()
    if not pairs or ctx.models is None:
        return {"QA-EM": None, "QA-F1": None, "QA-Hit": None}
    extract = ctx.models.model("qa")
    text = ctx.read(response).plain
    answers = [extract(pair.question, text) if text.strip() else "" for pair in pairs]
    exact = [max_over(exact_match, answer, pair.short_answers) for answer, pair in zip(answers, pairs, strict=True)]
    overlap = [max_over(token_f1, answer, pair.short_answers) for answer, pair in zip(answers, pairs, strict=True)]
    return {"QA-EM": fmean(exact), "QA-F1": fmean(overlap), "QA-Hit": float(all(exact))}


def max_over(score: Callable[[str, str], float], answer: str, aliases: Sequence[str]) -> float:
    """The best score of an answer over the aliases; 0 without aliases."""
    return max((score(answer, alias) for alias in aliases), default=0.0)


def exact_match(answer: str, alias: str) -> float:
    """1 if both are equal once normalised, else 0."""
    return float(normalize(answer) == normalize(alias))


def token_f1(answer: str, alias: str) -> float:
    """F1 of the tokens of both texts, counted with repetitions (SQuAD); 1 if both are empty, 0 if one is."""
    mine, theirs = normalize(answer).split(), normalize(alias).split()
    if not mine or not theirs:
        return float(mine == theirs)
    shared = sum((Counter(mine) & Counter(theirs)).values())
    return f1(ratio(shared, len(mine)), ratio(shared, len(theirs)))
