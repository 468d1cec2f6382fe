"""Plots of a training run: rewards by step, and held-out metrics by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from groundeval.console.progress import say
from groundeval.storage.folder import read_json
from groundeval.trainers.folder import RunFolder
from groundeval.trainers.recipe import START

Point = tuple[float, float]

HELD_OUT = (
    "trust_score",
    "answered_citation_f1",
    "macro_f1",
    "calib_str_em_f1",
    "calib_claims_nli_f1",
    "calib_qampari_em_f1",
    "answered_ratio",
    "citation_rec",
    "citation_prec",
)
"""Held-out metrics that are plotted if a run has them."""


def draw(run: RunFolder) -> list[Path]:
    """Write the plots of a run to `plots/`; none, with a note, if matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        say("no plots: they need matplotlib (in the checkout: pip install -e '.[train]')")
        return []
    matplotlib.use("Agg")
    folder = run.path / "plots"
    folder.mkdir(exist_ok=True)
    history = read_json(run.path / "history.json") or []
    found = [
        _picture(folder / "rewards.png", "reward", reward_curves(history), "optimizer step"),
        _picture(folder / "training.png", "training", training_curves(history), "optimizer step"),
        _picture(folder / "held_out.png", "held-out, percent", held_out_curves(run), "optimizer step"),
    ]
    return [path for path in found if path is not None]


def reward_curves(history: Sequence[Mapping[str, Any]]) -> dict[str, list[Point]]:
    """Mean reward and its parts by step, from the rows of `history.json`."""
    return _curves(history, lambda name: name == "reward" or "/component/" in name)


def training_curves(history: Sequence[Mapping[str, Any]]) -> dict[str, list[Point]]:
    """Diagnostic shares: refusals, groups without a signal, completions cut off."""
    wanted = ("refusal_rate", "/flat_groups", "/abstained", "/clipped_ratio", "/citations_per_statement")
    return _curves(history, lambda name: name.endswith(wanted))


def held_out_curves(run: RunFolder) -> dict[str, list[Point]]:
    """Held-out metrics of the first verifier by step, counted over all stages."""
    offsets = {START: 0}
    steps = 0
    for each in run.finished():
        offsets[each["name"]] = steps
        steps += each["steps"]
    rows = [row for row in run.lines("evaluations.jsonl").read() if row["stage"] in offsets]
    if not rows:
        return {}
    verifier = rows[0]["nli"]
    curves: dict[str, list[Point]] = {}
    for row in rows:
        for key in HELD_OUT:
            value = row["metrics"].get(key, {}).get("value")
            if value is not None and row["nli"] == verifier:
                point = (offsets[row["stage"]] + row["step"], value)
                curves.setdefault(f"{row['task']}: {key}", []).append(point)
    return {name: sorted(points) for name, points in curves.items()}


def _curves(history: Sequence[Mapping[str, Any]], wanted: Any) -> dict[str, list[Point]]:
    curves: dict[str, list[Point]] = {}
    for row in history:
        for name, value in row.items():
            if wanted(name) and isinstance(value, int | float):
                curves.setdefault(name, []).append((row["step"], value))
    return curves


def _picture(path: Path, title: str, curves: Mapping[str, Sequence[Point]], below: str) -> Path | None:
    if not curves:
        return None
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    for name, points in curves.items():
        axes.plot(*zip(*points, strict=True), marker="." if len(points) < 40 else None, label=name)
    axes.set_xlabel(below)
    axes.set_title(title)
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
    return path
