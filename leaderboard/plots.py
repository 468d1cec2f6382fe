"""Figures of one table for plotly; the page sets colours and fonts, for light and dark mode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import plotly.graph_objects as go

from groundeval.console.sanitize import plotly
from groundeval.leaderboard.entries import Entry
from groundeval.metrics.labels import label_of
from groundeval.stats.bootstrap import Estimate

Figure = dict[str, Any]

CORRECTNESS = (
    "calib_str_em_f1", "calib_qampari_em_f1", "calib_claims_nli_f1", "correctness_f1", "str_em", "qampari_f1_top5",
    "qampari_rec_top5", "claims_nli",
)  # fmt: skip
CITATION = ("answered_citation_f1", "citation_f1", "citation_rec")
MOST_NAMED = 10
"""Most points labelled with their names; the labels of more would overlap."""
_SHORT = 24
_POSITIONS = ["top center", "bottom center", "middle right", "middle left", "top right"] * 2
_SYMBOLS = ("circle", "square", "diamond", "cross", "star")


def figures(entries: Sequence[Entry]) -> dict[str, Figure]:
    """The figures for which the entries of one table have data, by name."""
    found: dict[str, Figure] = {}
    correctness = _first_present(CORRECTNESS, entries)
    citation = _first_present(CITATION, entries)
    if correctness and citation:
        found["quality"] = _scatter(
            entries,
            citation,
            correctness,
            "Correctness against citation quality",
            (_axis(citation), _axis(correctness)),
        )
    if any("answered_ratio" in entry.metrics and "macro_f1" in entry.metrics for entry in entries):
        figure = _scatter(
            entries,
            "answered_ratio",
            "macro_f1",
            "Share of questions answered against refusal F1",
            (_axis("answered_ratio"), _axis("macro_f1")),
        )
        ideal = ideal_ratio(entries)
        if ideal is not None:
            figure["ideal"] = round(ideal, 2)
        found["refusal"] = figure
    return {name: figure for name, figure in found.items() if figure["data"]}


def ideal_ratio(entries: Sequence[Entry]) -> float | None:
    """Share of answerable questions in percent: the answer ratio of a perfect system. None if the runs of the table
    disagree or lack it."""
    ratios = {
        round(100 * entry.metrics["answerable_num"].number / entry.metrics["num_samples"].number, 6)
        for entry in entries
        if {"answerable_num", "num_samples"} <= set(entry.metrics) and entry.metrics["num_samples"].value
    }
    return ratios.pop() if len(ratios) == 1 else None


def _first_present(keys: Sequence[str], entries: Sequence[Entry]) -> str | None:
    return next((key for key in keys if any(key in entry.metrics for entry in entries)), None)


def _scatter(entries: Sequence[Entry], x: str, y: str, title: str, axes: tuple[str, str]) -> Figure:
    """One trace for each NLI model, one for the reported rows; bars are 95% intervals."""
    kinds: tuple[tuple[str, Callable[[Entry], bool]], ...] = tuple(
        (f"NLI {name or 'not used'}{' (proxy)' if proxy else ''}", _judged_by(name, proxy))
        for name, proxy in dict.fromkeys((entry.nli, entry.proxy) for entry in entries if not entry.reported)
    )
    figure = go.Figure()
    for index, (name, belongs) in enumerate([*kinds, ("reported", lambda entry: entry.reported)]):
        points = [entry for entry in entries if belongs(entry) and _has(entry, x) and _has(entry, y)]
        if not points:
            continue
        reported = name == "reported"
        named = len(points) <= MOST_NAMED
        figure.add_scatter(
            x=[round(entry.metrics[x].number, 2) for entry in points],
            y=[round(entry.metrics[y].number, 2) for entry in points],
            error_x=_bars([entry.metrics[x] for entry in points]),
            error_y=_bars([entry.metrics[y] for entry in points]),
            text=[plotly(entry.system, _SHORT) for entry in points],
            hovertext=[_label(entry) for entry in points],
            name=plotly(name),
            mode="markers+text" if named and not reported else "markers",
            textposition=_POSITIONS[: len(points)] if named and not reported else "top center",
            marker={"symbol": f"{_SYMBOLS[index % len(_SYMBOLS)]}{'-open' if reported else ''}", "size": 10},
            hovertemplate="%{hovertext}<br>%{x}, %{y}<extra></extra>",
        )
    data = [
        {**trace.to_plotly_json(), **({"reported": True} if trace.name == "reported" else {})} for trace in figure.data
    ]
    return {"data": data, "title": title, "x": axes[0], "y": axes[1]}


def _axis(key: str) -> str:
    return f"{label_of(key).name} (%)"


def _has(entry: Entry, key: str) -> bool:
    return key in entry.metrics and entry.metrics[key].value is not None


def _judged_by(name: str | None, proxy: bool) -> Callable[[Entry], bool]:
    return lambda entry: not entry.reported and entry.nli == name and entry.proxy == proxy


def _label(entry: Entry) -> str:
    """The hover text of a system."""
    return f"{plotly(entry.system)} ({plotly(', '.join(entry.details), 80)})"


def _bars(metrics: Sequence[Estimate]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [round(m.ci95[1] - m.number, 2) if m.ci95 else 0 for m in metrics],
        "arrayminus": [round(m.number - m.ci95[0], 2) if m.ci95 else 0 for m in metrics],
        "thickness": 1,
        "width": 0,
    }
