"""Small samples in which documents A to E hold what their letters say, scored under several profiles at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import permutations

from metric_cases import Spoken, aggregate, document, example, score, values_of

from groundeval.records import Example, Pair, Verdict

LETTERS = "ABCDE"
PREMISE = {letter: f"Title: {letter}\n{letter} text" for letter in LETTERS}
GOLD = [["Paris", "Lutetia"], ["Rome"]]
QUESTION = "Which cities are meant?"


def joint(letters: str) -> str:
    return "\n".join(PREMISE[letter] for letter in letters)


def sample(
    *found: Sequence[int], gold: Sequence[Sequence[str]] = GOLD, question: str = QUESTION, docs: int = 5
) -> Example:
    """An example whose documents hold the gold answers as `found` says, for the first documents; the others none."""
    flags = [*found, *[[0] * len(gold)] * (docs - len(found))]
    documents = [document(f"{letter} text", each, title=letter) for letter, each in zip(LETTERS, flags, strict=False)]
    return example(question, docs=documents, answers=gold)


def entails(*told: tuple[str, str]) -> Spoken:
    """A verifier that entails exactly what it is told: (letters of the documents, in any order; or a text; what)."""
    pairs: list[tuple[str, str]] = []
    for premise, hypothesis in told:
        orders = ("".join(each) for each in permutations(premise)) if set(premise) <= set(LETTERS) else ()
        pairs += [(joint(order), hypothesis) for order in orders] or [(premise, hypothesis)]
    return Literal(*pairs)


class Literal(Spoken):
    """Says besides that a text answers a question with whatever it says outright: the answer stands in it, and neither
    `or` nor `perhaps` nor `not`."""

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        verdicts = super().score(pairs)
        return [
            Verdict(True, 1.0) if states(pair.premise, pair.hypothesis) else verdict
            for pair, verdict in zip(pairs, verdicts, strict=True)
        ]


def states(premise: str, hypothesis: str) -> bool:
    """Whether a premise, a question and a statement, says that the hypothesis's answer is the question's."""
    asked = re.fullmatch(r'The answer to the question "(.*)" is (.*)\.', hypothesis)
    if asked is None or not premise.startswith(f"{asked[1]}\n"):
        return False
    said = premise.removeprefix(f"{asked[1]}\n")
    return asked[2] in said and not re.search(r"(?i)\b(?:or|perhaps|not|one of)\b", said)


def values(output: str, of: Example, profile: str, *told: tuple[str, str], kind: str = "em") -> dict[str, float | None]:
    """All per-sample values of an output under a profile."""
    return score(of, output, profile=profile, kind=kind, nli=entails(*told)).values


def reported(
    samples: Sequence[tuple[Example, str]], profile: str, *told: tuple[str, str], kind: str = "em"
) -> dict[str, float]:
    """All reported keys of some outputs under a profile."""
    return values_of(aggregate(samples, profile=profile, kind=kind, nli=entails(*told)))
