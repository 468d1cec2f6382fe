"""`groundeval view`: the pages of a few runs, without tables, plots and what those need.

The folders may be strangers': they are read as for a leaderboard, so that nothing in them is run or opened by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from groundeval.errors import DataError
from groundeval.leaderboard.bundle import write_own_assets
from groundeval.leaderboard.collect import RejectedRun, collect
from groundeval.leaderboard.entries import Entry, sorted_entries
from groundeval.leaderboard.files import as_json
from groundeval.leaderboard.place import MARK, given_files
from groundeval.leaderboard.run_page import judge, shown, write_run_page
from groundeval.leaderboard.site import write_page

_MOST_REASONS = 10


@dataclass(frozen=True, slots=True)
class Viewer:
    """The pages that were written, and what was left out."""

    page: str
    """The page to open first, relative to the site."""
    runs: int
    rejected: Sequence[RejectedRun]


def write_viewer(runs: Sequence[Path], site: Path, *, data: Sequence[Path] = (), quiet: bool = True) -> Viewer:
    """Write the sample viewer of the runs into a folder, and a page that lists them.

    A run is a run folder, a folder of scores, or a folder that holds some. `page` shows two side by side.
    Raises DataError where none can be shown, UsageError for a folder that is not there.
    """
    measured, rejected = collect(runs, site, data=given_files(data), quiet=quiet)
    entries = sorted_entries(measured)
    if not entries:
        where = ", ".join(map(str, runs))
        if not rejected:
            raise DataError(f"{where}: holds no scores to show.\n  A run is scored by: groundeval score RUN_FOLDER")
        reasons = "".join(f"\n  {each.folder}: {each.reason}" for each in rejected[:_MOST_REASONS])
        raise DataError(f"{where}: its scores cannot be shown:{reasons}")
    write_own_assets(site / "assets")
    (site / MARK).write_text(as_json(entries, rejected), encoding="utf-8")
    for entry in entries:
        write_run_page(site, entry, [each for each in entries if each.task == entry.task], "main")
    rows = [(entry, shown(entry, whole=False)) for entry in entries]
    write_page(site / "index.html", "runs.html", rows=rows, rejected=rejected, judge=judge, root="")
    return Viewer(_first_page(measured), len(entries), rejected)


def _first_page(entries: Sequence[Entry]) -> str:
    """The only run; of two runs of a task the first with the second beside it; else the list."""
    if len(entries) == 1:
        return f"runs/{entries[0].id}.html"
    if len(entries) == 2 and entries[0].task == entries[1].task:
        return f"runs/{entries[0].id}.html?beside={entries[1].id}"
    return "index.html"
