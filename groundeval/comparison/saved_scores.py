"""Scorings read back from run folders, checked: aggregates are recomputed from per-sample values, never trusted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isclose
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from groundeval.errors import DataError, UsageError, excerpt, no_such, option
from groundeval.metrics.metric import METRICS, Metric
from groundeval.metrics.profiles import PROFILES
from groundeval.run.reward_metrics import reward_aggregate
from groundeval.run.score import SCORING_VERSION
from groundeval.scoring.plan import OVERALL
from groundeval.scoring.results import SCHEMA_VERSION, Results
from groundeval.stats.bootstrap import Aggregate, Array, Estimate, summarize
from groundeval.stats.paired import Answers
from groundeval.stats.repeats import best_of, questions_of, summarize_repeats
from groundeval.storage.folder import read_json
from groundeval.storage.manifest import run_identity
from groundeval.storage.regular import walked
from groundeval.storage.scores import LARGEST, score_lines
from groundeval.tasks.task import TASKS

TOLERANCE = 1e-6
"""Tolerance in the unit of the metric: above the differences of numeric libraries, below any printed digit."""


@dataclass(frozen=True)
class ScoredRun:
    """One scoring of one run: its results, and the per-sample values that they must follow from."""

    folder: Path
    """`.../scores/<score id>`."""
    results: Results
    scoring: Mapping[str, Any]
    """What determined the numbers: the identity in the scoring's manifest."""
    generation: Mapping[str, Any]
    """What determined the texts; empty where outputs were scored that groundeval did not generate."""
    environment: Mapping[str, Any]
    """Versions and hardware of the scoring."""
    samples: Mapping[str, Mapping[str, Any]]
    """The lines of `scores.jsonl` that the results count, by sample id, in the order of the data."""
    examples_sha256: str | None = None
    """Hash of the examples that were scored, without the outputs: questions, documents, gold data."""
    root: Path | None = None
    """The folder that the user named: below it no link is followed. None: the run folder."""

    @property
    def run_folder(self) -> Path:
        """The folder of the texts."""
        return self.folder.parents[1]

    @property
    def system(self) -> str:
        """The model of the run; for scored outputs the name of their folder."""
        return str(self.generation.get("generator", {}).get("model") or self.run_folder.name)

    @property
    def origin(self) -> Mapping[str, Any]:
        """Distinguishes the texts from others scored into the same folder: the file, its tags and documents."""
        found = self.scoring.get("origin")
        return found if isinstance(found, dict) else {}

    @property
    def data_sha256(self) -> str | None:
        """Hash of the data that the texts were generated from."""
        found = self.generation.get("data", {}).get("sha256")
        return None if found is None else str(found)

    @property
    def judged_data(self) -> str | None:
        """Hash of the data behind the numbers: what was generated from, or the examples of scored outputs."""
        return self.data_sha256 if self.generation else self.examples_sha256

    @cached_property
    def headline(self) -> tuple[str, ...]:
        """The keys that the run is judged by: its task's, whatever the results say; for a task not registered here,
        those that the results give."""
        task = self.results.task
        chosen = TASKS.get(task)().headline if task in TASKS else tuple(self.results.headline)
        reported = self.results.metrics
        return tuple(key for key in chosen if key in reported) or tuple(key for key in OVERALL if key in reported)

    @cached_property
    def scored(self) -> tuple[str, ...]:
        """Ids of the samples that have values: all but the failed ones."""
        return tuple(each for each, record in self.samples.items() if record["status"] != "error")

    @cached_property
    def aggregates(self) -> dict[str, Aggregate]:
        """The reported keys that are functions of the per-sample values. Raises DataError for a metric unknown here."""
        known: dict[str, Aggregate] = {}
        for metric in self.metrics:
            known |= metric.aggregates
        known |= {key: reward_aggregate(key) for key in self.rewards}
        return {key: known[key] for key in self.results.metrics if key in known}

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of the scoring. Raises DataError for those that are not registered here."""
        unknown = [f'"{name}"' for name in self.scoring["metrics"] if name not in METRICS]
        if unknown:
            raise DataError(
                f"{self.folder}: of its metrics {', '.join(unknown)} {'is' if len(unknown) == 1 else 'are'} not known "
                "here, so the numbers cannot be checked.\n"
                f"  Load the plugin that the run was made with: {option('include_path', 'PLUGIN')}"
            )
        return tuple(METRICS.get(name) for name in self.scoring["metrics"])

    @property
    def rewards(self) -> tuple[str, ...]:
        """The keys under which rewards are reported."""
        found = self.scoring.get("rewards")
        names = [each.get("name") for each in found if isinstance(each, dict)] if isinstance(found, list) else []
        return tuple(f"reward:{name}" for name in names)

    @cached_property
    def columns(self) -> dict[str, Array]:
        """The per-sample values by column, rows as in `scored`; NaN where a value does not apply."""
        own = (column for metric in self.metrics for column in metric.columns)
        names = dict.fromkeys([*own, *self.rewards])
        values = [self.samples[each]["values"] for each in self.scored]
        # None becomes NaN.
        return {name: np.array([each.get(name) for each in values], dtype=np.float64) for name in names}

    def question_of(self, sample_id: str) -> str:
        """The question that a sample answers: where several answers were drawn, their ids are numbered."""
        return sample_id.rpartition("#")[0] if self.results.num_samples > 1 else sample_id

    @cached_property
    def questions(self) -> tuple[str, ...]:
        """The questions with at least one answer that has values, in the order of the data."""
        return tuple(dict.fromkeys(map(self.question_of, self.scored)))

    def answers(self, questions: Sequence[str]) -> Answers:
        """The values of the answers to these questions, with the questions numbered in this order."""
        numbers = {question: number for number, question in enumerate(questions)}
        found = np.array([numbers.get(self.question_of(each), -1) for each in self.scored], dtype=np.int64)
        order = np.argsort(found, kind="stable")[int(np.sum(found < 0)) :]
        return Answers({name: values[order] for name, values in self.columns.items()}, found[order])


def find_scorings(root: Path) -> Iterator[Path]:
    """The folders of all finished scorings below a folder, at any depth, in a fixed order.

    Raises UsageError if the folder does not exist.
    """
    if root.is_file():
        raise UsageError(f"{root}: is a file; name a run folder, or a folder that holds some")
    if not root.is_dir():
        raise no_such(root, "folder")
    yield from sorted(path for folder, entries in walked(root) for path in _scorings_in(folder, entries, root))


def _scorings_in(folder: Path, entries: Sequence[os.DirEntry[str]], root: Path) -> Iterator[Path]:
    """The folder, if it holds a finished scoring. A FIFO or a link is one, too: it is reported when it is read."""
    is_place = folder.parent.name == "scores" and root not in (folder, folder.parent)
    if is_place and {"manifest.json", "results.json"} <= {entry.name for entry in entries}:
        yield folder
    links = (entry.name for entry in entries if entry.is_symlink())
    yield from (folder / name for name in links if "scores" in (name, folder.name))


def read_scoring(folder: Path, root: Path | None = None) -> ScoredRun:
    """One scoring, read and validated against the schema; its aggregates are not yet recomputed.

    Below `root` (default: the run folder) no link is followed. Raises DataError for anything that is damaged, missing
    or of a later version.
    """
    root = folder.parents[1] if root is None else root
    manifest = _manifest(folder, "scores", root)
    scoring = manifest["identity"]
    results = _results(folder, root)
    if results.profile not in PROFILES or results.profile != scoring.get("profile"):
        raise DataError(
            f"{folder}: results.json says profile {excerpt(results.profile)}, manifest.json "
            f"{excerpt(scoring.get('profile'))}; both must name the same of: {', '.join(PROFILES)}"
        )
    has_texts = os.path.lexists(folder.parents[1] / "manifest.json")
    generation = _manifest(folder.parents[1], "generation", root)["identity"] if has_texts else {}
    samples = _samples(folder, sum(results.statuses.values()), root)
    examples = manifest.get("examples_sha256")
    # Earlier manifests call the environment circumstances.
    environment = manifest.get("environment") or manifest.get("circumstances") or {}
    if not isinstance(environment, dict):
        raise DataError(f"{folder}/manifest.json: environment must be an object, not {excerpt(environment)}")
    run = ScoredRun(
        folder, results, scoring, generation, environment, samples,
        None if examples is None else str(examples), root,
    )  # fmt: skip
    _check_manifests(run)
    return run


def _check_manifests(run: ScoredRun) -> None:
    """Raises DataError unless the results name the task and the NLI model that the manifests name."""
    judge = run.scoring.get("nli")
    named = {
        "task": run.generation.get("task", run.origin.get("task")),
        "task_version": run.scoring.get("task_version"),
        "nli": judge.get("name") if isinstance(judge, dict) else None,
        "nli_identity": judge,
    }
    for field, value in named.items():
        said = getattr(run.results, field)
        if said != value:
            raise DataError(
                f"{run.folder}: results.json says {field} {excerpt(said)}, the manifest says {excerpt(value)}"
            )


def _manifest(folder: Path, kind: str, root: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    manifest = read_json(path, root)
    identity = manifest.get("identity") if isinstance(manifest, dict) else None
    if not isinstance(manifest, dict) or manifest.get("kind") != kind or not isinstance(identity, dict):
        raise DataError(f'{path}: not a manifest of kind "{kind}"')
    if kind == "generation":
        run_identity(manifest, folder)
    metrics = identity.get("metrics") if kind == "scores" else []
    if not isinstance(metrics, list) or not all(isinstance(name, str) for name in metrics):
        raise DataError(f"{path}: metrics must be a list of names, not {excerpt(metrics)}")
    return manifest


def _results(folder: Path, root: Path) -> Results:
    path = folder / "results.json"
    found = read_json(path, root)
    version = found.get("schema_version") if isinstance(found, dict) else None
    if version != SCHEMA_VERSION:
        raise DataError(f"{path}: schema_version is {excerpt(version)}, this groundeval reads {SCHEMA_VERSION}")
    try:
        results = Results.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise DataError(f"{path}: field {field}: {first['msg']}, found {excerpt(first['input'])}") from None
    for key, metric in results.metrics.items():
        numbers = (metric.value or 0.0, metric.stderr or 0.0, *(metric.ci95 or ()))
        # An integer of JSON may be too large for a float.
        if not all(abs(number) <= LARGEST for number in numbers):
            raise DataError(f"{path}: metric {key}: {numbers} are not all finite numbers")
    return results


def _samples(folder: Path, count: int, root: Path) -> dict[str, dict[str, Any]]:
    """The first `count` samples by first appearance: a later line of a sample replaces an earlier one, and a run that
    was scored with a smaller limit afterwards has more lines than its results count."""
    path = folder / "scores.jsonl"
    if not os.path.lexists(path):
        raise DataError(f"{path} is missing: without per-sample values the results cannot be checked")
    found: dict[str, dict[str, Any]] = {}
    for record in score_lines(path, root):
        found[record["id"]] = record
    if len(found) < count:
        raise DataError(f"{folder}: results.json counts {count} samples, scores.jsonl holds {len(found)}")
    return dict(list(found.items())[:count])


def recomputed(run: ScoredRun) -> dict[str, Estimate]:
    """Every aggregate of the results, computed again from the per-sample values.

    Raises DataError where it differs from what the results say, naming the run, the key and both values.
    """
    if run.results.num_samples == 1:
        again, best = summarize(run.columns, run.aggregates), dict[str, Estimate]()
    else:
        numbers = questions_of(run.scored)
        again = summarize_repeats(run.columns, run.aggregates, numbers)
        best = best_of(run.columns, run.aggregates, numbers)
    _check_counts(run)
    _check("", run, run.results.metrics, again)
    _check("best of several answers, ", run, run.results.best_of, best)
    return again


def _check_counts(run: ScoredRun) -> None:
    failed = sum(record["status"] == "error" for record in run.samples.values())
    counted = {"n": len(run.questions), "failed": failed}
    said = {"n": run.results.n, "failed": run.results.statuses.get("error", 0)}
    if counted != said:
        raise DataError(f"{run.folder}: results.json says {said}, the samples give {counted}")


def _check(what: str, run: ScoredRun, said: Mapping[str, Estimate], again: Mapping[str, Estimate]) -> None:
    """Raises DataError unless the results say what was recomputed. Metrics over the whole set cannot be recomputed."""
    for key, result in said.items():
        if key not in again:
            if not is_corpus_metric(run, key):
                raise DataError(f'{run.folder}: {what}no metric of this scoring reports "{key}"')
            continue
        for field in ("value", "n", "stderr", "ci95"):
            claimed, value = getattr(result, field), getattr(again[key], field)
            if not _same(claimed, value):
                raise DataError(
                    f"{run.folder}: {what}{key}: results.json says {field} = {_shown(claimed)}, "
                    f"its per-sample values give {_shown(value)}{_hint(run)}"
                )


def _hint(run: ScoredRun) -> str:
    """A possible cause of a difference: other versions average in another way, for instance no values to 0."""
    version = run.scoring.get("scoring_version")
    if version == SCORING_VERSION:
        return ""
    return (
        f"\n  It was scored by another version of groundeval (scoring version {excerpt(version)}, this one has "
        f"{SCORING_VERSION}): score it again with groundeval score"
    )


def is_corpus_metric(run: ScoredRun, key: str) -> bool:
    """Whether the key is reported by a metric over the whole set, which has no per-sample values."""
    return any(METRICS.get(name).corpus is not None and key == name for name in run.scoring["metrics"])


def _same(first: Any, second: Any) -> bool:
    if first is None or second is None:
        return first is second
    pairs = zip(first, second, strict=True) if isinstance(first, tuple) else [(first, second)]
    return all(isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE) for a, b in pairs)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(f'{each:.10g}' for each in value)}]"
    return "none" if value is None else f"{value:.10g}"
