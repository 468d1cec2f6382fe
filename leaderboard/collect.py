"""Reading and checking run folders, and writing the viewer's data of each, in parallel."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from threadpoolctl import threadpool_limits

from groundeval.comparison.saved_scores import find_scorings, read_scoring, recomputed
from groundeval.console.progress import doing, progress
from groundeval.errors import GroundevalError
from groundeval.leaderboard.entries import Entry, entry_of
from groundeval.leaderboard.run_page import numbers_of
from groundeval.leaderboard.samples import write_samples
from groundeval.leaderboard.texts import texts_of
from groundeval.storage.regular import Identity, holding, identities
from groundeval.tasks.loading import include

SIDE_BY_SIDE = 32
"""Least number of runs for reading in several processes."""


@dataclass(frozen=True, slots=True)
class RejectedRun:
    """A run that is left out, with the reason."""

    folder: str
    """Relative to the searched folder, so that the page does not depend on its location."""
    reason: str


def collect(
    roots: Sequence[Path],
    site: Path,
    *,
    data: Sequence[Path] = (),
    plugins: Sequence[Path] = (),
    processes: int = 1,
    quiet: bool = True,
) -> tuple[list[Entry], list[RejectedRun]]:
    """All runs below the folders, each of which may be a folder of scores. A run that lies there twice is listed once.

    `quiet=False` shows how many have been read.
    """
    found = [each for root in roots for each in _scorings(root)]
    work = partial(_collect_one, site=site, data=tuple(data), held=identities(roots))
    entries: dict[str, Entry] = {}
    rejected: list[RejectedRun] = []
    counted = progress("runs", total=len(found), quiet=quiet)
    with doing("reading and checking", quiet=quiet), counted as advance:
        for result in _in_order(work, found, processes, plugins):
            advance()
            if isinstance(result, RejectedRun):
                rejected.append(result)
            else:
                entries.setdefault(result.id, result)
    return list(entries.values()), rejected


def _scorings(root: Path) -> list[tuple[Path, Path]]:
    """The scorings that a folder names, each with the folder that its name is relative to."""
    scores = Path(os.path.abspath(root))
    if (scores / "results.json").is_file() and scores.parent.name == "scores":
        return [(scores.parents[1], scores)]
    return [(root, folder) for folder in find_scorings(root)]


def _in_order(
    work: partial[Entry | RejectedRun], found: Sequence[tuple[Path, Path]], processes: int, plugins: Sequence[Path]
) -> Iterator[Entry | RejectedRun]:
    if processes < 2 or len(found) < SIDE_BY_SIDE:
        with threadpool_limits(1, user_api="blas"):
            yield from map(work, found)
        return
    # Spawned, not forked: a process that has used threads (the NLI service, BLAS) must not be forked.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_prepare, initargs=(tuple(plugins),)) as pool:
        yield from pool.map(work, found, chunksize=4)


def _prepare(plugins: Sequence[Path]) -> None:
    """Initialise a worker process with one BLAS thread: a bootstrap's products are small, and idle threads cost more
    than they save, especially beside other processes."""
    threadpool_limits(1, user_api="blas")
    for path in plugins:
        include(path)


@contextmanager
def _no_search_for_cycles() -> Iterator[None]:
    """Context without cyclic garbage collection: a run is a hundred thousand small objects without cycles, which the
    collector would scan repeatedly. Unused objects are still freed by reference counting."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _collect_one(
    where: tuple[Path, Path], *, site: Path, data: Sequence[Path], held: Mapping[Path, Identity]
) -> Entry | RejectedRun:
    root, folder = where
    name = folder.relative_to(root).as_posix()
    try:
        with _no_search_for_cycles(), holding(held):
            return _published(folder, root, site, data)
    except GroundevalError as error:
        reason = str(error).replace(f"{root}/", "")
        return RejectedRun(name, reason.removeprefix(f"{name}: ").removeprefix(f"{name}/"))
    except Exception as error:
        # Untrusted files can be faulty in unforeseen ways; one of them must not block the others.
        return RejectedRun(name, f"cannot be read: {type(error).__name__}: {error}")


def _published(folder: Path, root: Path, site: Path, data: Sequence[Path]) -> Entry:
    """Read and check a run and write its viewer data. Everything but the row is freed on return."""
    run = read_scoring(folder, root)
    entry = entry_of(run, recomputed(run))
    write_samples(run, texts_of(run, data), numbers_of(entry), site / "runs" / entry.id, site / "documents")
    return entry
