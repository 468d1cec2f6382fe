"""One row of the leaderboard: a measured run, or numbers reported in a paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from groundeval.comparison.compare import judging
from groundeval.comparison.saved_scores import ScoredRun
from groundeval.stats.bootstrap import RESAMPLES, Array, Estimate, resampled, resamplings
from groundeval.storage.folder import content_id, folder_name
from groundeval.storage.generations import GENERATIONS
from groundeval.storage.json_records import stream_hash
from groundeval.storage.regular import entries_of, open_regular


@dataclass(slots=True)
class Entry:
    """A system's numbers on one task under one protocol."""

    id: str
    """The name of its page: a hash of its files' content, so that the same run has the same name in every location, and
    no run with other texts or values has it."""
    system: str
    details: tuple[str, ...]
    """Short description that distinguishes systems with the same model: prompt, demonstrations, sampling."""
    task: str
    profile: str
    nli: str | None
    """None if no NLI model was used, or if a paper does not name it."""
    proxy: bool
    reported: bool
    """Numbers from a paper, not measured here: they have no samples, no intervals and no rank."""
    paper: str
    """The source of a reported row; empty for a measured one."""
    where: str
    """The paper's table or figure."""
    n: int | None
    statuses: Mapping[str, int]
    headline: tuple[str, ...]
    metrics: Mapping[str, Estimate]
    pool: str = ""
    """Entries of the same pool were judged in the same way on the same samples, and are ranked together."""
    draws: Mapping[str, Array] = field(default_factory=dict)
    """Headline keys under resamplings that all entries of the pool share."""
    ranks: dict[str, int] = field(default_factory=dict)
    std: Mapping[str, float] = field(default_factory=dict)
    """Standard deviation over seeds, if the paper reports it."""
    notes: tuple[str, ...] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    """The folder of its scores; None for a reported row. It is shown nowhere."""
    root: Path | None = None
    """The folder that the user named, in which it lies."""

    @property
    def source(self) -> str:
        """Paper and place of a reported row."""
        return f"{self.paper}, {self.where}" if self.where else self.paper

    @property
    def rank(self) -> int | None:
        """The rank by the first headline key."""
        return next((self.ranks[key] for key in self.headline if key in self.ranks), None)

    @property
    def failed(self) -> int:
        """Number of samples without values."""
        return self.statuses.get("error", 0)

    def facts(self) -> dict[str, Any]:
        """The row as JSON values."""
        return {
            "id": self.id, "system": self.system, "details": list(self.details), "task": self.task,
            "profile": self.profile, "nli": self.nli, "proxy": self.proxy, "reported": self.reported,
            "source": self.source, "n": self.n, "statuses": dict(self.statuses), "headline": list(self.headline),
            "rank": self.rank, "ranks": dict(self.ranks), "pool": self.pool, "notes": list(self.notes),
            "std": dict(self.std),
            "metrics": {key: asdict(metric) for key, metric in self.metrics.items()},
        }  # fmt: skip


def entry_of(run: ScoredRun, metrics: Mapping[str, Estimate]) -> Entry:
    """The row of a run whose results were recomputed."""
    results = run.results
    manifest = {"generation": run.generation, "scoring": run.scoring, "versions": run.environment.get("versions")}
    shown = {**manifest, "system": run.system, "results": results.model_dump(mode="json")}
    digest = content_id({**shown, "files": _file_hashes(run)})
    unranked = tuple(_why_not_ranked(run))
    return Entry(
        id=page_name(run.system, results.task, results.profile, digest),
        system=run.system,
        details=tuple(_details(run.generation)),
        task=results.task,
        profile=results.profile,
        nli=results.nli,
        proxy=(results.nli_identity or {}).get("fidelity") == "proxy",
        reported=False,
        paper="",
        where="",
        n=results.n,
        statuses=results.statuses,
        headline=run.headline,
        metrics={key: metrics.get(key, metric) for key, metric in results.metrics.items()},
        pool=_pool(run),
        draws={} if unranked else _repeats(run),
        notes=(*results.notes, *unranked, *_about_documents(run)),
        manifest=manifest,
        folder=run.folder,
        root=run.root,
    )


def _file_hashes(run: ScoredRun) -> dict[str, str]:
    """Hashes of all files shown in the viewer, by name."""
    texts = [path for name in (GENERATIONS, "prompts*.jsonl") for path in entries_of(run.run_folder, name, run.root)]
    hashes = {}
    for path in (*texts, run.folder / "scores.jsonl"):
        with open_regular(path, run.root) as file:
            hashes[path.name] = stream_hash(file)
    return hashes


def _why_not_ranked(run: ScoredRun) -> Iterator[str]:
    """The reason why a run cannot be ranked; empty if it can."""
    if any(record["status"] == "error" for record in run.samples.values()):
        yield "not ranked: samples failed, and the others may be the easier ones"
    if run.judged_data is None:
        yield "not ranked: its manifest names no data, so it cannot be checked that others had the same gold answers"


def _about_documents(run: ScoredRun) -> Iterator[str]:
    if run.generation and run.scoring.get("post_hoc", "none") != "none":
        yield "citations attached afterwards can be of documents that the model was not shown; those are not displayed"


def page_name(*parts: str) -> str:
    """A file name valid on every file system, for any name of a model."""
    return "--".join(folder_name(part).encode("ascii", "ignore").decode()[:60] for part in parts)


def _details(generation: Mapping[str, Any]) -> list[str]:
    if not generation:
        return ["outputs scored as given"]
    sampling = generation.get("sampling") or {}
    temperature = sampling.get("temperature", 0)
    data = generation.get("data") or {}
    source = str(data.get("source") or "data without a name")
    found = [
        "embedded data" if source == "embedded" else PurePath(source).name,
        f"prompt {(generation.get('prompt') or {}).get('template', '?')}",
        f"{generation.get('num_fewshot', 0)}-shot",
        f"{generation.get('num_docs', '?')} docs{' (oracle)' if generation.get('oracle_docs') else ''}",
        "greedy" if temperature == 0 else f"temperature {'of the server' if temperature is None else temperature}",
    ]
    if generation.get("num_samples", 1) != 1:
        found.append(f"{generation['num_samples']} answers each")
    revision = (generation.get("generator") or {}).get("revision")
    return [*found, f"revision {revision}"] if revision else found


def _pool(run: ScoredRun) -> str:
    asked = sorted(set(map(run.question_of, run.samples)))
    return content_id({"judging": judging(run), "data": run.judged_data, "questions": asked})


def _repeats(run: ScoredRun) -> dict[str, Array]:
    """The headline under shared resamplings of the questions, in the order of their ids whatever that of the file."""
    asked = sorted(set(map(run.question_of, run.samples)))
    if len(asked) < 2 or not run.scored:
        return {}
    answers = run.answers(asked)
    aggregates = {key: run.aggregates[key] for key in run.headline if key in run.aggregates}
    # A system without values to average is not ranked by the key.
    aggregates = {key: aggregates[key] for key, value in answers.value(aggregates).items() if value is not None}
    weights = (answers.weights(each) for each in resamplings(len(asked), RESAMPLES, 0))
    return {key: values.astype(np.float32) for key, values in resampled(answers.columns, aggregates, weights).items()}


def sorted_entries(entries: Sequence[Entry]) -> list[Entry]:
    """Measured before reported; within a pool by rank, then by the headline, then by name."""

    def order(entry: Entry) -> tuple[Any, ...]:
        lead = next((entry.metrics[key].value for key in entry.headline if key in entry.metrics), None) or 0.0
        rank = entry.rank if entry.rank is not None else 1_000_000
        board = (entry.task, entry.profile, entry.reported, entry.proxy, entry.nli or "")
        return (*board, rank, -lead, entry.system, entry.id)

    return sorted(entries, key=order)
