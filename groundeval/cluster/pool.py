"""A pool of actors: the same engine several times, each at work on one piece of work at a time.

Plain actors rather than Ray Data's `map_batches`: a piece has to be exactly the batch of an ordinary run, for the same
texts; it has to be written when it is done, for the same resume; and an actor that dies must cost its piece alone. Ray
Data plans blocks of its own, and gives no account of what it repeats.
"""

from __future__ import annotations

import pickle
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from groundeval.cluster.options import ClusterOptions
from groundeval.cluster.session import check_cluster, connected
from groundeval.console.progress import say
from groundeval.errors import (
    BackendError,
    DataError,
    GroundevalError,
    SampleError,
    UsageError,
    option,
    spelling,
    spelling_options,
)
from groundeval.registry import load_plugins, loaded_plugins

Work = TypeVar("Work")
Result = TypeVar("Result")

ACTORS_WITHOUT_GPU = 2
MOST_DEATHS = 3
"""Actors that may die on one piece of work, or one after the other before they have loaded their engine."""
POLL_SECONDS = 0.2


class Worker(Protocol):
    """What an actor runs: an engine, loaded once."""

    def load(self) -> None:
        """Load the engine. Raises GroundevalError."""

    def work(self, piece: Any) -> Any:
        """The result of one piece of work."""


class ActorPool(Generic[Work, Result]):
    """Actors that share pieces of work: each takes the next as soon as it has finished one.

    An actor that dies is replaced, and its piece of work goes to another.
    """

    def __init__(self, options: ClusterOptions, *, name: str, uses_gpu: bool) -> None:
        self.name = name
        self.options = options
        self.actors = 0
        """Number of actors, once they are started."""
        self.lost = 0
        """Actors that have died so far."""
        self.repeated = 0
        """Pieces of work that were given out again because their actor died."""
        self._uses_gpu = uses_gpu
        self._ray: Any = None
        self._new: Callable[[], Any] = lambda: None
        self._idle: deque[Any] = deque()
        self._busy: dict[Any, _Task[Work]] = {}
        self._deaths_while_loading = 0

    def check(self) -> None:
        """Check that Ray is installed and the cluster answers. Raises UsageError and BackendError."""
        check_cluster(self.options)

    def start(self, make: Callable[[], Worker]) -> None:
        """Start the actors and wait until one has loaded its engine; a second call does nothing.

        `make` is pickled, and called in each actor, to which this process's plugin files are known. Raises what loading
        raises, UsageError if the cluster has no room, BackendError if actors keep dying.
        """
        if self._ray is not None:
            return
        self._ray = connected(self.options)
        cpus, gpus = self.options.cpus, self._gpus()
        self.actors = self._count(cpus, gpus)
        kind = self._ray.remote(num_cpus=cpus, num_gpus=gpus, max_restarts=0, max_task_retries=0)(_Actor)
        made, plugins = _dumped((spelling(), make)), loaded_plugins()
        self._new = lambda: kind.remote(plugins, made)
        try:
            for _ in range(self.actors):
                self._begin()
            while not self._idle:
                for _ in self._finished():
                    pass
        except BaseException:
            self.close()
            raise

    def map(self, pieces: Iterable[Work]) -> Iterator[tuple[Work, Result | Exception]]:
        """The result of each piece of work, or the error that it raised, as they finish.

        Pieces are taken from `pieces` only when an actor is free. Raises BackendError when `MOST_DEATHS` actors have
        died on one piece.
        """
        todo: Iterator[_Task[Work]] = map(_Task, pieces)
        again: deque[_Task[Work]] = deque()
        mine: set[_Task[Work]] = set()
        while True:
            while self._idle and (task := again.popleft() if again else next(todo, None)):
                mine.add(task)
                self._give(task)
            if not mine:
                return
            for task, result in self._finished():
                if task not in mine:
                    # Of an earlier call that was given up.
                    continue
                if not isinstance(result, _Died):
                    mine.remove(task)
                    yield task.piece, result
                    continue
                task.deaths += 1
                if task.deaths >= MOST_DEATHS:
                    raise BackendError(f"{self.name}: {task.deaths} actors died on the same batch: {result}")
                self.repeated += 1
                again.append(task)

    def close(self) -> None:
        """End the actors; `start` starts others."""
        if self._ray is not None and self._ray.is_initialized():
            for actor in [*self._idle, *(task.actor for task in self._busy.values())]:
                self._ray.kill(actor)
        self._ray = None
        self._idle.clear()
        self._busy.clear()

    def _begin(self) -> None:
        actor = self._new()
        self._busy[actor.load.remote()] = _Task(is_work=False, actor=actor)

    def _give(self, task: _Task[Work]) -> None:
        task.actor = self._idle.popleft()
        self._busy[task.actor.work.remote(task.piece)] = task

    def _finished(self) -> Iterator[tuple[_Task[Work], Result | Exception]]:
        """The pieces of work that end within a moment; loaded engines join those that are idle."""
        done, _ = self._ray.wait(list(self._busy), timeout=POLL_SECONDS)
        for reference in done:
            task = self._busy.pop(reference)
            result = self._result(reference)
            if isinstance(result, _Died):
                self._lose(task, result)
            elif not task.is_work and isinstance(result, Exception):
                raise result
            else:
                self._deaths_while_loading = 0
                self._idle.append(task.actor)
            if task.is_work:
                yield task, result

    def _result(self, reference: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference)
        except errors.RayTaskError as error:
            return BackendError(f"{self.name}: an actor failed: {error.cause!r}")
        except errors.RayError as error:
            return _Died(_reason(error))

    def _lose(self, task: _Task[Work], died: _Died) -> None:
        self.lost += 1
        self._ray.kill(task.actor)
        if not task.is_work:
            self._deaths_while_loading += 1
            if self._deaths_while_loading >= MOST_DEATHS:
                raise BackendError(f"{self.name}: {MOST_DEATHS} actors died while loading: {died}")
        repeated = "its batch is repeated, and " if task.is_work else ""
        say(f"{self.name}: an actor died ({died}); {repeated}another takes its place.")
        self._begin()

    def _gpus(self) -> float:
        if self.options.gpus is not None:
            return self.options.gpus
        return 1 if self._uses_gpu and self._ray.cluster_resources().get("GPU", 0) >= 1 else 0

    def _count(self, cpus: float, gpus: float) -> int:
        """Number of actors: as asked for, or as fits. Raises UsageError if the cluster can never hold them."""
        has = self._ray.cluster_resources()
        room = has.get("CPU", 0) / cpus
        if gpus:
            room = min(room, has.get("GPU", 0) / gpus)
        wanted = self.options.actors or (max(1, int(room)) if gpus else min(ACTORS_WITHOUT_GPU, max(1, int(room))))
        if wanted > room:
            raise UsageError(
                f"{option('ray', actors=wanted, cpus=cpus, gpus=gpus)}: the cluster has {has.get('CPU', 0):g} CPUs and "
                f"{has.get('GPU', 0):g} GPUs, room for {int(room)} such actors"
            )
        return wanted


@dataclass(eq=False)
class _Task(Generic[Work]):
    """What an actor is at: a piece of work, or loading its engine."""

    piece: Any = None
    is_work: bool = True
    actor: Any = None
    deaths: int = 0


class _Died(Exception):
    """The actor is gone, for a reason in a few words."""


class _Actor:
    """What runs in an actor's process."""

    def __init__(self, plugins: list[str], make: bytes) -> None:
        load_plugins(plugins)
        self._spelling, made = pickle.loads(make)
        self._worker = made()

    def load(self) -> Exception | None:
        """Load the engine; its error is a result, so that it comes back as it is."""
        try:
            with spelling_options(self._spelling):
                self._worker.load()
        except GroundevalError as error:
            return portable(error)
        return None

    def work(self, piece: Any) -> Any:
        """The result of a piece of work, or its error."""
        try:
            with spelling_options(self._spelling):
                return self._worker.work(piece)
        except GroundevalError as error:
            return portable(error)


def _dumped(make: object) -> bytes:
    """Pickled with what a script or a notebook has defined."""
    from ray import cloudpickle

    dumped: bytes = cloudpickle.dumps(make)
    return dumped


def portable(error: GroundevalError) -> GroundevalError:
    """An error of the same meaning that survives pickling, whatever arguments its own class takes."""
    kind = next((kind for kind in (UsageError, DataError, SampleError) if isinstance(error, kind)), BackendError)
    return kind(str(error))


_DETAIL = re.compile(r"exit detail: (.{1,160}?\.)(?:\s|$)")


def _reason(error: BaseException) -> str:
    """What Ray's account of a death says of its cause: how the process ended, else the end of the account."""
    text = " ".join(str(error).split())
    if found := _DETAIL.search(text):
        return found[1].rstrip(".")
    return text if len(text) <= 160 else "..." + text[-160:]
