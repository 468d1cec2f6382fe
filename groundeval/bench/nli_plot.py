"""Plot of verifiers on one data set: ROC curves, and the distribution of scores for each human label."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from groundeval.bench.nli_data import LabelledClaims
from groundeval.bench.nli_quality import Judged, Quality
from groundeval.errors import MissingExtra

BINS = 20
COLUMNS = 3
PANEL = (4.2, 3.6)
"""Inches."""
COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#777777")
SUPPORTED, OTHERS = "#228833", "#cc6677"


def check_plotting() -> None:
    """Raises MissingExtra if plotting is not possible, before anything is computed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtra("A plot", "bench") from error


def plot(data: LabelledClaims, results: Sequence[tuple[Judged, Quality]], file: Path) -> None:
    """Write a PNG. The same results give the same bytes with the same version of matplotlib."""
    check_plotting()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from sklearn.metrics import roc_curve

    labels = np.array([claim.supported for claim in data.claims])
    panels = 1 + len(results)
    columns = min(COLUMNS, panels)
    rows = -(-panels // columns)
    figure = Figure(figsize=(PANEL[0] * columns, PANEL[1] * rows), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    curves = grid[0]
    curves.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    for index, (judged, quality) in enumerate(results):
        kept = ~judged.failed
        false, true, _ = roc_curve(labels[kept], judged.scores[kept])
        name = f"{judged.verifier}: {quality.roc_auc.value:.1f}"
        curves.plot(false, true, color=COLOURS[index % len(COLOURS)], linewidth=1.6, label=name)
    curves.set(xlabel="called supported, of those that are not", ylabel="called supported, of those that are")
    curves.set_title(f"{data.name}: ROC, area in percent", fontsize=10)
    curves.legend(fontsize=8, loc="lower right")
    for axes, (judged, quality) in zip(grid[1:], results, strict=False):
        kept = ~judged.failed
        by_label = [judged.scores[kept & (labels == label)] for label in (True, False)]
        names = [f"supported (n = {len(by_label[0])})", f"not (n = {len(by_label[1])})"]
        # Shares, since one label is often several times as frequent.
        shares = [np.full(len(scores), 100 / max(1, len(scores))) for scores in by_label]
        axes.hist(by_label, bins=BINS, range=(0, 1), weights=shares, color=[SUPPORTED, OTHERS], label=names, alpha=0.85)
        if quality.calibrated is not None and quality.calibrated.held_out.threshold is not None:
            threshold = quality.calibrated.held_out.threshold
            axes.axvline(threshold, color="black", linewidth=1, linestyle="--", label=f"calibrated: {threshold:.2f}")
        axes.set(xlabel="score", ylabel="percent of the label's claims")
        axes.set_title(judged.verifier, fontsize=10)
        axes.legend(fontsize=8)
    for axes in grid[panels:]:
        axes.set_axis_off()
    # Without the version in the file, its bytes depend only on the picture.
    figure.savefig(file, dpi=110, metadata={"Software": None})
