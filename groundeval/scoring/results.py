"""The typed, versioned results of one scoring: the content of `results.json` and of `--json`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from groundeval.metrics.labels import Shown, arranged, counts
from groundeval.stats.bootstrap import Estimate

SCHEMA_VERSION = 1


class Results(BaseModel):
    """The numbers of one run under one profile and NLI model.

    Free of times and cache counts, so that the same inputs give the same bytes.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: int = SCHEMA_VERSION
    task: str
    task_version: int
    profile: str
    nli: str | None
    """Name of the NLI model used; None where no metric used one."""
    nli_identity: dict[str, Any] | None = None
    """The NLI model's revision, dtype and kind; `fidelity: proxy` marks a proxy."""
    n: int
    """Number of samples scored; with several answers per question, the number of questions with at least one scored."""
    statuses: dict[str, int]
    """Number of samples by status, every answer counted; those with status `error` are in no mean."""
    headline: list[str]
    metrics: dict[str, Estimate]
    num_samples: int = 1
    """Answers sampled per question. With several, `metrics` are means in which every question has the same weight."""
    best_of: dict[str, Estimate] = {}
    """With several answers: the mean over questions of the best answer's value, chosen separately for each key."""
    notes: list[str] = []
    warnings: list[str] = Field(default=[], exclude=True)
    """Those of the notes without which the numbers mislead: shown before them. In memory only."""

    def __repr__(self) -> str:
        told = [key for key in self.headline if key in self.metrics] or list(self.metrics)[:2]
        numbers = ", ".join(f"{key} {self.metrics[key].text(2)}" for key in told[:3])
        return f"<Results: {title(self)} · {numbers}>"

    __str__ = __repr__

    @property
    def remarks(self) -> list[str]:
        """The notes but for the warnings."""
        return [note for note in self.notes if note not in self.warnings]

    def arranged(self, *, whole: bool = False) -> list[Shown]:
        """The reported keys as tables show them: the headline and its parts, all keys if `whole`."""
        return arranged(self.metrics, self.headline, (self.profile,), whole=whole)

    def as_bytes(self) -> bytes:
        """The content of `results.json`."""
        return (self.model_dump_json(indent=2) + "\n").encode()

    def for_machines(self, nli_pairs: Mapping[str, int]) -> dict[str, Any]:
        """The output of `--json`: the fields of the command-line contract, then the rest."""
        whole = self.model_dump(mode="json")
        first = {key: whole.pop(key) for key in ("task", "profile", "nli", "n", "metrics")}
        return {**first, "nli_pairs": dict(nli_pairs), **whole}


PROXY_MARK = "*"


def is_proxy(result: Results) -> bool:
    """Whether it was judged by a verifier that declares itself a proxy."""
    return (result.nli_identity or {}).get("fidelity") == "proxy"


def proxy_notes(results: Iterable[Results]) -> list[str]:
    """Lines under a table: what the mark of a proxy means, and what a proxy costs under `strict`."""
    proxies = [each for each in results if is_proxy(each)]
    notes = [f"{PROXY_MARK} judged by a proxy: not comparable with scores by TRUE"] if proxies else []
    if any(each.profile == "strict" for each in proxies):
        notes += [
            "  Under strict it takes some true statements for repetitions of the question: 0.",
            "  Judge by a model (groundeval list nli) for numbers to rely on.",
        ]
    return notes


def nli_label(result: Results) -> str:
    """The NLI model's name; a proxy is marked."""
    if result.nli is None:
        return "not used"
    return f"{result.nli}{PROXY_MARK if is_proxy(result) else ''}"


def title(result: Results) -> str:
    """Task, profile, NLI model and number of samples, with the statuses of those that are not `ok`."""
    statuses = ", ".join(f"{count} {status}" for status, count in result.statuses.items() if status != "ok")
    whole = f"{result.task} · profile {result.profile} · NLI {nli_label(result)} · n = {result.n}"
    if result.num_samples > 1:
        whole += f" questions, {result.num_samples} answers each"
    return f"{whole} ({statuses})" if statuses else whole


def value_of(key: str, metric: Estimate, decimals: int = 2) -> str:
    """The value as tables show it: a number of samples whole, `-` where nothing was averaged."""
    return metric.text(0 if key in counts() else decimals) if metric.n else "-"


def interval_of(key: str, metric: Estimate, decimals: int = 2) -> str:
    """The 95% interval as tables show it; empty for a number of samples, and where nothing was averaged."""
    return metric.interval(decimals) if metric.n and key not in counts() else ""
