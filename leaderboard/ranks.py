"""Ranks: 1 + the number of systems that are significantly better, among those that can be compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from groundeval.leaderboard.entries import Entry
from groundeval.metrics.paired import better_counts


def rank(entries: Sequence[Entry]) -> None:
    """Fill in the ranks of all measured entries, for every headline key, within each pool.

    Better: the 95% interval of the paired difference lies above 0, under resamplings that the pool shares. Systems
    that the data cannot tell apart share a rank. There is no correction for the number of systems: a rank sums up
    pairwise comparisons, and `groundeval compare` tests one of them properly.
    """
    pools: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        for key in entry.draws:
            pools[entry.pool, key].append(entry)
    for (_, key), members in pools.items():
        counts = better_counts(np.array([entry.draws[key] for entry in members]))
        for entry, better in zip(members, counts, strict=True):
            entry.ranks[key] = 1 + int(better)
