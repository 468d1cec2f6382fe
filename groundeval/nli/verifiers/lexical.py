"""The `lexical` verifier: token containment, for the demo and for tests that need no model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from groundeval.nli.model import NLIOptions, Traits
from groundeval.nli.spec import Spec
from groundeval.parsing.remembered import remembered
from groundeval.records import Pair, Verdict

TOKEN = re.compile(r"[a-z0-9]+")
_ANSWER = re.compile(r'The answer to the question "(.*)" is (.*)\.', re.DOTALL)
"""What `strict` asks of an answer; the words around question and answer are in no premise."""


def tokens(text: str) -> frozenset[str]:
    """The distinct tokens of a text: runs of `a`-`z` and digits in its lower-cased form."""
    return frozenset(TOKEN.findall(text.lower()))


def hypothesis_tokens(text: str) -> frozenset[str]:
    """The distinct tokens that the premise should have."""
    asked = _ANSWER.fullmatch(text)
    return tokens(text if asked is None else f"{asked[1]} {asked[2]}")


class Lexical:
    """Entailed iff at least half of the hypothesis's distinct tokens occur in the premise.

    The score is their share, in [0, 1]; a hypothesis without tokens has score 0 and is not entailed. A stand-in for a
    real NLI model: results made with it are not comparable with results made with one.
    """

    name = "lexical"
    revision: str | None = "2"
    traits = Traits(
        kind="lexical",
        template="token containment",
        threshold=0.5,
        in_process=False,
        instant=True,
    )

    def __init__(self) -> None:
        # The same few documents recur, and neighbouring pairs share a hypothesis.
        self._premise = remembered(512)(tokens)
        self._hypothesis = remembered(256)(hypothesis_tokens)
        # Few distinct shares exist, so pairs share verdict objects instead of holding their own.
        self._verdict = lru_cache(maxsize=65536)(_verdict)

    def judge(self, pair: Pair) -> Verdict:
        """The verdict of one pair."""
        asked = self._hypothesis(pair.hypothesis)
        return self._verdict(len(asked & self._premise(pair.premise)), len(asked))

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict for each pair, in order."""
        return [self.judge(pair) for pair in pairs]


def _verdict(found: int, asked: int) -> Verdict:
    return Verdict(entailed=asked > 0 and 2 * found >= asked, score=found / asked if asked else 0.0)


def lexical(spec: Spec, options: NLIOptions, name: str) -> Lexical:
    """Token containment; takes no options."""
    return Lexical()
