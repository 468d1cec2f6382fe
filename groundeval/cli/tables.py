"""Results as a person reads them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from rich.console import Console
from rich.table import Table

from groundeval.scoring.results import PROXY_MARK, SUMMARY, Results, is_proxy, nli_label, title


def print_results(results: Sequence[Results], *, heading: str = "", full: bool = False) -> None:
    """All metrics of a single result; of several, the telling ones in one table, unless `full` asks for all."""
    console = Console()
    if heading:
        console.print(heading, style="bold", highlight=False, markup=False)
    if len(results) == 1 or full:
        for each in results:
            console.print(title(each), style="bold", highlight=False, markup=False)
            console.print(_table(each))
    if len(results) > 1:
        console.print(_summary(results))
    if any(is_proxy(each) for each in results):
        console.print(f"{PROXY_MARK} judged by a proxy: not comparable with scores by TRUE", highlight=False)
    for note in dict.fromkeys(note for each in results for note in each.notes):
        console.print(f"note: {note}", style="dim", highlight=False, markup=False)


def print_json(value: Any) -> None:
    """JSON on stdout, for machines."""
    print(json.dumps(value, indent=2))


def _table(result: Results) -> Table:
    table = Table()
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("95% interval", justify="right")
    table.add_column("n", justify="right")
    if result.best_of:
        table.add_column(f"best of {result.num_samples}", justify="right")
    for key, metric in result.metrics.items():
        style = "bold" if key in result.headline else None
        best = [result.best_of[key].text(2)] if key in result.best_of else []
        table.add_row(key, metric.text(2), metric.interval(2), str(metric.n), *best, style=style)
    return table


def _summary(results: Sequence[Results]) -> Table:
    table = Table()
    table.add_column("task", no_wrap=True)
    table.add_column("metric", no_wrap=True)
    for column in ("value", "95% interval", "n"):
        table.add_column(column, justify="right", no_wrap=True)
    for result in results:
        telling = dict.fromkeys([*SUMMARY.get(result.profile, ()), *result.headline])
        keys: list[str | None] = [key for key in telling if key in result.metrics]
        labels = (result.task, f"profile {result.profile}", f"NLI {nli_label(result)}")
        for label, key in zip_longest(labels, keys):
            if key is None:
                table.add_row(label)
                continue
            metric = result.metrics[key]
            style = "bold" if key in result.headline else None
            row = (label or "", key, metric.text(2), metric.interval(2), str(metric.n))
            table.add_row(*row, style=style)
        table.add_section()
    return table
