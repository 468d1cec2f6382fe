"""Plot of one run of `bench speed`: CPU time of whole runs by phase, and what is how many times as fast."""

from __future__ import annotations

from pathlib import Path

from groundeval.bench.nli_plot import COLOURS, check_plotting
from groundeval.bench.speed import Speed

__all__ = ["PICTURE", "check_plotting", "plot"]

PICTURE = "bench_speed.png"


def plot(speed: Speed, file: Path) -> None:
    """Write a PNG. Raises MissingExtra without the extra `bench`."""
    check_plotting()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    phases, ratios = figure.subplots(1, 2)
    runs = speed.parts.get("runs", [])
    labels = [f"{each['command']}\n{each['samples']:,}" for each in runs]
    begun = [0.0] * len(runs)
    for index, name in enumerate(dict.fromkeys(name for each in runs for name in each["phases"])):
        values = [1000 * each["phases"].get(name, 0.0) / each["samples"] for each in runs]
        phases.barh(labels, values, left=begun, label=name, color=COLOURS[index % len(COLOURS)], alpha=1 - index / 20)
        begun = [before + value for before, value in zip(begun, values, strict=True)]
    phases.set(xlabel="CPU milliseconds a sample")
    phases.set_title("whole runs by phase, verifier lexical", fontsize=10)
    if runs:
        phases.legend(fontsize=7)
    times = [each for each in speed.figures if each.unit == "times"]
    ratios.barh([each.name for each in times], [each.value for each in times], color=COLOURS[0])
    ratios.axvline(1, color="#bbbbbb", linewidth=1)
    ratios.set(xlabel="times as fast", xscale="log")
    ratios.set_title("against the original evaluators' way", fontsize=10)
    ratios.tick_params(axis="y", labelsize=7)
    # Without the version in the file, its bytes depend only on the picture.
    figure.savefig(file, dpi=110, metadata={"Software": None})
