"""The NLI service over HTTP: one model for any number of clients, each pair judged once for all of them.

    POST /verdicts  {"pairs": [[premise, hypothesis], ...]}
                 -> {"model": ID, "verdicts": [{"entailed", "score", "rechecked"} | {"error": "..."}, ...]}
    GET  /identity  what determines the verdicts, and its ID
    GET  /health    whether the model is loaded
    GET  /metrics   counts, in Prometheus' text format

The pairs of all requests share the queue of one `NLI`, which forms the batches; nothing is batched here. This module
imports fastapi and uvicorn (the `server` extra): import it only to serve.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import AsyncIterator, Callable, Collection
from hashlib import sha256
from itertools import chain
from typing import Any, ClassVar

from groundeval.errors import BackendError, GroundevalError, SampleError
from groundeval.http.admission import Admission
from groundeval.http.server import (
    MAX_BYTES,
    Body,
    CounterMetricFamily,
    Frame,
    GaugeMetricFamily,
    Json,
    Limits,
    Metric,
    Refusal,
    Request,
    Response,
    SummaryMetricFamily,
    Text,
    counter,
    demand_short,
    gauge,
    json_answer,
    later,
    parse,
    patience_of,
)
from groundeval.nli.service import NLI
from groundeval.records import Pair, Verdict

MAX_WAITING = 32_768
MAX_PAIRS = 4_096
LOADING_SECONDS = 2


class Served:
    """The served model. It is loaded in a thread of its own; until then the server answers that it is loading."""

    def __init__(self, nli: NLI, on_failure: Callable[[], None]) -> None:
        self.nli = nli
        self.identity: dict[str, Any] = {}
        self.id = ""
        self.ready = False
        self.closing = False
        self.failure: Exception | None = None
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start loading, once."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._load, name="nli-load", daemon=True)
                self._thread.start()

    def _load(self) -> None:
        try:
            self.nli.load()
            self.identity = self.nli.identity()
            canonical = json.dumps(self.identity, sort_keys=True)
            self.id = sha256(canonical.encode()).hexdigest()[:16]
            self.ready = True
        except Exception as failure:
            self.failure = failure
            self._on_failure()

    def close(self) -> None:
        """Close the service at the end. Raises what loading the model raised."""
        if self.failure is not None:
            raise _as_ours(self.failure)
        if self.ready:
            self.nli.close()

    def demand(self) -> None:
        """Raises Refusal (500, 503) while the model is not ready."""
        self.begin()
        if self.failure is not None:
            raise Refusal(500, f"the model cannot be loaded: {self.failure}", state="failed")
        if not self.ready:
            raise Refusal(503, "the model is being loaded", later(LOADING_SECONDS), state="loading")
        if self.closing or self.nli.closed:
            raise Refusal(503, "the server is shutting down", later(LOADING_SECONDS), state="closing")


class Pairs(Body):
    """The request for verdicts."""

    form: ClassVar[str] = '{"pairs": [[premise, hypothesis], ...]}'
    pairs: list[tuple[Text, Text]]


class ModelServer(Frame):
    """A server that needs an NLI model, which is loaded while the server already answers (None: ready at once)."""

    def __init__(self, title: str, nli: NLI | None, token: str | None, max_bytes: int, **options: Any) -> None:
        super().__init__(title, token, max_bytes, **options)
        self.verifier = None if nli is None else Served(nli, self.stop)

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Load the model at the start; refuse new requests at the end."""
        if self.verifier is not None:
            self.verifier.begin()
        yield
        if self.verifier is not None:
            self.verifier.closing = True

    def demand(self) -> None:
        """Raises Refusal (500, 503) while the model is not ready."""
        if self.verifier is not None:
            self.verifier.demand()

    def serve(self, host: str, port: int, on_listening: Callable[[str], None]) -> None:
        """As `run`; closes the NLI service at the end. Also raises what loading the model raised."""
        self.run(host, port, on_listening)
        if self.verifier is not None:
            self.verifier.close()

    def metrics(self) -> list[Metric]:
        """The counts of the NLI service and of the requests; empty without a model."""
        return [] if self.verifier is None else _metrics(self.verifier, self)


class VerdictServer(ModelServer):
    """Serves verdicts; the model is loaded at start-up, or by the first request.

    `max_waiting`: pairs that may wait for the model. Requests beyond that, or that would wait too long, get 429 with
    `Retry-After`. `max_pairs`, `max_bytes`: of one request. `allowed_hosts`, `limits`: as for `Frame`.
    """

    verifier: Served

    def __init__(
        self,
        nli: NLI,
        *,
        token: str | None = None,
        max_waiting: int = MAX_WAITING,
        max_pairs: int = MAX_PAIRS,
        max_bytes: int = MAX_BYTES,
        allowed_hosts: Collection[str] = (),
        limits: Limits | None = None,
    ) -> None:
        super().__init__("groundeval NLI", nli, token, max_bytes, allowed_hosts=allowed_hosts, limits=limits)
        self.nli = nli
        self._queue = Admission(max_waiting, "pairs")
        self._max_pairs = max_pairs
        self.post("/verdicts")(self._verdicts)
        self.get("/identity")(self._identity)

    async def _verdicts(self, request: Request) -> Response:
        return await self.served(request, lambda body: self._judged(body, patience_of(request)))

    async def _judged(self, body: bytes, bears: float | None) -> Response:
        pairs = await self.aside(lambda: self._pairs(body))
        with self._queue.admit(len(pairs), bears):
            return await self.aside(lambda: self._answer(pairs))

    async def _pairs(self, body: bytes) -> list[Pair]:
        pairs = [Pair(*each) for each in parse(body, Pairs, self._max_pairs).pairs]
        demand_short(chain.from_iterable(pairs))
        return pairs

    async def _answer(self, pairs: list[Pair]) -> Response:
        outcomes = await self.nli.async_outcomes(pairs)
        if self.nli.closed:
            self.demand()
        return json_answer({"model": self.verifier.id, "verdicts": [_entry(outcome) for outcome in outcomes]})

    async def _identity(self, request: Request) -> Response:
        self.authorize(request)
        self.demand()
        return json_answer({"model": self.verifier.id, "identity": self.verifier.identity})

    def health(self) -> Json:
        """The model, and how much it has judged."""
        totals = self.nli.stats
        judged = totals.cached + totals.computed + totals.failed
        about = {"status": "ready", "model": self.verifier.id, "identity": self.verifier.identity}
        return {**about, "waiting": self.nli.waiting, "judged": judged}


def _metrics(served: Served, server: Frame) -> list[Metric]:
    """The counts of an NLI service and of its requests, as metrics."""
    nli, totals = served.nli, served.nli.stats
    requests = CounterMetricFamily("groundeval_nli_requests", "Requests for verdicts, by status code.", labels=["code"])
    for code, count in sorted(server.requests.items()):
        requests.add_metric([str(code)], count)
    labels = {key: str(served.identity[key]) for key in ("name", "revision", "dtype") if served.identity.get(key)}
    model = GaugeMetricFamily(
        "groundeval_nli_model_info", "The model that is served; absent while it is being loaded.", labels=list(labels)
    )
    if labels:
        model.add_metric(list(labels.values()), 1)
    return [
        counter("nli_pairs_asked", "Pairs asked for, repeated ones included.", totals.asked),
        counter("nli_pairs_unique", "Pairs that were not known in memory and not waiting already.", totals.unique),
        counter("nli_pairs_cached", "Unique pairs found in the cache on disk.", totals.cached),
        counter("nli_pairs_computed", "Unique pairs that the model judged.", totals.computed),
        counter("nli_pairs_rechecked", "Computed pairs that were scored a second time, alone.", totals.rechecked),
        counter("nli_pairs_failed", "Pairs that the model could not judge.", totals.failed),
        counter("nli_batches", "Batches that the model judged.", nli.batches),
        counter("nli_model_seconds", "Seconds that the model spent on batches.", nli.model_seconds),
        gauge("nli_pairs_waiting", "Pairs in the queue or with the model.", nli.waiting),
        requests,
        SummaryMetricFamily(
            "groundeval_nli_request_seconds",
            "Time from a request's arrival to its verdicts.",
            count_value=server.requests.get(200, 0),
            sum_value=server.seconds,
        ),
        model,
    ]


def _entry(outcome: Verdict | GroundevalError) -> dict[str, Any]:
    if isinstance(outcome, Verdict):
        return {"entailed": outcome.entailed, "score": outcome.score, "rechecked": outcome.rechecked}
    # `backend`: the model failed, not this pair. The client's run then stops instead of losing samples.
    return {"error": str(outcome), "backend": not isinstance(outcome, SampleError)}


def _as_ours(failure: Exception) -> GroundevalError:
    if isinstance(failure, GroundevalError):
        return failure
    error = BackendError(f"the model cannot be loaded: {failure!r}")
    error.__cause__ = failure
    return error
