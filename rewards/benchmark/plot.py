"""Plot of the benchmark: rewards by families, coloured by accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from groundeval.extras import require
from groundeval.rewards.benchmark.families import Family
from groundeval.rewards.benchmark.table import Row

CELL = (0.52, 0.36)
"""Inches."""
DARK = (12, 88)
"""Below and above these values, the colours are too dark for black text."""


def check_plotting() -> None:
    """Raises MissingExtra if plotting is not possible, before anything is computed."""
    require("bench", "A picture of the reward benchmark")


def plot(rows: Sequence[Row], families: Sequence[Family], title: str, file: Path) -> None:
    """Write a PNG. The same rows give the same bytes with the same version of matplotlib.

    Raises MissingExtra without matplotlib.
    """
    check_plotting()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    values = np.array(
        [[np.nan if (cell := row.cells[f.key]) is None else cell.accuracy.value for f in families] for row in rows]
    )
    size = (3.4 + CELL[0] * len(families), 1.9 + CELL[1] * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.set_facecolor("#dddddd")
    shown = axes.imshow(values, vmin=0, vmax=100, cmap="RdYlGn", aspect="auto")
    axes.set_xticks(range(len(families)), [family.key for family in families], fontsize=8)
    axes.set_yticks(range(len(rows)), [row.name for row in rows], fontsize=8)
    for (y, x), value in np.ndenumerate(values):
        text = "n/a" if np.isnan(value) else f"{value:.0f}"
        dark = value > DARK[1] or value < DARK[0]
        axes.text(x, y, text, ha="center", va="center", fontsize=7, color="white" if dark else "#222222")
    axes.set_xlabel("family of attacks", fontsize=8)
    figure.suptitle(title, fontsize=9)
    figure.colorbar(shown, ax=axes, label="accuracy in percent", shrink=0.9)
    # Without the version in the file, its bytes depend only on the picture.
    figure.savefig(file, dpi=110, metadata={"Software": None})
