"""`groundeval list`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from groundeval.cli.options import AsJson, IncludePath
from groundeval.errors import unknown
from groundeval.registry import first_paragraph, load_plugins

if TYPE_CHECKING:
    from groundeval.nli import Spec

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
            "when": "always" if metric.default and METRICS.ships(name) else "when asked for",
            "description": metric.description,
            "source": METRICS.source(name),
        }
        for name, metric in METRICS.items()
    ]


def profiles() -> Rows:
    """Scoring protocols."""
    from groundeval.metrics.profiles import PROFILES

    return [{"name": name, "description": profile.description} for name, profile in PROFILES.items()]


def rewards() -> Rows:
    """Rewards with the range of their totals, the metrics they read, and their parameters."""
    from groundeval.rewards.registry import KINDS, REWARDS, default_parameters, first_line, load_reward

    rows: Rows = []
    for name in REWARDS.names():
        made = {kind: load_reward(name, task) for kind, task in KINDS.items()}
        row = {
            "name": name,
            "description": first_line(REWARDS.get(name)),
            "range": _shared({k: r.bounds for k, r in made.items()}),
        }
        row["profile"] = _shared({kind: reward.profile for kind, reward in made.items()})
        row["metrics"] = _shared({kind: ", ".join(reward.metrics) for kind, reward in made.items()})
        parameters = default_parameters(REWARDS.get(name))
        row["parameters"] = ", ".join(f"{each}={value}" for each, value in parameters.items()) or "none"
        rows.append({**row, "source": REWARDS.source(name)})
    return rows


def _shared(values: Mapping[str, str]) -> str:
    """One value where all kinds of tasks have the same, else each with its kind."""
    if len(set(values.values())) == 1:
        return next(iter(values.values()))
    return "; ".join(f"{kind}: {value}" for kind, value in values.items())


def nli() -> Rows:
    """Named NLI models, with their declared properties."""
    from groundeval.nli import NLI_MODELS
    from groundeval.nli.spec import Declared

    return [
        {
            "name": name,
            **(_declaration(make.spec) if isinstance(make, Declared) else {}),
            "description": _first_line(make),
            "source": NLI_MODELS.source(name),
        }
        for name, make in NLI_MODELS.items()
    ]


def _declaration(spec: Spec) -> dict[str, str]:
    if spec.kind in ("remote", "lexical"):
        return {"kind": spec.kind, "results": "as the served model's" if spec.kind == "remote" else spec.fidelity}
    own_limit = "no limit" if spec.kind == "seq2seq" else "the model's own"
    long = "read whole" if spec.chunks is None else f"in chunks ({spec.chunks})"
    return {
        "kind": spec.kind,
        "results": spec.fidelity,
        "model": spec.model or "of your own: NAME:MODEL",
        **({"size": f"{spec.parameters:g} billion parameters"} if spec.parameters else {}),
        "revision": spec.revision or "the newest; another: --nli-args revision=...",
        "licence": spec.licence or "the model's own",
        "longest input": f"{spec.max_length} tokens" if spec.max_length else own_limit,
        "long premises": long,
        "threshold": "none, the answer decides" if spec.threshold is None else f"{spec.threshold:g}",
        "code of its own": "yes: needs --trust-remote-code" if spec.remote_code else "no",
    }


def backends() -> Rows:
    """Sources of texts."""
    from groundeval.generation.interface import GENERATORS

    return [
        {"name": name, "description": _first_line(make), "source": GENERATORS.source(name)}
        for name, make in GENERATORS.items()
    ]


def recipes() -> Rows:
    """Training recipes that ship with groundeval."""
    from groundeval.trainers.recipe_file import read_recipe, shipped

    found = [(name, read_recipe(name)) for name in shipped()]
    return [
        {
            "name": name,
            "model": recipe.model.path,
            "stages": ", ".join(f"{stage.name} ({stage.trainer})" for stage in recipe.stages),
            "description": recipe.description,
        }
        for name, recipe in found
    ]


def _first_line(value: object) -> str:
    return first_paragraph(value.__doc__)


LISTS: dict[str, Callable[[], Rows]] = {
    "tasks": tasks,
    "metrics": metrics,
    "profiles": profiles,
    "rewards": rewards,
    "nli": nli,
    "backends": backends,
    "recipes": recipes,
}


def list_(
    what: Annotated[str, typer.Argument(help=" | ".join(LISTS))],
    include_path: IncludePath = None,
    json: AsJson = False,
) -> None:
    """List tasks, metrics, profiles, rewards, NLI models, backends or recipes; those of plugins too.

    Examples:

      groundeval list metrics

      groundeval list tasks --include-path my_tasks.py --json
    """
    from rich.table import Table
    from rich.text import Text

    from groundeval.cli.tables import print_json
    from groundeval.console.terminal import Terminal

    load_plugins(include_path)
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
    for row in sorted(rows, key=_ships):  # what a plugin brings is what one looks for
        hidden = ("name", "description", "source") if _ships(row) else ("name", "description")
        facts = [f"{key}: {value}" for key, value in row.items() if key not in hidden]
        table.add_row(row["name"], Text("\n".join([row["description"], *facts])))
    Terminal().print(table)


def _ships(row: Mapping[str, str]) -> bool:
    return row.get("source", "groundeval.").startswith("groundeval.")
