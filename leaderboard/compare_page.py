"""A comparison as files: Markdown, JSON and a page."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from groundeval.comparison.compare import Comparison, MetricDifference, PairedRuns
from groundeval.comparison.markdown import as_markdown, fraction, number, rank_title
from groundeval.comparison.reading import headline_sentence, interval_of_difference, shown_keys
from groundeval.leaderboard.bundle import OWN
from groundeval.leaderboard.site import write_page
from groundeval.metrics.labels import by_group, counts, label_of

PERCENTAGES = ("Overall", "Correctness", "Refusal", "Citation")
"""The groups whose metrics are percentages and share a scale."""
HALF = 10
"""Characters on each side of no difference."""


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write compare.md, compare.json, compare.html and the page's styles into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "compare.md").write_text(as_markdown(comparison), encoding="utf-8")
    (folder / "compare.json").write_text(json.dumps(comparison.as_json(), indent=2) + "\n", encoding="utf-8")
    shutil.copyfile(OWN / "site.css", folder / "site.css")
    write_comparison_page(folder / "compare.html", comparison, styles="site.css")


def write_comparison_page(path: Path, comparison: Comparison, *, styles: str, back: str | None = None) -> None:
    """Write the page of a comparison. `styles`: the address of its style sheet; `back`: of the page it belongs to."""
    write_page(
        path,
        "compare.html",
        comparison=comparison,
        styles=styles,
        back=back,
        sentence=headline_sentence,
        shown=shown_keys,
        by_group=by_group,
        interval=interval_of_difference,
        label_of=label_of,
        counts=counts(),
        drawn=drawn,
        found={pair.second: {metric.key: metric for metric in pair.metrics} for pair in comparison.pairs},
        fraction=fraction,
        number=number,
        rank=rank_title(comparison),
    )


def drawn(metric: MetricDifference, pair: PairedRuns) -> str:
    """The interval as a line of characters on a scale that all metrics of a pair share: `│` is no difference.

    Empty where there is no interval, and for numbers that are not percentages and would need a scale of their own.
    """
    percent = [each for each in pair.metrics if each.ci95 is not None and label_of(each.key).group in PERCENTAGES]
    if metric not in percent or metric.ci95 is None or metric.difference is None:
        return ""
    reach = max(abs(bound) for each in percent for bound in each.ci95 or ()) or 1.0

    def place(difference: float) -> int:
        return HALF + round(HALF * max(-1.0, min(1.0, difference / reach)))

    cells = [" "] * (2 * HALF + 1)
    low, high = map(place, metric.ci95)
    cells[low : high + 1] = "─" * (high + 1 - low)
    cells[HALF] = "┼" if low <= HALF <= high else "│"
    cells[place(metric.difference)] = "●"
    return "".join(cells)
