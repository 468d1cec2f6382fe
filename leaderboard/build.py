"""`leaderboard build`: build a site from run folders. The same inputs give the same bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from groundeval.console.progress import doing
from groundeval.errors import DataError
from groundeval.extras import require
from groundeval.leaderboard.bundle import EXTRA, write_assets
from groundeval.leaderboard.collect import RejectedRun, collect
from groundeval.leaderboard.columns import Column, columns_of
from groundeval.leaderboard.comparisons import write_board_comparison
from groundeval.leaderboard.curves import Extra, extras
from groundeval.leaderboard.entries import Entry, sorted_entries
from groundeval.leaderboard.files import as_csv, as_json, as_markdown
from groundeval.leaderboard.place import MARK, check_replaceable, given_files, put_in_place
from groundeval.leaderboard.plots import Figure, figures
from groundeval.leaderboard.ranks import rank
from groundeval.leaderboard.reported import SHIPPED, read_reported, reported_entries, without_repeats
from groundeval.leaderboard.run_page import judge, shown, write_run_page
from groundeval.leaderboard.samples import script
from groundeval.leaderboard.site import write_page
from groundeval.metrics.labels import Shown
from groundeval.metrics.profiles import PROFILES
from groundeval.stats.bootstrap import Estimate
from groundeval.storage.folder import content_id, folder_name
from groundeval.storage.regular import holding, identities
from groundeval.tasks.task import TASKS


@dataclass(frozen=True, slots=True)
class Built:
    """The result of a build."""

    measured: int
    reported: int
    rejected: Sequence[RejectedRun]
    site: Path


@dataclass(frozen=True, slots=True)
class Board:
    """One table of the page: a task under a protocol, with its figures."""

    name: str
    """Prefix of its elements' ids on the page."""
    task: str
    profile: str
    description: str
    protocol: str
    rows: Sequence[Entry]
    columns: Sequence[Column]
    figures: Mapping[str, Figure]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """The groups of columns, in order, with the number of columns in each."""
        return [(name, len(list(members))) for name, members in groupby(self.columns, lambda column: column.group)]

    @property
    def judges(self) -> list[str]:
        """The NLI models of the measured rows, for the filter."""
        return sorted({judge(row) for row in self.rows if not row.reported})

    @property
    def headings(self) -> list[str]:
        """The headings of the groups of rows, in order."""
        return list(dict.fromkeys(map(heading, self.rows)))

    @property
    def measured(self) -> list[Entry]:
        """The rows of runs."""
        return [row for row in self.rows if not row.reported]

    @property
    def best(self) -> Entry | None:
        """The best measured row: of the first judge's rows, by rank and headline; None without rows."""
        return next(iter(self.measured), None)

    @property
    def second(self) -> Entry | None:
        """The next best that can be compared with the best."""
        best = self.best
        return None if best is None else next((row for row in self.measured[1:] if row.pool == best.pool), None)

    @property
    def lead(self) -> Shown | None:
        """The key that the best row is the best in."""
        best = self.best
        return None if best is None else next((key for key in shown(best, whole=False) if key.headline), None)

    @property
    def has_reported(self) -> bool:
        """Whether there are rows from papers."""
        return any(row.reported for row in self.rows)

    @property
    def sources(self) -> list[str]:
        """The papers whose numbers the table shows."""
        return list(dict.fromkeys(row.paper for row in self.rows if row.reported))


def build(
    roots: Sequence[Path],
    out: Path,
    *,
    reported: Sequence[Path] = (),
    shipped: bool = True,
    data: Sequence[Path] = (),
    plugins: Sequence[Path] = (),
    processes: int | None = None,
    quiet: bool = True,
) -> Built:
    """Build the site in `out` from all runs below `roots`.

    `reported`: files of numbers from papers, in addition to the shipped ones (`shipped`). `data`: files of data or
    outputs; each is used for the runs that name its hash. A run that is damaged, or whose results do not follow from
    its per-sample values, is left out and named in the result and on the page. Raises UsageError for a folder that is
    not there or must not be replaced, DataError where nothing is left to show. `quiet=False` shows progress.
    """
    require(EXTRA, "The leaderboard")
    check_replaceable(out, (*roots, *data, *reported, *plugins))
    given = given_files(data)
    files = [read_reported(path) for path in (*(sorted(SHIPPED.glob("*.json")) if shipped else ()), *reported)]
    with holding(identities(roots)), put_in_place(out) as site:
        processes = processes or min(8, os.cpu_count() or 1)
        measured, rejected = collect(roots, site, data=given, plugins=plugins, processes=processes, quiet=quiet)
        rank(measured)
        published = without_repeats([entry for file in files for entry in reported_entries(file, _headlines())])
        entries = sorted_entries([*measured, *published])
        if not entries:
            reasons = "".join(f"\n  {each.folder}: {each.reason}" for each in rejected[:10])
            raise DataError(f"no runs to show in {', '.join(map(str, roots))}{reasons}")
        with doing("ranking, drawing and writing pages", quiet=quiet):
            _write_site(site, entries, rejected, extras(roots))
    return Built(len(measured), len(published), rejected, out)


def _headlines() -> dict[str, tuple[str, ...]]:
    return {name: TASKS.get(name)().headline for name in TASKS.names()}


def _write_site(
    site: Path, entries: Sequence[Entry], rejected: Sequence[RejectedRun], beside: tuple[list[Extra], list[Extra]]
) -> None:
    write_assets(site / "assets")
    (site / MARK).write_text(as_json(entries, rejected), encoding="utf-8")
    (site / "leaderboard.csv").write_text(as_csv(entries), encoding="utf-8")
    (site / "leaderboard.md").write_text(as_markdown(entries), encoding="utf-8")
    boards = list(_boards(entries))
    training, rewards = beside
    drawn = {f"{board.name}-{name}": figure for board in boards for name, figure in board.figures.items()}
    drawn |= {extra.name: extra.figure for extra in (*training, *rewards)}
    (site / "data").mkdir()
    (site / "data" / "figures.js").write_bytes(script("figures", drawn))
    compared = {board.name for board in boards if write_board_comparison(site, board.name, board.rows)}
    write_page(
        site / "index.html", "index.html", boards=boards, rejected=rejected, training=training, rewards=rewards,
        measured=sum(not entry.reported for entry in entries), judge=judge, heading=heading, whisker=whisker, root="",
        compared=compared,
    )  # fmt: skip
    for board in boards:
        for entry in board.rows:
            if not entry.reported:
                write_run_page(site, entry, board.rows, board.name)


def _boards(entries: Sequence[Entry]) -> Iterator[Board]:
    for (task, profile), members in groupby(entries, lambda entry: (entry.task, entry.profile)):
        rows = list(members)
        yield Board(
            board_name(task, profile),
            task,
            profile,
            TASKS.get(task)().description if task in TASKS else "",
            PROFILES[profile].description if profile in PROFILES else "",
            rows,
            columns_of(rows),
            figures(rows),
        )


def board_name(task: str, profile: str) -> str:
    """The id of a table on the page; the hash distinguishes tasks whose names give the same folder name."""
    return f"{folder_name(f'{task}-{profile}')}-{content_id({'task': task, 'profile': profile})[:6]}"


def heading(entry: Entry) -> str:
    """The heading above the rows comparable with this one: TRUE's before proxies', papers' at the end."""
    if entry.reported:
        return "Reported in papers: not measured here, not ranked"
    if entry.nli is None:
        return "No NLI model"
    return f"Judged by {entry.nli}{', a proxy: not comparable with TRUE' if entry.proxy else ''}"


def whisker(metric: Estimate, top: float) -> tuple[float, float, float] | None:
    """Low end, value and high end of an interval on a scale from 0 to 100; None without an interval."""
    if metric.ci95 is None:
        return None
    low, value, high = (
        round(min(100.0, max(0.0, 100 * each / top)), 1) for each in (metric.ci95[0], metric.number, metric.ci95[1])
    )
    return low, value, high
