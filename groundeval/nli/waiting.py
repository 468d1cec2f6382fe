"""Pairs waiting for the model, and their slicing into batches."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from groundeval.nli.handover import Waiter
from groundeval.nli.stats import Tally
from groundeval.records import Pair


@dataclass(slots=True, eq=False)
class Waiting:
    """A waiting pair, and all its waiters."""

    key: bytes
    pair: Pair
    cost: int
    tally: Tally | None
    waiters: list[Waiter] = field(default_factory=list)


def digest(pair: Pair) -> bytes:
    """A 16-byte hash of a pair, so that a million remembered pairs stay small."""
    premise = pair[0].encode("utf-8", "surrogatepass")
    hypothesis = pair[1].encode("utf-8", "surrogatepass")
    return hashlib.blake2b(b"%d:%b%b" % (len(premise), premise, hypothesis), digest_size=16).digest()


def slices(jobs: Sequence[Waiting], budget: int, cost: Callable[[Pair], int] | None = None) -> Iterator[list[Waiting]]:
    """Jobs by decreasing cost, cut where the budget is full.

    The longest come first, so that a pair that does not fit into memory fails early. `cost`: the model's own measure of
    a pair; the default is its number of characters.
    """
    if cost is not None:
        for job in jobs:
            job.cost = cost(job.pair)
    some: list[Waiting] = []
    filled = 0
    for job in sorted(jobs, key=lambda job: job.cost, reverse=True):
        if some and filled + job.cost > budget:
            yield some
            some, filled = [], 0
        some.append(job)
        filled += job.cost
    if some:
        yield some
