"""Reads run folders, checks them, and writes the viewer's data of each: one run at a time, runs side by side."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from groundeval.errors import GroundevalError
from groundeval.leaderboard.entries import Entry, entry_of
from groundeval.leaderboard.samples import write_samples
from groundeval.leaderboard.texts import texts_of
from groundeval.registry import load_plugin
from groundeval.scored_runs import find_scorings, read_scoring, recomputed

SIDE_BY_SIDE = 32
"""From this many runs on, several processes read them."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A run that is left out, and why."""

    folder: str
    """Relative to the folder that was searched, so that the page does not depend on where that lies."""
    reason: str


def collect(
    roots: Sequence[Path], site: Path, *, data: Sequence[Path] = (), plugins: Sequence[Path] = (), processes: int = 1
) -> tuple[list[Entry], list[Rejected]]:
    """All runs below the folders. A run that lies there twice is listed once."""
    found = [(root, folder) for root in roots for folder in find_scorings(root)]
    work = partial(_collect_one, site=site, data=tuple(data))
    entries: dict[str, Entry] = {}
    rejected: list[Rejected] = []
    for result in _in_order(work, found, processes, plugins):
        if isinstance(result, Rejected):
            rejected.append(result)
        else:
            entries.setdefault(result.id, result)
    return list(entries.values()), rejected


def _in_order(
    work: partial[Entry | Rejected], found: Sequence[tuple[Path, Path]], processes: int, plugins: Sequence[Path]
) -> Iterator[Entry | Rejected]:
    if processes < 2 or len(found) < SIDE_BY_SIDE:
        yield from map(work, found)
        return
    # Spawned, not forked: a process that has used threads (the NLI service, BLAS) must not be forked.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_load_plugins, initargs=(tuple(plugins),)) as pool:
        yield from pool.map(work, found, chunksize=4)


def _load_plugins(paths: Sequence[Path]) -> None:
    for path in paths:
        load_plugin(path)


def _collect_one(where: tuple[Path, Path], *, site: Path, data: Sequence[Path]) -> Entry | Rejected:
    root, folder = where
    name = folder.relative_to(root).as_posix()
    try:
        run = read_scoring(folder)
        entry = entry_of(run, recomputed(run))
        write_samples(run, texts_of(run, data), site / "runs" / entry.id, site / "documents")
    except GroundevalError as error:
        reason = str(error).replace(f"{root}/", "")
        return Rejected(name, reason.removeprefix(f"{name}: ").removeprefix(f"{name}/"))
    except Exception as error:
        # Strangers' files can be wrong in ways that no check foresees; one of them must not keep the others away.
        return Rejected(name, f"cannot be read: {type(error).__name__}: {error}")
    return entry
