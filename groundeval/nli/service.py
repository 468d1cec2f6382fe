"""The NLI service for metrics and rewards: callers submit one pair at a time, the model gets batches."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue
from types import TracebackType
from typing import Any

from groundeval.errors import GroundevalError
from groundeval.nli.engine import BatchOptions, Engine, VerdictStore
from groundeval.nli.handover import GroupSlot, LoopWaiter, Outcome, fresh
from groundeval.nli.model import NLIModel, Traits, identity_of, traits_of
from groundeval.nli.stats import NLIStats, Tally
from groundeval.records import Pair, Verdict


class NLI:
    """Judges pairs for any number of event loops, threads and synchronous callers at once.

    A pair is judged once: later and concurrent callers share the verdict. Cancelling one caller never cancels a pair
    that others wait for. `connect` makes a service from a spec; `NLI(model)` serves a model of your own.
    """

    def __init__(
        self, model: NLIModel, *, options: BatchOptions | None = None, store: VerdictStore | None = None
    ) -> None:
        engine = Engine(lambda: model, name=model.name, options=options, open_store=lambda model: store)
        self._set_up(engine, (NLI, (model,)), None, None)

    @classmethod
    def lazy(
        cls,
        open_model: Callable[[], NLIModel],
        *,
        name: str,
        recipe: tuple[Any, ...],
        code: str | None = None,
        options: BatchOptions | None = None,
        open_store: Callable[[NLIModel], VerdictStore | None] = lambda model: None,
    ) -> NLI:
        """A handle whose model is created when first needed, and again in a forked child.

        `recipe` is stored by pickling in place of the handle: a callable and its arguments that return it. `code`: the
        hash of the plugin that the model comes from.
        """
        handle = cls.__new__(cls)
        engine = Engine(open_model, name=name, options=options, open_store=open_store, reopen_after_fork=True)
        handle._set_up(engine, recipe, code, None)
        return handle

    def _set_up(self, engine: Engine, recipe: tuple[Any, ...], code: str | None, tally: Tally | None) -> None:
        self._engine = engine
        self._recipe = recipe
        self.code = code
        self._tally = tally

    def scope(self) -> NLI:
        """The same service with its own counts: pairs asked, cached and computed in one scoring run.

        Closing a scope closes nothing; the service that it was made from owns the model.
        """
        child = NLI.__new__(NLI)
        child._set_up(self._engine, self._recipe, self.code, Tally())
        return child

    @property
    def stats(self) -> NLIStats:
        """The counts so far, of this scope or of the whole service."""
        return self._engine.totals if self._tally is None else self._tally.stats

    @property
    def name(self) -> str:
        """The verifier's name in results."""
        return self._engine.name

    @property
    def model(self) -> NLIModel:
        """The verifier itself, created if necessary (its weights are loaded by `load`)."""
        return self._engine.model

    @property
    def revision(self) -> str | None:
        """The verifier's version."""
        return self.model.revision

    @property
    def traits(self) -> Traits:
        """The traits that the verifier declares."""
        return traits_of(self.model)

    @property
    def waiting(self) -> int:
        """Number of pairs that are queued or with the model, for back-pressure."""
        return self._engine.waiting

    def told(self) -> str:
        """Activity of the verifier, in a few words: loading its weights, or the number of verdicts given."""
        if self._engine.loading:
            return f"loading the verifier {self.name}"
        known = self.stats
        return "" if not known.computed else f"{known.computed:,} verdicts"

    @property
    def batches(self) -> int:
        """Number of batches that the model has judged; 0 for an instant verifier."""
        return self._engine.batches

    @property
    def model_seconds(self) -> float:
        """Seconds that the model has spent on its batches."""
        return self._engine.model_seconds

    def identity(self) -> dict[str, Any]:
        """Everything that determines the verdicts (name, revision, dtype, ...), as JSON values for a score manifest."""
        return identity_of(self.model, self.code)

    def check(self) -> None:
        """Check that the model can work (packages, files, server, labels) without loading weights.

        Raises UserError or BackendError.
        """
        self._engine.check()

    def load(self) -> None:
        """Load the model now, so that its errors show before anything expensive starts.

        Raises UserError (unknown model, missing extra) or BackendError (unreachable, does not fit).
        """
        self._engine.load()

    def submit(self, pair: Pair) -> concurrent.futures.Future[Verdict]:
        """Request a verdict from any thread. Cancelling the future does not affect other callers."""
        future: concurrent.futures.Future[Verdict] = concurrent.futures.Future()
        outcome = self._engine.ask(pair, self._tally, future)
        if isinstance(outcome, Verdict):
            future.set_result(outcome)
        elif outcome is not None:
            future.set_exception(fresh(outcome))
        return future

    async def verdict(self, premise: str, hypothesis: str) -> Verdict:
        """The verdict of one pair. Raises BackendError when the model cannot give one."""
        waiter: LoopWaiter | None = None
        if not self._engine.instant:
            loop = asyncio.get_running_loop()
            waiter = LoopWaiter(loop, loop.create_future())
        outcome = self._engine.ask(Pair(premise, hypothesis), self._tally, waiter)
        if isinstance(outcome, Verdict):
            return outcome
        if outcome is not None:
            raise fresh(outcome)
        assert waiter is not None
        return await waiter.future

    async def entails(self, premise: str, hypothesis: str) -> bool:
        """Whether the premise entails the hypothesis. Raises BackendError when the model cannot judge."""
        return (await self.verdict(premise, hypothesis)).entailed

    def judge(self, pairs: Iterable[Pair]) -> list[Verdict]:
        """Verdicts of many pairs, in order; blocks until all are done, so not for use in a coroutine.

        Raises the first failed pair's BackendError, after all others have been judged.
        """
        verdicts = []
        for outcome in self.outcomes(pairs):
            if not isinstance(outcome, Verdict):
                raise fresh(outcome)
            verdicts.append(outcome)
        return verdicts

    def outcomes(self, pairs: Iterable[Pair]) -> Sequence[Verdict | GroundevalError]:
        """As `judge`, but a failed pair has its error in place of a verdict."""
        mail: SimpleQueue[list[tuple[int, Outcome]]] = SimpleQueue()
        outcomes: list[Outcome | None] = [
            self._engine.ask(pair, self._tally, GroupSlot(mail, index)) for index, pair in enumerate(pairs)
        ]
        missing = sum(outcome is None for outcome in outcomes)
        while missing:
            arrived = mail.get()
            missing -= len(arrived)
            for index, outcome in arrived:
                outcomes[index] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    async def async_outcomes(self, pairs: Iterable[Pair]) -> list[Verdict | GroundevalError]:
        """As `outcomes`, for a coroutine: one wait for many pairs, cheaper than a `verdict` for each."""
        loop = asyncio.get_running_loop()
        waiters: dict[int, asyncio.Future[Verdict]] = {}
        outcomes: list[Outcome | None] = []
        for index, pair in enumerate(pairs):
            future: asyncio.Future[Verdict] = loop.create_future()
            outcomes.append(self._engine.ask(pair, self._tally, LoopWaiter(loop, future)))
            if outcomes[-1] is None:
                waiters[index] = future
        arrived = await asyncio.gather(*waiters.values(), return_exceptions=True)
        for index, outcome in zip(waiters, arrived, strict=True):
            if not isinstance(outcome, Verdict | GroundevalError):
                raise outcome
            outcomes[index] = outcome
        return [outcome for outcome in outcomes if outcome is not None]

    def flush(self) -> None:
        """Send the queue to the model at once: every caller is waiting, so no further pair will come."""
        self._engine.flush()

    def close(self) -> None:
        """Stop the thread and free the model. Pairs still waiting fail with BackendError."""
        if self._tally is None:
            self._engine.close()

    @property
    def closed(self) -> bool:
        """Whether the service is closed."""
        return self._engine.closed

    def __enter__(self) -> NLI:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return self._recipe

    def __repr__(self) -> str:
        return f"<NLI {self.name}: {', '.join(f'{count} {name}' for name, count in self.stats.as_dict().items())}>"
