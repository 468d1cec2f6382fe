"""Agreement of verifiers with human labels: balanced accuracy, ROC-AUC, F1 with intervals, calibrated thresholds.

All measures are percentages with a 95% interval by groundeval's seeded bootstrap over claims. Supported is the
positive label. A claim of several pairs (chunks of evidence) has the highest score of its pairs and is called
supported when one of them is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from groundeval.bench.nli_data import LabelledClaims
from groundeval.errors import GroundevalError, SampleError
from groundeval.nli import NLI
from groundeval.records import Verdict
from groundeval.stats.bootstrap import RESAMPLES, Array, Estimate, resamplings

PUBLISHED_THRESHOLD = 0.5
"""Threshold for published scores, which are probabilities without verdicts."""
LEAST_TO_CALIBRATE = 4
"""Least number of claims of each label for choosing a threshold on one half and reporting it on the other."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """A verifier's scores of the claims of a data set."""

    verifier: str
    scores: Array
    """In [0, 1], higher is more supported; NaN if the verifier failed."""
    verdicts: Flags
    identity: Mapping[str, Any] | None = None
    """None for published scores."""
    threshold: float | None = None
    """The verifier's own threshold; None if the model decides."""
    pairs: int = 0
    """Number of distinct pairs judged."""
    seconds: float | None = None

    @property
    def failed(self) -> Flags:
        """The claims that were not judged."""
        return np.isnan(self.scores)


@dataclass(frozen=True, slots=True)
class Decision:
    """Agreement of yes-or-no verdicts with human labels, on `balanced_accuracy.n` claims."""

    threshold: float | None
    """Least score that counts as supported; None: the model decides."""
    balanced_accuracy: Estimate
    f1: Estimate
    called_supported: float
    """Percentage of the claims."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A threshold chosen on one half of the claims, by balanced accuracy, with its results on the other half."""

    chosen_on: int
    """Number of claims it was chosen on, disjoint from those it is reported on."""
    seed: int
    held_out: Decision


@dataclass(frozen=True, slots=True)
class Quality:
    """Measures of one verifier on one data set."""

    data: str
    source: str
    verifier: str
    identity: Mapping[str, Any] | None
    claims: int
    """Number of claims judged; failed ones are in no measure."""
    failed: int
    left_out: Mapping[str, int]
    supported: float
    """Percentage of claims that people judged as supported."""
    pairs: int
    pairs_per_second: float | None
    """Without the time to load the model; None for published scores."""
    roc_auc: Estimate
    own: Decision
    """By the verifier's own verdicts."""
    calibrated: Calibrated | None
    """None with too few claims of a label."""


def judge(nli: NLI, data: LabelledClaims) -> Judged:
    """Judge a data set with a verifier. It is loaded first, so that the time is that of judging alone.

    A pair that cannot be judged makes its claim fail; if the verifier fails, its BackendError is raised.
    """
    nli.load()
    nli = nli.scope()
    pairs = [pair for claim in data.claims for pair in claim.pairs]
    begun = time.perf_counter()
    outcomes = iter(nli.outcomes(pairs))
    seconds = time.perf_counter() - begun
    scores, verdicts = [], []
    for claim in data.claims:
        found = [_verdict(next(outcomes)) for _ in claim.pairs]
        judged = [verdict for verdict in found if verdict is not None]
        whole = len(judged) == len(found)
        scores.append(max(verdict.score for verdict in judged) if whole else np.nan)
        verdicts.append(whole and any(verdict.entailed for verdict in judged))
    return Judged(
        str(nli.identity()["name"]),
        np.array(scores),
        np.array(verdicts),
        nli.identity(),
        nli.traits.threshold,
        nli.stats.unique,
        seconds,
    )


def _verdict(outcome: Verdict | GroundevalError) -> Verdict | None:
    if isinstance(outcome, Verdict):
        return outcome
    if isinstance(outcome, SampleError):
        return None
    raise outcome


def published(data: LabelledClaims) -> list[Judged]:
    """The published scores of a data set, in the form of a verifier's."""
    found = []
    for name, values in data.published.items():
        scores = np.array(values)
        pairs = sum(len(claim.pairs) for claim in data.claims)
        found.append(
            Judged(
                f"{name} (published)",
                scores,
                scores >= PUBLISHED_THRESHOLD,
                threshold=PUBLISHED_THRESHOLD,
                pairs=pairs,
            )
        )
    return found


def assess(data: LabelledClaims, judged: Judged, *, seed: int = 0, resamples: int = RESAMPLES) -> Quality:
    """Compare a verifier's scores with human labels. Raises SampleError if it judged no claim of a label."""
    kept = ~judged.failed
    labels = np.array([claim.supported for claim in data.claims])[kept]
    scores, verdicts = judged.scores[kept], judged.verdicts[kept]
    if labels.all() or not labels.any():
        raise SampleError(f"{judged.verifier} on {data.name}: {int(judged.failed.sum())} claims could not be judged.")
    return Quality(
        data=data.name,
        source=data.source,
        verifier=judged.verifier,
        identity=judged.identity,
        claims=len(labels),
        failed=int(judged.failed.sum()),
        left_out=data.left_out,
        supported=100 * float(labels.mean()),
        pairs=judged.pairs,
        pairs_per_second=judged.pairs / judged.seconds if judged.seconds else None,
        roc_auc=roc_auc(labels, scores, seed=seed, resamples=resamples),
        own=decision(labels, verdicts, judged.threshold, seed=seed, resamples=resamples),
        calibrated=calibrate(labels, scores, seed=seed, resamples=resamples),
    )


def decision(
    labels: Flags, verdicts: Flags, threshold: float | None, *, seed: int = 0, resamples: int = RESAMPLES
) -> Decision:
    """Agreement of verdicts with labels; both labels must occur."""
    from sklearn.metrics import balanced_accuracy_score, f1_score

    def estimate(value: float, weighted: Callable[[Array], Array]) -> Estimate:
        return _estimate(value, len(labels), weighted, seed, resamples)

    return Decision(
        threshold=threshold,
        balanced_accuracy=estimate(
            balanced_accuracy_score(labels, verdicts), lambda weights: balanced_accuracies(labels, verdicts, weights)
        ),
        f1=estimate(f1_score(labels, verdicts, zero_division=0), lambda weights: f1s(labels, verdicts, weights)),
        called_supported=100 * float(verdicts.mean()),
    )


def roc_auc(labels: Flags, scores: Array, *, seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """Percentage of pairs of a supported and an unsupported claim in which the first scores higher; ties count half."""
    from sklearn.metrics import roc_auc_score

    value = float(roc_auc_score(labels, scores))
    return _estimate(value, len(labels), lambda weights: roc_aucs(labels, scores, weights), seed, resamples)


def calibrate(labels: Flags, scores: Array, *, seed: int = 0, resamples: int = RESAMPLES) -> Calibrated | None:
    """Choose a threshold on a seeded half of the claims and report it on the other half.

    Both halves have the labels in equal shares. None with fewer than `LEAST_TO_CALIBRATE` claims of a label.
    """
    if min(labels.sum(), (~labels).sum()) < LEAST_TO_CALIBRATE:
        return None
    chosen = halves(labels, seed)
    threshold = best_threshold(labels[chosen], scores[chosen])
    verdicts = scores[~chosen] >= threshold
    held_out = decision(labels[~chosen], verdicts, threshold, seed=seed, resamples=resamples)
    return Calibrated(int(chosen.sum()), seed, held_out)


def halves(labels: Flags, seed: int) -> Flags:
    """True for the claims of a random half, which has half of each label."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(labels), dtype=np.bool_)
    for label in (True, False):
        rows = rng.permutation(np.flatnonzero(labels == label))
        chosen[rows[: len(rows) // 2]] = True
    return chosen


def best_threshold(labels: Flags, scores: Array) -> float:
    """The threshold with the best balanced accuracy; of equally good ones the highest."""
    from sklearn.metrics import roc_curve

    false, true, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    # The first threshold is above all scores and calls no claim supported.
    return float(thresholds[1 + int(np.argmax((true - false)[1:]))])


def balanced_accuracies(labels: Flags, verdicts: Flags, weights: Array) -> Array:
    """Mean recall of both labels, for each weighting of the claims; NaN where a label has no weight."""
    right = labels == verdicts
    with np.errstate(invalid="ignore", divide="ignore"):
        of_supported, of_others = ((weights @ (right & label)) / (weights @ label) for label in (labels, ~labels))
        return np.asarray((of_supported + of_others) / 2, dtype=np.float64)


def f1s(labels: Flags, verdicts: Flags, weights: Array) -> Array:
    """F1 of `supported`, for each weighting of the claims; 0 where no claim is supported or called so."""
    both = 2 * (weights @ (labels & verdicts))
    called = weights @ labels.astype(np.float64) + weights @ verdicts.astype(np.float64)
    return np.divide(both, called, out=np.zeros_like(called), where=called > 0)


def roc_aucs(labels: Flags, scores: Array, weights: Array) -> Array:
    """Area under the ROC curve, for each weighting of the claims; NaN where a label has no weight."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    supported = np.add.reduceat((weights * labels)[:, order], starts, axis=1)
    others = np.add.reduceat((weights * ~labels)[:, order], starts, axis=1)
    below = np.cumsum(others, axis=1) - others
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = supported.sum(axis=1) * others.sum(axis=1)
        return np.asarray((supported * (below + others / 2)).sum(axis=1) / whole, dtype=np.float64)


def _estimate(value: float, n: int, weighted: Callable[[Array], Array], seed: int, resamples: int) -> Estimate:
    """Value, standard error and interval in percent. Resamples without one of the labels are left out."""
    drawn = 100 * np.concatenate([weighted(weights) for weights in resamplings(n, resamples, seed)])
    drawn = drawn[~np.isnan(drawn)]
    if len(drawn) < 2:
        return Estimate(100 * float(value), None, None, n)
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Estimate(100 * float(value), float(np.std(drawn, ddof=1)), (float(low), float(high)), n)


def measure(
    verifiers: Sequence[NLI], data: Sequence[LabelledClaims], *, seed: int = 0
) -> list[tuple[LabelledClaims, list[tuple[Judged, Quality]]]]:
    """Measures of every verifier on every data set, published scores first. One model is in memory at a time."""
    judged = {index: published(each) for index, each in enumerate(data)}
    for nli in verifiers:
        with nli:
            for index, each in enumerate(data):
                judged[index].append(judge(nli, each))
    return [(each, [(one, assess(each, one, seed=seed)) for one in judged[i]]) for i, each in enumerate(data)]
