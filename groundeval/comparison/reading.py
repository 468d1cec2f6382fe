"""The headline of a comparison and the order of its keys, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Sequence

from groundeval.comparison.compare import Comparison, MetricDifference, PairedRuns
from groundeval.comparison.markdown import number
from groundeval.metrics.labels import Shown, arranged, label_of


def headline_sentence(comparison: Comparison, pair: PairedRuns) -> str:
    """The result for two runs in the ranking metric: a sentence, and what to believe where test and interval differ."""
    first, second = comparison.runs[pair.first].label, comparison.runs[pair.second].label
    lead = next((metric for metric in pair.metrics if metric.key == comparison.ranked_by), None)
    if lead is None or lead.difference is None:
        return f"{second} against {first}: no headline metric that both report"
    name = label_of(lead.key).name
    amount = f"{number(lead.difference, '+')}{interval_of_difference(lead, ' ({})')}"
    tested = "" if lead.p_holm is None else f", p {lead.p_holm:.2g}"
    if lead.significant:
        return f"{second} is {'higher' if lead.difference > 0 else 'lower'} than {first} in {name}: {amount}{tested}"
    told = f"{second} and {first} do not differ significantly in {name}: {amount}{tested}"
    if lead.ci95 is not None and not lead.ci95[0] <= 0 <= lead.ci95[1]:
        told += ". The test decides: an interval of few samples is too narrow, and is not corrected for several tests"
    return told


def shown_keys(comparison: Comparison, keys: Sequence[str], *, whole: bool) -> list[Shown]:
    """The keys in reading order: the headline and its parts, all keys if `whole`."""
    headline = [comparison.ranked_by] if comparison.ranked_by else []
    return arranged(keys, headline, [run.profile for run in comparison.runs], whole=whole)


def interval_of_difference(metric: MetricDifference, form: str = "{}") -> str:
    """The 95% interval of a difference with one decimal; empty if there is none. No zero has a minus sign."""
    if metric.ci95 is None:
        return ""
    low, high = (round(bound, 1) + 0.0 for bound in metric.ci95)
    return form.format(f"{low:+.1f} to {high:+.1f}")
