"""A comparison for the terminal: the result for the headline, then its parts, then what differs."""

from __future__ import annotations

from rich.padding import Padding
from rich.text import Text

from groundeval.cli.tables import WIDEST_NAME, dense_table
from groundeval.comparison.compare import ChangedSample, Comparison, PairedRuns
from groundeval.comparison.markdown import fraction, number
from groundeval.comparison.reading import headline_sentence, interval_of_difference, shown_keys
from groundeval.console.sanitize import one_line, visible
from groundeval.console.terminal import Terminal
from groundeval.metrics.labels import by_group, counts, label_of

FEW_CHANGED = 3
"""Number of samples that are named without --all."""
WIDE = 110
"""Columns of a terminal that has room for names, keys and tests."""
SHORTEST_VALUE, LONGEST_VALUE = 6, 24
"""Characters of a value in a table of differences."""
MOST_SIDE_BY_SIDE = 4
"""Most runs in one table of values; more runs take several tables."""


def print_comparison(comparison: Comparison, *, whole: bool = False) -> None:
    """The headline of each pair in a sentence, its table, what differs in the manifests, the samples that changed most.

    `whole`: all metrics with p-values, circumstances, all changed samples.
    """
    console = Terminal()
    for run in comparison.runs:
        rank = f"  rank {run.rank} (not corrected)" if run.rank is not None and len(comparison.runs) > 2 else ""
        console.print(
            Text.assemble((run.label, "bold"), f"  {one_line(run.system, 60)}{rank}  ", (visible(run.folder), "dim"))
        )
    console.print(_about(comparison), style="dim")
    if comparison.refusals:
        console.print("Not ranked: these runs were judged differently, so no difference is tested.", style="bold")
        _print_side_by_side(console, comparison, whole)
    for pair in comparison.pairs:
        console.print()
        console.print(headline_sentence(comparison, pair), style="bold")
        _print_pair(console, comparison, pair, whole)
    _print_differences(console, comparison, whole)
    for pair in comparison.pairs:
        _print_changed(console, comparison, pair, whole)
    if not whole:
        console.print("--all: every metric with p-values, versions, all changed samples.", style="dim")


def _about(comparison: Comparison) -> str:
    told = [
        " / ".join(dict.fromkeys(run.task for run in comparison.runs)),
        "profile " + " / ".join(dict.fromkeys(run.profile for run in comparison.runs)),
        "NLI " + " / ".join(dict.fromkeys(run.nli or "not used" for run in comparison.runs)),
        f"{comparison.n} shared samples",
    ]
    return " · ".join(told)


def _print_pair(console: Terminal, comparison: Comparison, pair: PairedRuns, whole: bool) -> None:
    first, second = comparison.runs[pair.first].label, comparison.runs[pair.second].label
    found = {metric.key: metric for metric in pair.metrics}
    table = dense_table()
    # With their p-values, all keys and their names together need more than 80 columns.
    named = not whole or console.width >= WIDE
    if named:
        table.add_column("metric", max_width=WIDEST_NAME, overflow="fold")
    table.add_column("key", style="dim" if named else None, no_wrap=True)
    extra = ("p (Holm)",) if whole else ()
    for column in (first, second, f"{second}-{first}", "95% interval", *extra):
        table.add_column(column, justify="right", no_wrap=True)
    for group, members in by_group(shown_keys(comparison, list(found), whole=whole)):
        table.add_row(group, style="italic")
        for each in members:
            metric = found[each.key]
            is_count = each.key in counts()
            tests = ["" if is_count else _p(metric.p_holm)] if whole else []
            name = [f" {each.label.name}"] if named else []
            difference = f"{number(metric.difference, '+')}{'*' if metric.significant else ' '}"
            interval = "" if is_count else interval_of_difference(metric)
            cells = (number(metric.first), number(metric.second), difference, interval, *tests)
            table.add_row(*name, each.key, *cells, style="bold" if each.headline else None)
    console.print(table)
    if any(metric.significant for metric in pair.metrics):
        console.print("* significant at 5%, corrected for the number of tests (Holm)", style="dim")


def _p(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _print_side_by_side(console: Terminal, comparison: Comparison, whole: bool) -> None:
    runs = comparison.runs
    for start in range(0, len(runs), MOST_SIDE_BY_SIDE):
        part = runs[start : start + MOST_SIDE_BY_SIDE]
        table = dense_table()
        table.add_column("metric", max_width=WIDEST_NAME, overflow="fold")
        table.add_column("key", style="dim", overflow="fold")
        for run in part:
            table.add_column(run.label, justify="right", no_wrap=True)
        for group, members in by_group(shown_keys(comparison, comparison.reported, whole=whole)):
            table.add_row(group, style="italic")
            for each in members:
                values = (number(run.metrics[each.key]) if each.key in run.metrics else "" for run in part)
                table.add_row(f" {each.label.name}", each.key, *values)
        console.print(table)


def _print_differences(console: Terminal, comparison: Comparison, whole: bool) -> None:
    told = [each for each in comparison.differences if whole or each.concerns != "circumstance"]
    console.print()
    if not told:
        console.print("The manifests show no difference.")
        return
    console.print("What differs in the manifests", style="bold")
    table = dense_table(gap=1)
    # Names are kept whole, and values cut to what they leave: a name that is broken cannot be searched for.
    name = min(max(len(each.field) for each in told), console.width // 2)
    rest = (console.width - name - len("circumstance") - 2 - len(comparison.runs)) // len(comparison.runs)
    longest = max(SHORTEST_VALUE, min(LONGEST_VALUE, rest))
    table.add_column("field", no_wrap=True, max_width=name)
    table.add_column("determines", no_wrap=True)
    for run in comparison.runs:
        table.add_column(run.label, overflow="fold")
    for each in told:
        table.add_row(each.field, each.concerns, *(Text(one_line(str(value), longest)) for value in each.values))
    console.print(table)


def _print_changed(console: Terminal, comparison: Comparison, pair: PairedRuns, whole: bool) -> None:
    first, second = comparison.runs[pair.first].label, comparison.runs[pair.second].label
    shown = pair.changed if whole else pair.changed[:FEW_CHANGED]
    console.print()
    console.print(f"Samples that changed most from {first} to {second}{'' if shown else ': none'}", style="bold")
    for each in shown:
        console.print(Padding(Text(f"{one_line(each.id, 40)}: {_changes(each, whole)}"), (0, 0, 0, 2)))


def _changes(sample: ChangedSample, whole: bool) -> str:
    # Most columns follow from others; three show what changed.
    values = list(sample.values.items())[: None if whole else 3]
    more = len(sample.values) - len(values)
    told = ", ".join(f"{label_of(key).name} {fraction(a)} → {fraction(b)}" for key, (a, b) in values)
    return f"{told}{f', {more} more' if more else ''}"
