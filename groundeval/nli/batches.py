"""Batches for models in this process: by length, under a token budget that shrinks when memory runs out."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from groundeval.errors import SampleError
from groundeval.models.device import free_memory, is_out_of_memory

T = TypeVar("T")


class TokenBudget:
    """Largest number of tokens in a batch. Halved permanently after an out-of-memory error."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens

    def shrink_below(self, cost: int) -> None:
        """Shrink the budget below the cost of a batch that did not fit."""
        self.tokens = max(1, min(self.tokens, cost) // 2)


class _Work:
    """Items that wait for a batch, longest first; shared by the replicas of a model."""

    def __init__(self, lengths: Sequence[int], budget: TokenBudget) -> None:
        self._lengths = lengths
        self._budget = budget
        self._lock = threading.Lock()
        self._items = deque(sorted(range(len(lengths)), key=lambda item: -lengths[item]))

    def take(self) -> list[int]:
        """The next batch; a single item may exceed the budget. Empty when all is done."""
        with self._lock:
            batch: list[int] = []
            filled = 0
            while self._items and (not batch or filled + self._lengths[self._items[0]] <= self._budget.tokens):
                filled += self._lengths[self._items[0]]
                batch.append(self._items.popleft())
            return batch

    def put_back(self, batch: list[int]) -> None:
        """Return a batch that did not fit into memory, to be cut smaller."""
        with self._lock:
            self._budget.shrink_below(sum(self._lengths[item] for item in batch))
            self._items.extendleft(reversed(batch))


def run_in_batches(
    lengths: Sequence[int],
    budget: TokenBudget,
    forwards: Sequence[Callable[[list[int]], list[T]]],
) -> list[T | SampleError]:
    """Run items through a model, or through its replicas in parallel; results in the items' order.

    `lengths`: tokens of each item. `forwards`: for each replica a function from the indices of a batch's items to their
    results. A batch that does not fit into memory is halved and retried; an item that does not fit alone gets a
    SampleError as its result. Any other exception ends the run.
    """
    work = _Work(lengths, budget)
    results: list[T | SampleError | None] = [None] * len(lengths)

    def run(forward: Callable[[list[int]], list[T]]) -> None:
        while batch := work.take():
            outcome = _try(forward, batch)
            if outcome is not None:
                for item, result in zip(batch, outcome, strict=True):
                    results[item] = result
            elif len(batch) > 1:
                work.put_back(batch)
            else:
                results[batch[0]] = SampleError(
                    f"an NLI pair of {lengths[batch[0]]} tokens does not fit into memory even alone.\n"
                    "  Use a device with more memory, or spread the model over several: device auto."
                )

    if len(forwards) == 1:
        run(forwards[0])
    else:
        with ThreadPoolExecutor(len(forwards), "nli-replica") as pool:
            for done in [pool.submit(run, forward) for forward in forwards]:
                done.result()
    return [result for result in results if result is not None]


def _try(forward: Callable[[list[int]], list[T]], batch: list[int]) -> list[T] | None:
    """The results of a batch, or None when it did not fit into memory."""
    try:
        return forward(batch)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    # Outside the handler: the exception referenced the frames that hold the tensors.
    free_memory()
    return None


def default_budget(device: str) -> int:
    """Tokens in a batch: enough to keep a GPU's matrix units busy; on a CPU, few enough for its caches."""
    return 1_536 if device == "cpu" else 16_384
