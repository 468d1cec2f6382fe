"""Results for the terminal: the headline first, then its parts, and the rest with --all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table

from groundeval.console.tally import counted
from groundeval.console.terminal import Terminal
from groundeval.metrics.labels import arranged, by_group
from groundeval.scoring.results import Results, interval_of, nli_label, proxy_notes, title, value_of
from groundeval.stats.bootstrap import Estimate

WIDEST_NAME = 24


def print_results(results: Sequence[Results], *, heading: str = "", whole: bool = False, notes: bool = True) -> None:
    """The headline and its parts of each result, after an overview where there are several; all keys if `whole`.

    Warnings come first: they say what the numbers are not. `notes`: those of the results follow, each once.
    """
    console = Terminal()
    for warning in dict.fromkeys(f"{each.task}: {warning}" for each in results for warning in each.warnings):
        console.print(f"warning: {warning}", style="bold")
    if heading:
        console.print(heading, style="bold")
    if len(results) > 1:
        console.print(_overview(results))
        console.print()
    for each in results:
        console.print(title(each), style="bold")
        console.print(_table(each, whole))
        console.print()
    for line in proxy_notes(results):
        console.print(line)
    for note in dict.fromkeys(note for each in results for note in each.remarks if notes):
        console.print(f"note: {note}", style="dim")
    hidden = max(len(each.metrics) - len(each.arranged()) for each in results) if results and not whole else 0
    if hidden:
        console.print(f"--all shows {counted(hidden, 'more metric')}.", style="dim")


def print_json(value: Any) -> None:
    """JSON on stdout, for machines."""
    print(json.dumps(value, indent=2))


def dense_table(gap: int = 0) -> Table:
    """A table without vertical lines, which fits many columns into 80; `gap` spaces more between them."""
    return Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap, 0, 0))


def _table(result: Results, whole: bool) -> Table:
    table = dense_table(gap=1)
    table.add_column("metric", min_width=18, max_width=WIDEST_NAME, overflow="fold")
    table.add_column("key", no_wrap=True, style="dim", min_width=22)
    for column in ("value", "95% interval", "n"):
        table.add_column(column, justify="right", no_wrap=True)
    if result.best_of:
        table.add_column(f"best of {result.num_samples}", justify="right", no_wrap=True)
    for group, members in by_group(result.arranged(whole=whole)):
        table.add_row(group, style="italic")
        for each in members:
            metric = result.metrics[each.key]
            name = f" {each.label.name}"
            cells = (*_cells(each.key, metric), *_best(result.best_of, each.key))
            table.add_row(name, each.key, *cells, style="bold" if each.headline else None)
    return table


def _cells(key: str, metric: Estimate) -> tuple[str, str, str]:
    return value_of(key, metric), interval_of(key, metric), str(metric.n)


def _best(best_of: Mapping[str, Estimate], key: str) -> list[str]:
    return [value_of(key, best_of[key])] if key in best_of else []


def _overview(results: Sequence[Results]) -> Table:
    """One line for each headline key of each result."""
    table = dense_table(gap=1)
    for column in ("task", "profile", "NLI", "headline"):
        table.add_column(column, overflow="fold")
    for column in ("value", "95% interval", "n"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results:
        about = (result.task, result.profile, nli_label(result))
        leading = [key for key in result.headline if key in result.metrics]
        rows = [(each.label.name, *_cells(each.key, result.metrics[each.key])) for each in arranged(leading, leading)]
        for row in rows or [("none", "-", "", "0")]:
            table.add_row(*about, *row)
            about = ("", "", "")
    return table
