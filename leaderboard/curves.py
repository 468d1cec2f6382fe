"""Training curves and reward benchmarks found beside the runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import plotly.graph_objects as go

from groundeval.console.sanitize import plotly, visible
from groundeval.errors import DataError
from groundeval.leaderboard.plots import Figure
from groundeval.storage.folder import read_json
from groundeval.storage.regular import walked
from groundeval.storage.scores import LARGEST

HISTORY = "history.json"
"""The log of groundeval's trainers: a list of rows with `step`."""
STATE = "trainer_state.json"
"""The state file in every checkpoint of transformers' trainer: an object with such rows in log_history."""
BENCHMARK = "reward_benchmark.json"
_CURVES = 6


@dataclass(frozen=True, slots=True)
class Extra:
    """A figure beside the tables."""

    name: str
    """Id of its element on the page."""
    figure: Figure


def extras(roots: Sequence[Path]) -> tuple[list[Extra], list[Extra]]:
    """Training curves and reward benchmarks below the folders. Damaged files are skipped: nothing depends on them."""
    curves = [figure for root in roots for figure in _each(root, _histories(root), _curve)]
    heat = [figure for root in roots for figure in _each(root, _called(root, BENCHMARK), _heat_map)]
    return (
        [Extra(f"training-{index}", figure) for index, figure in enumerate(curves)],
        [Extra(f"rewards-{index}", figure) for index, figure in enumerate(heat)],
    )


def _called(root: Path, name: str) -> Iterator[Path]:
    """The files of a name below a folder."""
    return (folder / name for folder, entries in walked(root) if name in {entry.name for entry in entries})


def _histories(root: Path) -> list[Path]:
    """One file for each training: later logs, and that of the whole run, include those of earlier checkpoints."""
    found = [*_called(root, HISTORY), *_called(root, STATE)]
    steps = {path: int(named[1]) for path in found if (named := re.fullmatch(r"checkpoint-(\d+)", path.parent.name))}
    whole = [path for path in found if path not in steps]
    told = {path.parent for path in whole}
    last = {path.parent.parent: path for path in sorted(steps, key=lambda path: steps[path])}
    return [*whole, *(path for folder, path in last.items() if folder not in told and _run_of(folder) not in told)]


def _run_of(folder: Path) -> Path | None:
    """The groundeval training run of which a folder is a stage by its path: `RUN/stages/1-NAME`."""
    return folder.parents[1] if folder.parent.name == "stages" else None


def _each(root: Path, paths: Iterable[Path], read: Any) -> Iterator[Figure]:
    for path in sorted(paths):
        try:
            figure = read(read_json(path, root), path.parent.relative_to(root).as_posix())
        except (DataError, OSError):
            continue
        if figure is not None:
            yield figure


def _curve(found: Any, name: str) -> Figure | None:
    rows = found.get("log_history") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        return None
    steps = [row for row in rows if isinstance(row, dict) and _is_number(row.get("step"))]
    chosen = _telling(steps)
    figure = go.Figure()
    for key in chosen:
        points = [row for row in steps if _is_number(row.get(key))]
        figure.add_scatter(
            x=[row["step"] for row in points],
            y=[row[key] for row in points],
            name=plotly(key),
            mode="lines",
        )
    return _figure(figure, f"Training: {name}", "step", "value") if chosen else None


def _telling(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The reward and its components, else the loss: no more curves than can be distinguished."""
    keys = sorted({key for row in rows for key, value in row.items() if _is_number(value)})
    components = [key for key in keys if "/component/" in key]
    # Other trainers use other names for the parts.
    rewards = components or [key for key in keys if "reward" in key and key != "reward"]
    total = [key for key in keys if key == "reward"]
    return ([*total, *rewards] or [key for key in keys if key == "loss"])[:_CURVES]


def _heat_map(found: Any, name: str) -> Figure | None:
    """Rewards against attacks, in percent; 50 is chance level."""
    if not isinstance(found, dict):
        return None
    rewards, attacks, values = (found.get(key) for key in ("rewards", "attacks", "values"))
    if not (isinstance(rewards, list) and isinstance(attacks, list) and isinstance(values, list)):
        return None
    rows = [row for row in values if isinstance(row, list) and len(row) == len(attacks)]
    if len(rows) != len(rewards) or not all(value is None or _is_number(value) for row in rows for value in row):
        return None
    families = found.get("families")
    listed = [each for each in families if isinstance(each, dict)] if isinstance(families, list) else []
    titles = {str(each.get("key")): str(each.get("title")) for each in listed}
    figure = go.Figure()
    figure.add_heatmap(
        z=rows,
        x=[plotly(str(each), 40) for each in attacks],
        y=[plotly(str(each), 40) for each in rewards],
        colorscale="RdBu",
        zmin=0,
        zmax=100,
        texttemplate="%{z:.0f}",
        hovertext=[[plotly(titles.get(str(each), str(each)), 80) for each in attacks]] * len(rows),
        hovertemplate="%{y}: %{z:.1f}<br>%{hovertext}<extra></extra>",
    )
    return {**_figure(figure, str(found.get("meaning") or name), "attack", "reward"), "categories": True}


def _figure(figure: go.Figure, title: str, x: str, y: str) -> Figure:
    data = [trace.to_plotly_json() for trace in figure.data]
    return {"data": data, "title": visible(title, 200), "x": x, "y": y}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= LARGEST
