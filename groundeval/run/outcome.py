"""The return values of runs and scorings: results and their samples, as objects for scripts and notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundeval.console.notebook import Tabular
from groundeval.errors import DataError, GroundevalError
from groundeval.scoring.results import Results, interval_of, proxy_notes, title, value_of
from groundeval.scoring.scorer import ScoredSample
from groundeval.storage.folder import Lines


class ScoredSamples(list[ScoredSample], Tabular):
    """The samples of one scoring, in the order of the data."""

    def _rows(self) -> list[dict[str, object]]:
        return [{"id": each.id, "status": each.status, **each.values} for each in self]

    def __repr__(self) -> str:
        return f"<ScoredSamples: {len(self)} samples>"


@dataclass(frozen=True, slots=True, repr=False)
class ScoreResult(Tabular):
    """The results under one profile, what they cost, where they are, and the samples behind them."""

    results: Results
    nli_pairs: Mapping[str, int]
    folder: Path | None
    """The folder of the scores, or None where nothing was written."""
    identity: Mapping[str, Any] = field(default_factory=dict)
    """What determined the numbers."""
    examples_sha256: str | None = None
    """Hash of the examples that were scored, without the outputs."""
    ids: Sequence[str] = ()
    """Ids of the samples, in the order of the data."""
    records: Mapping[str, Mapping[str, Any]] | None = None
    """The lines of `scores.jsonl` by id, where they were kept and not written."""

    def samples(self) -> ScoredSamples:
        """Values, verdicts and other evidence of each sample, from memory or from the folder of the scores."""
        if self.records is not None:
            found = self.records
        elif self.folder is not None:
            lines = Lines(self.folder / "scores.jsonl", self.folder.parents[1])
            found = {record["id"]: record for record in lines.read()}
        else:
            raise DataError("the samples behind these results were neither kept nor written")
        return ScoredSamples(ScoredSample.of(found[each]) for each in self.ids if each in found)

    def _rows(self) -> list[dict[str, object]]:
        return [
            {
                "metric": key,
                "value": each.value,
                "stderr": each.stderr,
                "ci95_low": each.ci95 and each.ci95[0],
                "ci95_high": each.ci95 and each.ci95[1],
                "n": each.n,
                **({"best_of": self.results.best_of[key].value} if key in self.results.best_of else {}),
            }
            for key, each in self.results.metrics.items()
        ]

    def _shown(self) -> list[dict[str, object]]:
        return self._table(whole=False)

    def _folded(self) -> list[dict[str, object]]:
        return self._table(whole=True) if len(self._shown()) < len(self.results.metrics) else []

    def _table(self, *, whole: bool) -> list[dict[str, object]]:
        """The rows as people read them: in groups, with plain names, and no interval of a count."""
        return [
            {
                "group": each.group,
                "metric": each.label.name,
                "key": each.key,
                "value": value_of(each.key, metric := self.results.metrics[each.key]),
                "95% interval": interval_of(each.key, metric),
                "n": metric.n,
                **({"best of": value_of(each.key, best)} if (best := self.results.best_of.get(each.key)) else {}),
            }
            for each in self.results.arranged(whole=whole)
        ]

    def _caption(self) -> str:
        return title(self.results)

    def _notes(self) -> list[str]:
        warnings = [f"warning: {warning}" for warning in self.results.warnings]
        return [*warnings, *proxy_notes([self.results]), *(f"note: {note}" for note in self.results.remarks)]

    def __repr__(self) -> str:
        return repr(self.results).replace("<Results", "<ScoreResult", 1)


class ScoreResults(list[ScoreResult], Tabular):
    """The results of one scoring, one per profile."""

    def _rows(self) -> list[dict[str, object]]:
        return [
            {"task": each.results.task, "profile": each.results.profile, "nli": each.results.nli, **row}
            for each in self
            for row in each._rows()
        ]

    def _shown(self) -> list[dict[str, object]]:
        return [
            {"task": each.results.task, "profile": each.results.profile, **row}
            for each in self
            for row in each._shown()
        ]

    def _folded(self) -> list[dict[str, object]]:
        return [
            {"task": each.results.task, "profile": each.results.profile, **row}
            for each in self
            for row in each._folded()
        ]

    def _notes(self) -> list[str]:
        return list(dict.fromkeys(note for each in self for note in each._notes()))

    def samples(self) -> ScoredSamples:
        """The samples of the only result. Raises DataError where there are several: ask one of them."""
        if len(self) != 1:
            raise DataError(f"{len(self)} results have samples of their own: results[0].samples()")
        return self[0].samples()

    def __repr__(self) -> str:
        return f"<ScoreResults: {len(self)} of {', '.join(dict.fromkeys(each.results.task for each in self))}>"


@dataclass(frozen=True, slots=True, repr=False)
class TaskRun(Tabular):
    """The outcome of one task of a run: its scores under each profile, or the error that stopped it."""

    model: str
    task: str
    folder: Path
    scores: tuple[ScoreResult, ...] = ()
    error: GroundevalError | None = None

    def samples(self) -> ScoredSamples:
        """The samples of the only scoring. Raises DataError where there are several: ask one of `scores`."""
        return ScoreResults(self.scores).samples()

    def _rows(self) -> list[dict[str, object]]:
        rows = ScoreResults(self.scores)._rows()
        return [{"model": self.model, **row} for row in rows]

    def _shown(self) -> list[dict[str, object]]:
        return [{"model": self.model, **row} for row in ScoreResults(self.scores)._shown()]

    def _folded(self) -> list[dict[str, object]]:
        return [{"model": self.model, **row} for row in ScoreResults(self.scores)._folded()]

    def _caption(self) -> str:
        return f"{self.model} · {self.task} · {self.folder}"

    def _notes(self) -> list[str]:
        failed = [] if self.error is None else [f"error: {self.error}"]
        return [*failed, *ScoreResults(self.scores)._notes()]

    def __repr__(self) -> str:
        state = "failed" if self.error else f"{len(self.scores)} scores"
        return f"<TaskRun: {self.model} · {self.task} · {state} · {self.folder}>"


class TaskRuns(list[TaskRun], Tabular):
    """The tasks of a run, or of the runs of several models."""

    def _rows(self) -> list[dict[str, object]]:
        return [row for each in self for row in each._rows()]

    def _shown(self) -> list[dict[str, object]]:
        return [row for each in self for row in each._shown()]

    def _folded(self) -> list[dict[str, object]]:
        return [row for each in self for row in each._folded()]

    def _notes(self) -> list[str]:
        return list(dict.fromkeys(note for each in self for note in each._notes()))

    def scores(self) -> Iterator[ScoreResult]:
        """The results of all tasks."""
        return (score for each in self for score in each.scores)

    def __repr__(self) -> str:
        return f"<TaskRuns: {', '.join(f'{each.model} · {each.task}' for each in self[:3])}{', …' * (len(self) > 3)}>"
