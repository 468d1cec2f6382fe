"""`groundeval list`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from groundeval.errors import unknown

Rows = list[dict[str, str]]


def tasks() -> Rows:
    """Tasks with their profile, kind and headline."""
    from groundeval.tasks.task import TASKS

    rows: Rows = []
    for name in TASKS.names():
        task = TASKS.get(name)()
        row = {"name": name, "profile": task.profile, "kind": task.kind, "headline": ", ".join(task.headline)}
        rows.append({**row, "description": task.description, "source": TASKS.source(name)})
    return rows


def metrics() -> Rows:
    """Metrics with the keys they report."""
    from groundeval.metrics.metric import METRICS

    return [
        {
            "name": name,
            "profiles": ", ".join(metric.profiles or ("all",)),
            "kinds": ", ".join(metric.kinds or ("all",)),
            "keys": name if metric.corpus else ", ".join(metric.aggregates),
            "when": "always" if metric.default else "when asked for",
            "description": metric.description,
        }
        for name, metric in METRICS.items()
    ]


def profiles() -> Rows:
    """Scoring protocols."""
    from groundeval.metrics.profiles import PROFILES

    return [{"name": name, "description": profile.description} for name, profile in PROFILES.items()]


def nli() -> Rows:
    """NLI models that have a name."""
    from groundeval.nli import NLI_MODELS

    return [
        {"name": name, "description": _first_line(make), "source": NLI_MODELS.source(name)}
        for name, make in NLI_MODELS.items()
    ]


def backends() -> Rows:
    """Sources of texts."""
    from groundeval.generation.interface import GENERATORS

    return [
        {"name": name, "description": _first_line(make), "source": GENERATORS.source(name)}
        for name, make in GENERATORS.items()
    ]


def _first_line(value: object) -> str:
    return (value.__doc__ or "").strip().split("\n")[0]


LISTS: dict[str, Callable[[], Rows]] = {
    "tasks": tasks,
    "metrics": metrics,
    "profiles": profiles,
    "nli": nli,
    "backends": backends,
}


def list_(
    what: Annotated[str, typer.Argument(help=" | ".join(LISTS))],
    json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """List what there is: tasks, metrics, profiles, NLI models, backends; plugins of installed packages included."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from groundeval.report import print_json

    if what not in LISTS:
        raise unknown("list", what, LISTS)
    rows = LISTS[what]()
    if json:
        print_json(rows)
        return
    table = Table(show_header=False, show_lines=True)
    # Names are there to be copied: they are never cut, however narrow the terminal.
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for row in rows:
        facts = [f"{key}: {value}" for key, value in row.items() if key not in ("name", "description", "source")]
        table.add_row(row["name"], Text("\n".join([row["description"], *facts])))
    Console().print(table)
