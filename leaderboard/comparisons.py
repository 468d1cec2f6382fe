"""The comparison pages of a site: of each table, the best runs against the best of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from groundeval.comparison.compare import Comparison, compare, open_run
from groundeval.errors import GroundevalError
from groundeval.leaderboard.compare_page import write_comparison_page
from groundeval.leaderboard.entries import Entry
from groundeval.leaderboard.run_page import name_of, without_folders

MOST_COMPARED = 4
"""Most runs on a page: with more, the pairs hide the finding."""


def compared(rows: Sequence[Entry]) -> list[Entry]:
    """The best measured row and those behind it that were judged in the same way; none without a second."""
    measured = [row for row in rows if row.folder is not None]
    best = [row for row in measured if row.pool == measured[0].pool][:MOST_COMPARED]
    return best if len(best) > 1 else []


def write_board_comparison(site: Path, name: str, rows: Sequence[Entry]) -> bool:
    """Write `compare/NAME.html`, and say whether there was something to compare."""
    chosen = compared(rows)
    if not chosen:
        return False
    try:
        found = compare([open_run(row.folder, root=row.root) for row in chosen if row.folder is not None])
    except GroundevalError:
        return False  # they share no sample that both have values for
    page = site / "compare" / f"{name}.html"
    write_comparison_page(page, _public(found, chosen), styles="../assets/site.css", back=f"../index.html#{name}")
    return True


def _public(found: Comparison, rows: Sequence[Entry]) -> Comparison:
    """A comparison without places on the machine, in which runs have the names of their rows."""
    runs = tuple(replace(run, system=name_of(row), folder="") for run, row in zip(found.runs, rows, strict=True))
    differences = tuple(
        replace(each, values=tuple(v if v is None else without_folders(str(v)) for v in each.values))
        for each in found.differences
    )
    return replace(found, runs=runs, differences=differences)
