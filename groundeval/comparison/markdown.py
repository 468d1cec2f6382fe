"""A comparison as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from groundeval.comparison.compare import Comparison, MetricDifference, PairedRuns
from groundeval.console.sanitize import markdown
from groundeval.metrics.labels import label_of


def as_markdown(comparison: Comparison) -> str:
    """Manifest differences first, then the metrics, then the samples that changed most."""
    return "\n".join(_lines(comparison)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    runs = comparison.runs
    yield "# Comparison"
    yield ""
    yield from _table(
        ["run", "system", "task", "profile", "NLI model", "n", rank_title(comparison)],
        [
            [r.label, markdown(r.system), markdown(r.task), r.profile, markdown(r.nli or "not used"), str(r.n),
             "" if r.rank is None else str(r.rank)]
            for r in runs
        ],
    )  # fmt: skip
    if comparison.refusals:
        yield "## Not ranked"
        yield ""
        yield "The numbers of these runs are not comparable, so no difference is tested and no run is called better:"
        yield ""
        yield from (f"- {markdown(reason, 300)}" for reason in comparison.refusals)
        yield ""
    for warning in comparison.warnings:
        yield f"**Warning:** {markdown(warning, 300)}"
        yield ""
    yield "## Differences between the manifests"
    yield ""
    if comparison.differences:
        yield from _table(
            ["field", "determines", *(run.label for run in runs)],
            [
                [markdown(each.field), each.concerns, *(markdown(str(value), 60) for value in each.values)]
                for each in comparison.differences
            ],
        )
    else:
        yield "None."
        yield ""
    if comparison.refusals:
        yield from _side_by_side(comparison)
    for pair in comparison.pairs:
        yield from _pair(comparison, pair)


def rank_title(comparison: Comparison) -> str:
    """The heading of the ranks, which says that they rest on uncorrected intervals, unlike the tests of the pairs."""
    if not comparison.ranked_by:
        return "rank"
    return f"rank by {label_of(comparison.ranked_by).name} (95% intervals, not corrected)"


def _side_by_side(comparison: Comparison) -> Iterator[str]:
    yield "## Values, side by side"
    yield ""
    yield from _table(
        ["metric", *(run.label for run in comparison.runs)],
        [
            [markdown(key), *(number(run.metrics[key]) if key in run.metrics else "" for run in comparison.runs)]
            for key in comparison.reported
        ],
    )


def _pair(comparison: Comparison, pair: PairedRuns) -> Iterator[str]:
    first, second = comparison.runs[pair.first].label, comparison.runs[pair.second].label
    yield f"## {second} against {first} (n = {comparison.n}, paired)"
    yield ""
    yield from _table(
        ["metric", first, second, f"{second} - {first}", "95% interval", "p", "p (Holm)", ""],
        [metric_row(metric, second, first) for metric in pair.metrics],
    )
    yield f"### Samples that changed most from {first} to {second}"
    yield ""
    if not pair.changed:
        yield "None changed."
        yield ""
        return
    yield from _table(
        ["sample", "change", "values", first, second],
        [
            [
                markdown(each.id),
                f"{each.change:.2f}",
                ", ".join(f"{markdown(name)} {fraction(a)} → {fraction(b)}" for name, (a, b) in each.values.items()),
                *(markdown(text or "") for text in each.texts),
            ]
            for each in pair.changed
        ],
    )


def metric_row(metric: MetricDifference, second: str, first: str) -> list[str]:
    """One metric as cells; the last one states the result of the test in words."""
    interval = "" if metric.ci95 is None else f"{metric.ci95[0]:+.2f} to {metric.ci95[1]:+.2f}"
    verdict = f"{second if (metric.difference or 0) > 0 else first} is higher" if metric.significant else ""
    return [
        markdown(metric.key), number(metric.first), number(metric.second), number(metric.difference, "+"), interval,
        _p(metric.p), _p(metric.p_holm), verdict,
    ]  # fmt: skip


def fraction(value: float | None) -> str:
    """A per-sample value, or that it does not apply."""
    return "n/a" if value is None else f"{value:.2f}"


def number(value: float | None, sign: str = "-") -> str:
    """A value with two decimals, `-` where nothing was averaged; with `+`, positive ones are signed."""
    return "-" if value is None else f"{value:{sign}.2f}"


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""
