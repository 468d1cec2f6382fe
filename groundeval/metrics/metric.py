"""The interface of metrics: their declaration, registration and context.

A metric is a function of one response that returns per-sample values as fractions; None means that the value does not
apply to this sample. Metrics that call the NLI model are coroutines: they read one sample at a time and run as one
batch, since the NLI service collects their pairs. The aggregates of a metric are declared beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from groundeval.metrics.profiles import Profile
from groundeval.metrics.reading import AnswerKind, Reading
from groundeval.plugin_code import code_of
from groundeval.records import Document, Response, Verdict, as_premise
from groundeval.registry import Registry, first_paragraph
from groundeval.stats.bootstrap import Aggregate, mean_of

T = TypeVar("T")

Values = dict[str, float | None]
"""Per-sample values of one response, by column."""


class Entailment(Protocol):
    """The part of the NLI service that metrics use."""

    async def verdict(self, premise: str, hypothesis: str) -> Verdict:
        """Whether the premise entails the hypothesis."""


class Models(Protocol):
    """Optional models used by metrics, loaded on first use."""

    def path(self, name: str) -> str:
        """Hub name or folder of the model called `name`, for instance `mauve`."""

    def model(self, name: str) -> Any:
        """The model called `name`, for instance `qa`."""


@dataclass(slots=True)
class Context:
    """State shared by the metrics of one sample: profile, NLI, options, and the evidence they record.

    One per sample; cheap to make.
    """

    profile: Profile
    kind: AnswerKind
    nli: Entailment | None = None
    models: Models | None = None
    cot: bool = False
    """List tasks: only the text after the first colon is the list (ALCE)."""
    evidence: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Evidence for `scores.jsonl` besides the values: `statements`, `verdicts`, ..."""
    _readings: dict[str, Reading] = field(default_factory=dict)
    _shared: dict[str, asyncio.Future[Any]] = field(default_factory=dict)

    def read(self, response: Response, profile: Profile | None = None) -> Reading:
        """The response as read by a profile (by default the context's own); cached."""
        profile = profile or self.profile
        reading = self._readings.get(profile.name)
        if reading is None or reading.response is not response:
            reading = self._readings[profile.name] = Reading(response, profile, self.kind)
        return reading

    async def entails(self, premise: str, hypothesis: str, *, source: str | list[int]) -> bool:
        """Ask the NLI model and keep the verdict as evidence; `source` describes the premise in a few words."""
        if self.nli is None:
            raise RuntimeError("this metric needs an NLI model, and the context has none")
        verdict = await self.nli.verdict(premise, hypothesis)
        self.evidence.setdefault("verdicts", []).append(
            {"premise": source, "hypothesis": hypothesis, "entailed": verdict.entailed, "score": verdict.score}
        )
        return verdict.entailed

    async def once(self, what: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of `work`, started once and shared by the metrics of this sample that need it."""
        if what not in self._shared:
            self._shared[what] = asyncio.ensure_future(work())
        result: T = await self._shared[what]
        return result

    async def supports(self, docs: Sequence[Document], cited: Sequence[int], hypothesis: str) -> bool:
        """Whether the cited documents, read together, entail the hypothesis."""
        order = self.profile.read_together(cited, docs)
        return await self.entails(as_premise(docs, order), hypothesis, source=list(order))


Group = Literal["Overall", "Correctness", "Refusal", "Citation", "Length", "Other"]
"""What a reported key tells; tables show the groups in this order, as the papers do."""


@dataclass(frozen=True, slots=True)
class Label:
    """Display of a reported key: its plain name, its group, and the profiles that show it by default."""

    name: str
    """At most about 20 characters, so that tables fit a terminal."""
    group: Group = "Other"
    telling: bool | tuple[str, ...] = True
    """Shown without `--all`: always, never, or under these profiles."""
    short: str = ""
    """The name under a heading that says the group; empty: the name."""

    def tells(self, profile: str) -> bool:
        """Whether it is shown without `--all` under a profile."""
        return self.telling if isinstance(self.telling, bool) else profile in self.telling


Score = Callable[[Response, Context], Values] | Callable[[Response, Context], Awaitable[Values]]


@dataclass(frozen=True, slots=True)
class Metric:
    """A per-sample function, the columns it fills, and the keys it reports."""

    name: str
    score: Score | None
    """None for a metric that only aggregates the columns of others."""
    columns: tuple[str, ...]
    aggregates: Mapping[str, Aggregate]
    """The reported keys (docs/metrics.md), each a function of the per-sample table."""
    profiles: tuple[str, ...] | None = None
    """The profiles that have the metric; None: all."""
    kinds: tuple[AnswerKind, ...] | None = None
    """The kinds of tasks it applies to; None: all."""
    needs: tuple[str, ...] = ()
    """Required fields of the data: fields of `Example`, or `references`."""
    bonus_for: tuple[AnswerKind, ...] = ()
    """Kinds of tasks whose data need not have these fields: there the metric is left out without a note."""
    uses: tuple[str, ...] = ()
    """Names of metrics whose columns its aggregates read."""
    nli: bool | tuple[AnswerKind, ...] = False
    """Whether it calls the NLI model; or the kinds of tasks for which it does."""
    default: bool = True
    """Whether it is computed when no metrics are named."""
    instead_of: str | None = None
    """The metric in whose place it is computed where the data lacks the fields of that metric, and only there."""
    extra: str | None = None
    """The optional dependency group it needs."""
    corpus: Callable[[Sequence[Response], Context], Mapping[str, float]] | None = None
    """For a metric over the whole set: from all responses to its keys (no intervals)."""
    range: tuple[float, float] | None = None
    """The least and the largest value that it declares; a note tells of values outside."""
    description: str = ""
    labels: Mapping[str, Label] = field(default_factory=dict)
    """What people read of its keys; a key without a label is shown by itself, among the others."""

    def applies(self, profile: str, kind: AnswerKind) -> bool:
        """Whether it exists under this profile for this kind of task."""
        return (self.profiles is None or profile in self.profiles) and (self.kinds is None or kind in self.kinds)

    def asks_nli(self, kind: AnswerKind) -> bool:
        """Whether it calls the NLI model for this kind of task."""
        return self.nli if isinstance(self.nli, bool) else kind in self.nli


METRICS: Registry[Metric] = Registry(
    "metric",
    group="groundeval.metrics",
    builtin=(
        "groundeval.metrics.correctness",
        "groundeval.metrics.calibrated",
        "groundeval.metrics.citation",
        "groundeval.metrics.refusal",
        "groundeval.metrics.ground",
        "groundeval.metrics.strict",
        "groundeval.metrics.extractive_qa",
        "groundeval.metrics.fluency",
    ),
)


def code_of_metrics(metrics: Iterable[Metric]) -> dict[str, str]:
    """The hash of the code of each metric that comes from a plugin, by name."""
    found = {metric.name: METRICS.code(metric) or code_of(metric.score) for metric in metrics}
    return {name: code for name, code in found.items() if code is not None}


def register_metric(
    name: str,
    *,
    keys: Sequence[str] = (),
    aggregates: Mapping[str, Aggregate] | None = None,
    **options: Any,
) -> Callable[[Score], Score]:
    """Register a metric function under a name.

    `keys` are the columns it returns. `aggregates` declares the reported keys; by default the mean of each column, in
    percent. `options` are the further fields of `Metric`: profiles, kinds, needs, uses, nli, default, extra, labels.
    """

    def decorate(score: Score) -> Score:
        reported = aggregates if aggregates is not None else {key: mean_of(key) for key in keys}
        description = first_paragraph(score.__doc__)
        metric = Metric(name, score, tuple(keys), reported, description=description, **options)
        METRICS.add(name, metric, f"{score.__module__}.{score.__qualname__}", made_by=score)
        return score

    return decorate
