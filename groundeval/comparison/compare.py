"""Compares runs: differences of their manifests, then of their numbers, then the samples that changed most."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from groundeval.comparison.saved_scores import ScoredRun, find_scorings, read_scoring, recomputed
from groundeval.console.notebook import Tabular
from groundeval.console.sanitize import one_line
from groundeval.errors import UsageError, option
from groundeval.stats.bootstrap import RESAMPLES
from groundeval.stats.paired import LEVEL, better_counts, holm, paired_differences
from groundeval.storage.folder import leaves
from groundeval.storage.generations import stored_generations

Concerns = Literal["score", "text", "circumstance"]
"""`score`: determines how texts are judged; `text`: determines the texts, and is what a comparison is about;
`circumstance`: versions and hardware, which should not matter."""

FEW_SAMPLES = 30
CHANGED_SAMPLES = 10
_EXCERPT = 300
_JUDGING = ("task", "task_version", "scoring_version", "profile", "kind", "cot", "nli", "metric_models", "post_hoc")


@dataclass(frozen=True, slots=True)
class ManifestDifference:
    """A field of the manifests that is not the same in all runs."""

    field: str
    concerns: Concerns
    values: tuple[Any, ...]
    """One for each run; None where a run does not have the field."""


@dataclass(frozen=True, slots=True)
class MetricDifference:
    """One metric of two runs, as `second - first`, in the unit of the metric; None where nothing was averaged."""

    key: str
    first: float | None
    second: float | None
    difference: float | None
    ci95: tuple[float, float] | None
    p: float | None
    p_holm: float | None
    """Corrected over all pairs: the headline metrics among themselves, the others among themselves."""

    @property
    def significant(self) -> bool:
        """Whether the difference is significant at 5% after correction."""
        return self.p_holm is not None and self.p_holm <= LEVEL


@dataclass(frozen=True, slots=True)
class ChangedSample:
    """A sample whose values changed much; of several answers to a question, the first."""

    id: str
    change: float
    """Mean absolute change of its values, in [0, 1]."""
    values: Mapping[str, tuple[float | None, float | None]]
    """The values that changed: first and second, as fractions."""
    texts: tuple[str | None, str | None]
    """Beginnings of the two texts, where the run folders hold them."""


@dataclass(frozen=True, slots=True)
class PairedRuns:
    """The comparison of two runs."""

    first: int
    second: int
    metrics: tuple[MetricDifference, ...]
    changed: tuple[ChangedSample, ...]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run with its label in the comparison."""

    label: str
    """A, B, C, ..."""
    system: str
    folder: str
    task: str
    profile: str
    nli: str | None
    n: int
    metrics: Mapping[str, float | None]
    rank: int | None
    """1 + number of the other runs that are better in `ranked_by`: the 95% interval of the paired difference, which is
    not corrected for the number of runs, lies above 0. None where ranking is refused."""


@dataclass(frozen=True, slots=True, repr=False)
class Comparison(Tabular):
    """The full result of comparing several runs."""

    runs: tuple[RunSummary, ...]
    differences: tuple[ManifestDifference, ...]
    refusals: tuple[str, ...]
    """Why the runs are not ranked and no difference is tested; empty if they are."""
    warnings: tuple[str, ...]
    n: int
    """Samples that all runs have values for."""
    ranked_by: str | None
    pairs: tuple[PairedRuns, ...]

    @property
    def reported(self) -> list[str]:
        """The keys that some run reports, in order."""
        return list(dict.fromkeys(key for run in self.runs for key in run.metrics))

    def _rows(self) -> list[dict[str, object]]:
        if not self.pairs:
            return [{"run": each.label, "system": each.system, **each.metrics} for each in self.runs]
        return [
            {
                "metric": metric.key,
                "runs": f"{self.runs[pair.second].label} - {self.runs[pair.first].label}",
                "first": metric.first,
                "second": metric.second,
                "difference": metric.difference,
                "ci95_low": metric.ci95 and metric.ci95[0],
                "ci95_high": metric.ci95 and metric.ci95[1],
                "p": metric.p,
                "p_holm": metric.p_holm,
                "significant": metric.significant,
            }
            for pair in self.pairs
            for metric in pair.metrics
        ]

    def _caption(self) -> str:
        return "; ".join(f"{run.label}: {run.system}, {run.task}, profile {run.profile}" for run in self.runs)

    def _notes(self) -> list[str]:
        return [*(f"not ranked: {each}" for each in self.refusals), *(f"warning: {each}" for each in self.warnings)]

    def __repr__(self) -> str:
        systems = ", ".join(f"{run.label}: {run.system}" for run in self.runs)
        ranked = f"ranked by {self.ranked_by}" if not self.refusals else "not ranked"
        return f"<Comparison: {systems} · {self.n} shared samples · {ranked}>"

    def as_json(self) -> dict[str, Any]:
        """The comparison as JSON values."""
        return {"schema_version": 1, "ranked": not self.refusals, **asdict(self)}


def open_run(path: Path, *, profile: str | None = None, nli: str | None = None, root: Path | None = None) -> ScoredRun:
    """The scoring that a path names: a folder of scores, or a run folder with one of this profile and NLI model.

    `root`: the folder that the user named, where that is another: below it no link is followed. Raises UsageError if
    there is none or more than one, DataError if its results do not follow from its values.
    """
    if (path / "results.json").is_file():
        found = [read_scoring(path, root) if root else read_scoring(Path(os.path.abspath(path)))]
    else:
        found = [read_scoring(folder, path) for folder in find_scorings(path)]
    wanted = [
        run for run in found if profile in (None, run.results.profile) and nli in (None, run.results.nli or "none")
    ]
    if len(wanted) != 1:
        problem = "more than one scoring fits" if wanted else "no finished scoring fits"
        listed = "".join(
            f"\n    {run.folder}: {run.results.task}, profile {run.results.profile}, NLI {run.results.nli or 'none'}"
            for run in (wanted or found)[:10]
        )
        raise UsageError(
            f"{path}: {problem}. Name a folder of scores, or choose with "
            f"{option('profile')} and {option('nli')}.{listed}"
        )
    recomputed(wanted[0])
    return wanted[0]


def compare(runs: Sequence[ScoredRun]) -> Comparison:
    """Compare runs with the first of them, sample by sample.

    Raises UsageError for fewer than two runs, and for runs that share no sample.
    """
    if len(runs) < 2:
        raise UsageError("compare needs at least two runs")
    differences = tuple(manifest_differences(runs))
    refusals = tuple(judged_differently(runs))
    common = shared_questions(runs)
    if not common and not refusals:
        raise UsageError("the runs share no sample that both have values for: there is nothing to compare")
    keys = [key for key in runs[0].aggregates if all(key in run.aggregates for run in runs)]
    ranked_by = next((key for key in runs[0].headline if key in keys), None)
    pairs = () if refusals else tuple(_pairs(runs, common, keys))
    ranks = [None] * len(runs) if refusals or ranked_by is None else _ranks(runs, common, ranked_by)
    return Comparison(
        tuple(_summary(run, index, ranks[index]) for index, run in enumerate(runs)),
        differences,
        refusals,
        tuple(_warnings(runs, common)),
        len(common),
        ranked_by,
        pairs,
    )


def shared_questions(runs: Sequence[ScoredRun]) -> tuple[str, ...]:
    """The questions that every run has values for, in the order of the first run."""
    everywhere = set(runs[0].questions).intersection(*(run.questions for run in runs[1:]))
    return tuple(each for each in runs[0].questions if each in everywhere)


def manifest_differences(runs: Sequence[ScoredRun]) -> Iterator[ManifestDifference]:
    """Fields in which the manifests differ: what determines the score first, then the texts, then environment."""
    codes = [plugin_codes(run) for run in runs]
    shared = [name for name in codes[0] if all(name in each for each in codes)]
    judged = [
        {**judging(run), "code": {name: code[name] for name in shared}} for run, code in zip(runs, codes, strict=True)
    ]
    told: list[dict[str, Any]] = [
        {
            **{key: value for key, value in run.generation.items() if key not in ("task", "task_version")},
            "origin": {"file_sha256": run.origin.get("file_sha256")},
        }
        for run in runs
    ]
    around = [{"versions": run.environment.get("versions")} for run in runs]
    concerns: tuple[tuple[Concerns, Sequence[Mapping[str, Any]]], ...] = (
        ("score", judged),
        ("text", told),
        ("circumstance", around),
    )
    for concern, trees in concerns:
        flat = [dict(leaves(tree)) for tree in trees]
        for field in dict.fromkeys(name for each in flat for name in each):
            values = tuple(each.get(field) for each in flat)
            if any(value != values[0] for value in values[1:]):
                is_data = concern == "text" and field in ("data.sha256", "data.split")
                yield ManifestDifference(field, "score" if is_data else concern, values)


def judging(run: ScoredRun) -> dict[str, Any]:
    """The settings that determine how texts are judged: numbers of runs that differ in them are not comparable."""
    known = {"task": run.results.task, **run.scoring}
    return {
        **{name: known.get(name) for name in _JUDGING},
        "origin": {name: run.origin.get(name) for name in ("reasoning_tags", "num_docs")},
        # For generated texts the hash of the data suffices, whatever number of documents each run shows.
        "examples_sha256": None if run.generation else run.examples_sha256,
    }


def plugin_codes(run: ScoredRun) -> dict[str, Any]:
    """By name, what the manifest says of the plugin's code behind each metric and reward; those that ship have none."""
    metrics, rewards = run.scoring.get("code"), run.scoring.get("rewards")
    found = dict(metrics) if isinstance(metrics, dict) else {}
    for each in rewards if isinstance(rewards, list) else ():
        if isinstance(each, dict) and "code" in each:
            found[f"reward:{each.get('name')}"] = each["code"]
    return found


def judged_differently(runs: Sequence[ScoredRun]) -> Iterator[str]:
    """The reasons why the numbers of these runs are not comparable; none if they are."""
    for each in manifest_differences(runs):
        if each.concerns == "score":
            values = ", ".join(f"{label(index)}: {one_line(str(value), 60)}" for index, value in enumerate(each.values))
            yield f"{each.field} is not the same ({values})"


def _warnings(runs: Sequence[ScoredRun], common: Sequence[str]) -> Iterator[str]:
    for index, run in enumerate(runs):
        asked = set(map(run.question_of, run.samples))
        lost = len(asked) - len(common)
        if lost:
            yield f"{label(index)}: {lost} of its {len(asked)} samples are not in all runs, or failed, and are left out"
    if len(common) < FEW_SAMPLES:
        yield f"only {len(common)} samples are shared: intervals and p-values from so few are rough"
    if any((run.results.nli_identity or {}).get("fidelity") == "proxy" for run in runs):
        yield "judged by a proxy: the numbers are not comparable with scores by TRUE"
    if any(run.judged_data is None for run in runs):
        yield "outputs without a hash of their examples are among the runs: their gold data may differ"


def label(index: int) -> str:
    """A, B, ..., Z for the first runs, then their numbers."""
    return chr(ord("A") + index) if index < 26 else str(index + 1)


def _pairs(runs: Sequence[ScoredRun], common: Sequence[str], keys: Sequence[str]) -> Iterator[PairedRuns]:
    answers = [run.answers(common) for run in runs]
    aggregates = {key: runs[0].aggregates[key] for key in keys}
    headline = set(runs[0].headline)
    found = [paired_differences(answers[0], each, aggregates) for each in answers[1:]]
    tested = [(index, key) for index, each in enumerate(found) for key in keys if each[key].p is not None]
    corrected: dict[tuple[int, str], float] = {}
    for family in (headline, set(keys) - headline):
        members = [each for each in tested if each[1] in family]
        p_values = [found[index][key].p or 0.0 for index, key in members]
        corrected |= zip(members, holm(p_values), strict=True)
    texts = [_texts(run) for run in runs]
    for index, differences in enumerate(found):
        metrics = tuple(
            MetricDifference(key, d.first, d.second, d.value, d.ci95, d.p, corrected.get((index, key)))
            for key, d in differences.items()
        )
        changed = _changed(runs[0], runs[index + 1], common)
        shown = tuple(
            ChangedSample(each, change, values, (texts[0].get(each), texts[index + 1].get(each)))
            for each, change, values in changed
        )
        yield PairedRuns(0, index + 1, metrics, shown)


def _changed(
    first: ScoredRun, second: ScoredRun, common: Sequence[str]
) -> list[tuple[str, float, dict[str, tuple[float | None, float | None]]]]:
    """The samples whose values, as far as they are fractions that the metrics average, changed most."""
    columns = dict.fromkeys(
        each.column for each in first.aggregates.values() if each.column is not None and each.unit == "percent"
    )
    first_values, second_values = _first_answers(first), _first_answers(second)
    found = []
    for question in common:
        before, after = first_values.get(question, {}), second_values.get(question, {})
        pairs = {column: (before.get(column), after.get(column)) for column in columns}
        changed = {column: pair for column, pair in pairs.items() if pair[0] != pair[1]}
        amounts = [1.0 if a is None or b is None else min(1.0, abs(b - a)) for a, b in changed.values()]
        if amounts:
            found.append((question, sum(amounts) / len(columns), changed))
    return sorted(found, key=lambda each: (-each[1], each[0]))[:CHANGED_SAMPLES]


def _first_answers(run: ScoredRun) -> dict[str, Mapping[str, float | None]]:
    """The values of each question's first answer."""
    found: dict[str, Mapping[str, float | None]] = {}
    for each in run.scored:
        found.setdefault(run.question_of(each), run.samples[each]["values"])
    return found


def _texts(run: ScoredRun) -> dict[str, str]:
    generations = stored_generations(run.run_folder, run.root)
    stored = {run.question_of(each): record for each, record in reversed(generations.items())}
    return {each: one_line(str(record.get("raw", "")), _EXCERPT) for each, record in stored.items()}


def _ranks(runs: Sequence[ScoredRun], common: Sequence[str], key: str) -> list[int | None]:
    if len(common) < 2:
        return [None] * len(runs)
    aggregates = {key: runs[0].aggregates[key]}
    answers = [run.answers(common) for run in runs]
    ranked = [index for index, each in enumerate(answers) if each.value(aggregates)[key] is not None]
    draws = [answers[index].resampled(aggregates, RESAMPLES)[key] for index in ranked]
    better = dict(zip(ranked, better_counts(np.array(draws)) if ranked else (), strict=True))
    return [1 + int(better[index]) if index in better else None for index in range(len(runs))]


def _summary(run: ScoredRun, index: int, rank: int | None) -> RunSummary:
    return RunSummary(
        label(index),
        run.system,
        str(run.folder),
        run.results.task,
        run.results.profile,
        run.results.nli,
        run.results.n,
        {key: metric.value for key, metric in run.results.metrics.items()},
        rank,
    )
