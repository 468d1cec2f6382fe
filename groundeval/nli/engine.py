"""The thread and queue of an NLI service: merges equal pairs, forms batches, returns verdicts.

All callers put pairs into one queue. The engine's thread takes the queue when its budget is full, when no new pair has
come for some milliseconds, or at once after `flush`; it sorts the pairs by length and passes them to the model in
slices. Verdicts are returned once for each event loop and slice, not once for each pair.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from groundeval.errors import BackendError, GroundevalError, SampleError, excerpt
from groundeval.nli.handover import Outcome, Waiter, given_up, hand_over
from groundeval.nli.model import Closable, Loadable, NLIModel, PartialFailure, traits_of
from groundeval.nli.stats import NLIStats, Tally
from groundeval.nli.waiting import Waiting, digest, slices
from groundeval.records import Pair, Verdict

IDLE_SECONDS = 20.0
"""An idle thread ends after this time; the next pair starts another. So a dropped service leaves no thread behind."""
PATIENCE_WINDOWS = 10
"""A pair waits for a fuller batch at most this many windows, however steadily other pairs arrive."""


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """Limits of batching and of the memory of verdicts."""

    window: float = 0.003
    """Seconds without a new pair after which the queue is sent."""
    budget: int = 262_144
    """Characters (or the model's own `cost`) that are sent without further waiting, and the size of a slice."""
    remember: int = 1_000_000
    """Verdicts kept in memory, about 300 bytes each: the most recently used. The rest may be in the cache on disk."""


REMEMBERED_INSTANT = 65_536
"""The same of an instant model, which judges a pair in less time than a million of them take memory."""

PLAIN = Pair("Rome is old.", "Rome is old.")
"""A pair that any model can judge: it tells a broken model from a pair that breaks a good one."""


class _Broke(BackendError):
    """The model raised something unforeseen on a pair of its own."""


class VerdictStore(Protocol):
    """A persistent store of verdicts."""

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Verdict]:
        """The verdicts of those keys that are known."""

    def put(self, verdicts: Sequence[tuple[bytes, Verdict]]) -> None:
        """Keep verdicts."""

    def close(self) -> None:
        """Write pending verdicts and close the file."""


class Engine:
    """Owns a model, a queue and a thread. `open_model` is called when the model is first needed."""

    def __init__(
        self,
        open_model: Callable[[], NLIModel],
        *,
        name: str,
        options: BatchOptions | None = None,
        open_store: Callable[[NLIModel], VerdictStore | None] = lambda model: None,
        reopen_after_fork: bool = False,
    ) -> None:
        self.name = name
        self.totals = NLIStats()
        self.batches = 0
        self.model_seconds = 0.0
        self.closed = False
        self._open_model = open_model
        self._open_store = open_store
        self._options = options or BatchOptions()
        self._reopen_after_fork = reopen_after_fork
        self._known: OrderedDict[bytes, Verdict] = OrderedDict()
        self._model: NLIModel | None = None
        self._instant: bool | None = None
        self._start_empty()
        _ENGINES.add(self)

    def _start_empty(self) -> None:
        """The state that does not survive a fork: the locks, the thread and its queue."""
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._opening = threading.RLock()
        self._thread: threading.Thread | None = None
        self._queue: list[Waiting] = []
        self._queued_cost = 0
        self._flush = False
        self._first = self._last = 0.0
        self._in_flight: dict[bytes, Waiting] = {}
        self._loaded = False
        self._store: VerdictStore | None = None
        self._store_opened = False
        if self._reopen_after_fork:
            self._model = None

    # The model

    @property
    def model(self) -> NLIModel:
        """The verifier, created at the first call."""
        model = self._model
        if model is None:
            with self._opening:
                if self.closed:
                    raise BackendError(f"the NLI service {self.name} is closed")
                if self._model is None:
                    self._model = self._open_model()
                model = self._model
        return model

    @property
    def instant(self) -> bool:
        """Whether verdicts are computed in the caller's thread."""
        if self._instant is None:
            self._instant = traits_of(self.model).instant
        return self._instant

    @property
    def loading(self) -> bool:
        """Whether pairs wait for weights that are not loaded yet."""
        return not self._loaded and self.waiting > 0

    def check(self) -> None:
        """Check the model and its verdict store without loading weights."""
        check = getattr(self.model, "check", None)
        if callable(check):
            check()
        self._store_of_model()

    def load(self) -> None:
        """Load the model's weights; a second call does nothing."""
        with self._opening:
            if not self._loaded:
                self._store_of_model()
                model = self.model
                if isinstance(model, Loadable):
                    model.load()
                self._loaded = True

    def _store_of_model(self) -> VerdictStore | None:
        if not self._store_opened:
            with self._opening:
                if not self._store_opened and traits_of(self.model).persistent:
                    self._store = self._open_store(self.model)
                self._store_opened = True
        return self._store

    # Asking

    @property
    def waiting(self) -> int:
        """Pairs that are queued or with the model."""
        return len(self._in_flight)

    def ask(self, pair: Pair, tally: Tally | None, waiter: Waiter | None) -> Outcome | None:
        """The verdict if it is known or instant; else None, and the waiter gets it later.

        `tally`: the caller's counts; None counts only in the totals. `waiter` may be None for an instant model.
        """
        instant = self.instant
        key = digest(pair)
        with self._lock:
            self.totals.asked += 1
            new = False
            if tally is not None:
                tally.stats.asked += 1
                new = key not in tally.seen
                if new:
                    if instant and len(tally.seen) >= REMEMBERED_INSTANT:
                        tally.seen.clear()
                    tally.seen.add(key)
                    tally.stats.unique += 1
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                if new and tally is not None:
                    tally.stats.cached += 1
                return known
            if instant:
                self.totals.unique += 1
                return self._judge_here(key, pair, tally)
            if waiter is None:
                raise TypeError("a model that is not instant needs a waiter")
            job = self._in_flight.get(key)
            if job is not None:
                job.waiters.append(waiter)
                if new and tally is not None:
                    tally.stats.cached += 1
                return None
            if self.closed:
                return BackendError(f"the NLI service {self.name} is closed")
            self.totals.unique += 1
            self._enqueue(Waiting(key, pair, len(pair[0]) + len(pair[1]), tally, [waiter]))
            return None

    def _judge_here(self, key: bytes, pair: Pair, tally: Tally | None) -> Outcome:
        [outcome] = self._score([pair])
        self._count(outcome, tally)
        if isinstance(outcome, Verdict):
            self._remember(key, outcome)
        return outcome

    def _remember(self, key: bytes, verdict: Verdict) -> None:
        self._known[key] = verdict
        most = min(self._options.remember, REMEMBERED_INSTANT) if self._instant else self._options.remember
        if len(self._known) > most:
            self._known.popitem(last=False)

    def _enqueue(self, job: Waiting) -> None:
        queue = self._queue
        self._in_flight[job.key] = job
        queue.append(job)
        self._queued_cost += job.cost
        self._last = time.monotonic()
        if len(queue) == 1:
            self._first = self._last
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name=f"nli-{self.name}", daemon=True)
                self._thread.start()
            self._wake.notify()
        elif self._queued_cost >= self._options.budget > self._queued_cost - job.cost:
            self._wake.notify()

    def flush(self) -> None:
        """Send the queued pairs without waiting for more."""
        with self._lock:
            if self._queue:
                self._flush = True
                self._wake.notify()

    # The thread

    def _serve(self) -> None:
        while True:
            jobs = self._take()
            if not jobs:
                return
            self._work(jobs)

    def _take(self) -> list[Waiting]:
        """Wait for a batch; empty when the thread must end."""
        window = self._options.window
        with self._lock:
            while True:
                while not self._queue:
                    if self.closed or not (self._wake.wait(IDLE_SECONDS) or self._queue):
                        self._thread = None
                        return []
                while not (self._flush or self.closed or self._queued_cost >= self._options.budget):
                    until = min(self._last + window, self._first + PATIENCE_WINDOWS * window)
                    rest = until - time.monotonic()
                    if rest <= 0:
                        break
                    self._wake.wait(rest)
                jobs, self._queue = self._queue, []
                self._queued_cost = 0
                self._flush = False
                wanted = [job for job in jobs if not all(map(given_up, job.waiters))]
                if len(wanted) < len(jobs):
                    for job in set(jobs) - set(wanted):
                        del self._in_flight[job.key]
                if wanted:
                    return wanted

    def _work(self, jobs: list[Waiting]) -> None:
        """Judge a batch. Any failure becomes an error for its waiters; the thread survives."""
        try:
            store = self._store_of_model()
            if store is not None:
                found = store.get([job.key for job in jobs])
                self._settle([(job, found[job.key]) for job in jobs if job.key in found], computed=False)
                jobs = [job for job in jobs if job.key not in found]
            # Known verdicts need no weights: a run that is entirely in the cache never loads them.
            if jobs:
                self.load()
            for some in slices(jobs, self._options.budget, getattr(self.model, "cost", None)):
                if self.closed:
                    break
                begun = time.monotonic()
                outcomes = self._judged([job.pair for job in some])
                self.batches += 1
                self.model_seconds += time.monotonic() - begun
                if store is not None:
                    store.put([(j.key, o) for j, o in zip(some, outcomes, strict=True) if isinstance(o, Verdict)])
                self._settle(list(zip(some, outcomes, strict=True)), computed=True)
            error: GroundevalError = BackendError(f"the NLI service {self.name} was closed")
        except GroundevalError as failure:
            error = failure
        except Exception as failure:
            error = BackendError(f"the NLI service {self.name} failed: {failure!r}")
            error.__cause__ = failure
        self._settle([(job, error) for job in jobs if self._in_flight.get(job.key) is job], computed=True)

    def _judged(self, pairs: list[Pair]) -> list[Outcome]:
        """The model's verdicts. A pair on which a model breaks that judges others is the error of its samples.

        A model that breaks on every pair, also on a plain one, is broken itself.
        """
        outcomes = self._score(pairs)
        if any(isinstance(each, _Broke) for each in outcomes):
            works = not all(isinstance(each, _Broke) for each in outcomes)
            if works or isinstance(self._score([PLAIN])[0], Verdict):
                return [SampleError(str(each)) if isinstance(each, _Broke) else each for each in outcomes]
        return outcomes

    def _score(self, pairs: list[Pair]) -> list[Outcome]:
        """The model's verdicts; when it fails, the faulty pairs are found by bisection and carry the error."""
        try:
            verdicts = self.model.score(pairs)
            if len(verdicts) != len(pairs):
                raise BackendError(f"NLI model {self.name} gave {len(verdicts)} verdicts for {len(pairs)} pairs")
            return list(verdicts)
        except PartialFailure as failure:
            return list(failure.outcomes)
        except GroundevalError as failure:
            return [failure] * len(pairs)
        except Exception as failure:
            if len(pairs) > 1:
                middle = len(pairs) // 2
                return [*self._score(pairs[:middle]), *self._score(pairs[middle:])]
            error = _Broke(
                f"NLI model {self.name} failed on hypothesis {excerpt(pairs[0].hypothesis)}, "
                f"premise {excerpt(pairs[0].premise)}: {failure!r}"
            )
            error.__cause__ = failure
            return [error]

    # Handing back

    def _settle(self, settled: Sequence[tuple[Waiting, Outcome]], *, computed: bool) -> None:
        deliveries: list[tuple[Waiter, Outcome]] = []
        with self._lock:
            for job, outcome in settled:
                if self._in_flight.get(job.key) is job:
                    del self._in_flight[job.key]
                self._count(outcome, job.tally, computed)
                if isinstance(outcome, Verdict):
                    self._remember(job.key, outcome)
                deliveries += [(waiter, outcome) for waiter in job.waiters]
        hand_over(deliveries)

    def _count(self, outcome: Outcome, tally: Tally | None, computed: bool = True) -> None:
        for stats in (self.totals,) if tally is None else (self.totals, tally.stats):
            if not isinstance(outcome, Verdict):
                stats.failed += 1
            elif not computed:
                stats.cached += 1
            else:
                stats.computed += 1
                stats.rechecked += outcome.rechecked

    def close(self) -> None:
        """End the thread, fail the waiting pairs, free the model."""
        with self._lock:
            if self.closed:
                return
            self.closed = True
            self._wake.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()
        with self._opening:
            if self._store is not None:
                self._store.close()
            if isinstance(self._model, Closable):
                self._model.close()
            self._model = None


# Weak references to engines, to renew their locks and threads in a forked child.
_ENGINES: weakref.WeakSet[Engine] = weakref.WeakSet()


def _renew_after_fork() -> None:
    for engine in list(_ENGINES):
        engine._start_empty()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)
