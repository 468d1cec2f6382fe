"""`groundeval.compare`: compares runs, given by their folders or as results in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from groundeval.comparison.compare import Comparison, open_run
from groundeval.comparison.compare import compare as compare_runs
from groundeval.comparison.saved_scores import ScoredRun
from groundeval.errors import UsageError, excerpt
from groundeval.run.outcome import ScoreResult, ScoreResults, TaskRun, TaskRuns
from groundeval.storage.environment import environment
from groundeval.storage.regular import holding, identities

Comparable: TypeAlias = str | Path | ScoreResult | ScoreResults | TaskRun | TaskRuns | ScoredRun
"""A run folder, a folder of scores, or a return value of `evaluate` or `score`."""


def compare(*runs: Comparable, profile: str | None = None, nli: str | None = None) -> Comparison:
    """Compare runs with the first of them, sample by sample: the Python form of `groundeval compare`.

    `profile` and `nli` choose among several scorings of a run. Raises UsageError for fewer than two runs, for one that
    has no scoring or several that fit, and for runs that share no sample.
    """
    with holding(identities(Path(run) for run in runs if isinstance(run, str | Path))):
        return compare_runs([_opened(run, number, profile, nli) for number, run in enumerate(runs, 1)])


def _opened(run: Comparable, number: int, profile: str | None, nli: str | None) -> ScoredRun:
    if isinstance(run, ScoredRun):
        return run
    if isinstance(run, str | Path):
        return open_run(Path(run), profile=profile, nli=nli)
    fitting = [
        each
        for each in _results(run)
        if profile in (None, each.results.profile) and nli in (None, each.results.nli or "none")
    ]
    if len(fitting) != 1:
        raise UsageError(
            f"compare: run {number} has {len(fitting)} scorings that fit.\n"
            "  Give one of its results, or choose with profile=... and nli=..."
        )
    [result] = fitting
    return in_memory(result, f"run {number}") if result.folder is None else open_run(result.folder)


def _results(run: object) -> Iterable[ScoreResult]:
    if isinstance(run, ScoreResult):
        return [run]
    if isinstance(run, TaskRun):
        return run.scores
    if isinstance(run, TaskRuns):
        return run.scores()
    if isinstance(run, list) and all(isinstance(each, ScoreResult) for each in run):
        return run
    raise UsageError(f"compare: {excerpt(run)}: must be a folder, or what evaluate() or score() returned")


def in_memory(result: ScoreResult, name: str) -> ScoredRun:
    """Results that were not written, as if they had been. `name`: their name in the comparison."""
    samples = {each.id: each.record() for each in result.samples()}
    identity = json.loads(json.dumps(result.identity))
    folder = Path(name) / "scores" / "in memory"
    return ScoredRun(folder, result.results, identity, {}, environment(), samples, result.examples_sha256)
