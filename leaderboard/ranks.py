"""Ranks: 1 + the number of systems that are significantly better, among those that can be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from groundeval.leaderboard.entries import Entry
from groundeval.scoring.plan import OVERALL
from groundeval.stats.paired import better_counts
from groundeval.tasks.task import TASKS


def rank(entries: Sequence[Entry]) -> None:
    """Fill in the ranks of all measured entries, for every headline key, within each pool.

    Better: the 95% interval of the paired difference is above 0, under resamplings shared by the pool. Systems that the
    data cannot distinguish share a rank. A system without the pool's first ranking key is not ranked: otherwise it
    would choose its own criterion. Ranks are not corrected for the number of systems: they summarise pairwise
    comparisons, and `groundeval compare` tests one of these properly.
    """
    pools: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.draws:
            pools[entry.pool].append(entry)
    for members in pools.values():
        keys = _keys(members)
        comparable = [entry for entry in members if keys and keys[0] in entry.draws]
        for key in keys:
            _rank_by(key, [entry for entry in comparable if key in entry.draws])


def _keys(members: Sequence[Entry]) -> list[str]:
    """The ranking keys of a pool, in order: its task's headline. For a task that is not registered here the runs give
    it themselves, and must agree."""
    task = members[0].task
    if task in TASKS:
        order = (*TASKS.get(task)().headline, *OVERALL)
    else:
        order = members[0].headline if len({entry.headline for entry in members}) == 1 else ()
    return [key for key in order if any(key in entry.draws for entry in members)]


def _rank_by(key: str, members: Sequence[Entry]) -> None:
    if members:
        counts = better_counts(np.array([entry.draws[key] for entry in members]))
        for entry, better in zip(members, counts, strict=True):
            entry.ranks[key] = 1 + int(better)
