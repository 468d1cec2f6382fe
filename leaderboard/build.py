"""`leaderboard build`: build a site from run folders. The same inputs give the same bytes."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from groundeval.errors import DataError, UsageError
from groundeval.extras import require
from groundeval.leaderboard.bundle import EXTRA, write_assets
from groundeval.leaderboard.collect import RejectedRun, collect
from groundeval.leaderboard.columns import Column, columns_of
from groundeval.leaderboard.curves import Extra, extras
from groundeval.leaderboard.entries import Entry, sorted_entries
from groundeval.leaderboard.files import KIND, as_csv, as_json, as_markdown
from groundeval.leaderboard.plots import Figure, figures
from groundeval.leaderboard.ranks import rank
from groundeval.leaderboard.reported import SHIPPED, read_reported, reported_entries
from groundeval.leaderboard.samples import script
from groundeval.leaderboard.site import write_page
from groundeval.metrics.profiles import PROFILES
from groundeval.stats.bootstrap import Estimate
from groundeval.storage.folder import content_id, folder_name, leaves, read_json
from groundeval.tasks.task import TASKS

_ABSOLUTE = re.compile(r"[/~]|[A-Za-z]:[/\\]|\\\\")
MARK = "leaderboard.json"
"""The file that marks a folder as a site that may be replaced."""
PARTS = (MARK, "leaderboard.csv", "leaderboard.md", "index.html", "assets", "data", "documents", "runs")
"""All files and folders of a site."""


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
) -> Built:
    """Build the site in `out` from all runs below `roots`.

    `reported`: files of numbers from papers, in addition to the shipped ones (`shipped`). `data`: files of data or
    outputs; each is used for the runs that name its hash. A run that is damaged, or whose results do not follow from
    its per-sample values, is left out and named in the result and on the page. Raises UsageError for a folder that is
    missing or must not be replaced, DataError if nothing is left to show.
    """
    require(EXTRA, "The leaderboard")
    _check_replaceable(out, (*roots, *data, *reported, *plugins))
    given = _files(data)
    files = [read_reported(path) for path in (*(sorted(SHIPPED.glob("*.json")) if shipped else ()), *reported)]
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
        site = Path(temporary) / "site"
        site.mkdir()
        processes = processes or min(8, os.cpu_count() or 1)
        measured, rejected = collect(roots, site, data=given, plugins=plugins, processes=processes)
        rank(measured)
        published = [entry for file in files for entry in reported_entries(file, _headlines())]
        entries = sorted_entries([*measured, *published])
        if not entries:
            reasons = "".join(f"\n  {each.folder}: {each.reason}" for each in rejected[:10])
            raise DataError(f"no runs to show in {', '.join(map(str, roots))}{reasons}")
        _write_site(site, entries, rejected, extras(roots))
        if out.exists():
            shutil.rmtree(out)
        site.chmod(0o755)
        os.replace(site, out)
    return Built(len(measured), len(published), rejected, out)


def _files(paths: Sequence[Path]) -> list[Path]:
    """The given files, and the files in the given folders."""
    found = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    missing = [path for path in found if not path.is_file()]
    if missing:
        raise UsageError(f"--data {missing[0]}: no such file")
    return found


def _check_replaceable(out: Path, sources: Sequence[Path]) -> None:
    """Raises UsageError if replacing the folder could lose anything but an earlier site."""
    if out.is_symlink():
        raise UsageError(f"--out {out}: is a link; name the folder itself")
    for source in sources:
        if source.resolve().is_relative_to(out.resolve()):
            raise UsageError(f"--out {out}: {source} lies in it, and would be replaced with it")
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not _is_site(out))):
        raise UsageError(f"--out {out}: already exists and is not a leaderboard; give an empty or a new folder")


def _is_site(folder: Path) -> bool:
    """Whether `leaderboard build` wrote the folder and it contains nothing else."""
    if any(path.name not in PARTS for path in folder.iterdir()):
        return False
    try:
        found = read_json(folder / MARK)
    except DataError:
        return False
    return isinstance(found, dict) and found.get("kind") == KIND


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
    write_page(
        site / "index.html", "index.html", boards=boards, rejected=rejected, training=training, rewards=rewards,
        measured=sum(not entry.reported for entry in entries), judge=judge, heading=heading, whisker=whisker, root="",
    )  # fmt: skip
    for board in boards:
        for entry in board.rows:
            if not entry.reported:
                _write_run_page(site, board, entry)


def _write_run_page(site: Path, board: Board, entry: Entry) -> None:
    write_page(
        site / "runs" / f"{entry.id}.html", "run.html", entry=entry, board=board, judge=judge, root="../",
        manifest=[(place, _without_folders(str(value))) for place, value in leaves(entry.manifest)],
    )  # fmt: skip


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


def judge(entry: Entry) -> str:
    """Short name of the NLI model of a row."""
    if entry.reported:
        return "as published"
    return f"{entry.nli or 'none asked'}{' (proxy)' if entry.proxy else ''}"


def heading(entry: Entry) -> str:
    """The heading above the rows comparable with this one: TRUE's before proxies', papers' at the end."""
    if entry.reported:
        return "Reported in papers: not measured here, not ranked"
    if entry.nli is None:
        return "No NLI model asked"
    return f"Judged by {entry.nli}{', a proxy: not comparable with TRUE' if entry.proxy else ''}"


def whisker(metric: Estimate, top: float) -> tuple[float, float, float] | None:
    """Low end, value and high end of an interval on a scale from 0 to 100; None without an interval."""
    if metric.ci95 is None:
        return None
    low, value, high = (
        round(min(100.0, max(0.0, 100 * each / top)), 1) for each in (metric.ci95[0], metric.number, metric.ci95[1])
    )
    return low, value, high


def _without_folders(text: str) -> str:
    """The last part of an absolute path, to keep the location on the run's machine private."""
    return text.replace("\\", "/").rpartition("/")[2] if _ABSOLUTE.match(text) else text


def check_site(site: Path) -> None:
    """Raises UsageError for a folder that `leaderboard build` did not write."""
    if not (site / MARK).is_file() or not (site / "index.html").is_file():
        raise UsageError(f"{site}: not a leaderboard. Build one first: groundeval leaderboard build runs/ --out {site}")
