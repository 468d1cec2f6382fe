"""The NLI service over HTTP: one model for any number of clients, each pair judged once for all of them.

    POST /verdicts  {"pairs": [[premise, hypothesis], ...]}
                 -> {"model": ID, "verdicts": [{"entailed", "score", "rechecked"} | {"error": "..."}, ...]}
    GET  /identity  what determines the verdicts, and the ID that stands for it
    GET  /health    is the model loaded
    GET  /metrics   counts, in Prometheus' text format

Pairs of all requests meet in the one queue of `NLI`, which forms the batches; nothing is batched here. This module
imports fastapi and uvicorn (the `server` extra): import it only to serve.
"""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from typing import Any

from groundeval.errors import BackendError, GroundevalError, SampleError, excerpt
from groundeval.http.prometheus import exposition
from groundeval.http.server import (
    MAX_BYTES,
    FastAPI,
    Refusal,
    Request,
    Response,
    address,
    authorize,
    json_answer,
    listen,
    make_server,
    read_body,
    run_server,
)
from groundeval.nli.service import NLI
from groundeval.records import Pair, Verdict

MAX_WAITING = 32_768
MAX_PAIRS = 4_096
LOADING_SECONDS = 2
LONGEST_RETRY_AFTER = 30


class Served:
    """The model that is served: loaded in a thread of its own, while the server already says that it is loading."""

    def __init__(self, nli: NLI) -> None:
        self.nli = nli
        self.identity: dict[str, Any] = {}
        self.id = ""
        self.ready = False
        self.closing = False
        self.failure: Exception | None = None
        self.on_failure: Callable[[], None] = lambda: None
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
            self.on_failure()

    def close(self) -> None:
        """At the end of serving: close the service, or raise what loading the model raised."""
        if self.failure is not None:
            raise _as_ours(self.failure)
        if self.ready:
            self.nli.close()

    def demand(self) -> None:
        """Raises Refusal while the model is not there to answer."""
        self.begin()
        if self.failure is not None:
            raise Refusal(500, f"the model cannot be loaded: {self.failure}", state="failed")
        if not self.ready:
            raise Refusal(503, "the model is being loaded", {"Retry-After": str(LOADING_SECONDS)}, state="loading")
        if self.closing or self.nli.closed:
            raise Refusal(503, "the server is shutting down", {"Retry-After": str(LOADING_SECONDS)}, state="closing")


def make_app(
    nli: NLI,
    *,
    token: str | None = None,
    max_waiting: int = MAX_WAITING,
    max_pairs: int = MAX_PAIRS,
    max_bytes: int = MAX_BYTES,
) -> FastAPI:
    """The server as an ASGI application; the model begins to load at the first request, or at start-up.

    `token`: what clients must send as `Authorization: Bearer TOKEN` (all but /health). `max_waiting`: pairs that may
    wait for the model; requests beyond it get 429 with `Retry-After`. `max_pairs`, `max_bytes`: of one request.
    """
    return _app(Served(nli), token, max_waiting, max_pairs, max_bytes)


def _app(served: Served, token: str | None, max_waiting: int, max_pairs: int, max_bytes: int) -> FastAPI:
    nli = served.nli
    requests: Counter[int] = Counter()
    seconds = 0.0

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        served.begin()
        yield
        served.closing = True

    app = FastAPI(title="groundeval NLI", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

    @app.exception_handler(Refusal)
    async def refuse(request: Request, refusal: Refusal) -> Response:
        if request.url.path == "/verdicts":
            requests[refusal.status] += 1
        return json_answer(refusal.body, refusal.status, refusal.headers)

    @app.post("/verdicts")
    async def verdicts(request: Request) -> Response:
        nonlocal seconds
        begun = time.monotonic()
        authorize(request, token)
        served.demand()
        pairs = read_pairs(await read_body(request, max_bytes), max_pairs)
        waiting = nli.waiting
        # A request on its own is never refused, whatever its size: nothing would ever make room for it.
        if waiting and waiting + len(pairs) > max_waiting:
            raise Refusal(429, f"{waiting} pairs are waiting", {"Retry-After": str(_retry_after(nli, len(pairs)))})
        outcomes = await nli.async_outcomes(pairs)
        if nli.closed:
            served.demand()
        requests[200] += 1
        seconds += time.monotonic() - begun
        return json_answer({"model": served.id, "verdicts": [_entry(outcome) for outcome in outcomes]})

    @app.get("/identity")
    async def identity(request: Request) -> Response:
        authorize(request, token)
        served.demand()
        return json_answer({"model": served.id, "identity": served.identity})

    @app.get("/health")
    async def health() -> Response:
        served.demand()
        totals = nli.stats
        judged = totals.cached + totals.computed + totals.failed
        body = {"status": "ready", "model": served.id, "identity": served.identity}
        return json_answer({**body, "waiting": nli.waiting, "judged": judged})

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        authorize(request, token)
        return Response(
            exposition(nli, served.identity, requests, seconds), media_type="text/plain; version=0.0.4; charset=utf-8"
        )

    return app


def read_pairs(body: bytes, most: int) -> list[Pair]:
    """The pairs of a request. Raises Refusal, which names what is wrong and where."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {error}") from None
    pairs = found.get("pairs") if isinstance(found, dict) else None
    if not isinstance(pairs, list):
        raise Refusal(400, 'the body must be {"pairs": [[premise, hypothesis], ...]}')
    if len(pairs) > most:
        raise Refusal(413, f"{len(pairs)} pairs; a request may hold {most}")
    for index, pair in enumerate(pairs):
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], str)):
            raise Refusal(400, f"pairs[{index}] must be [premise, hypothesis], two texts; it is {excerpt(pair)}")
    return [Pair(premise, hypothesis) for premise, hypothesis in pairs]


def _retry_after(nli: NLI, pairs: int) -> int:
    """Seconds until there will be room for so many pairs, at the model's speed so far."""
    per_pair = nli.model_seconds / max(1, nli.stats.computed)
    return max(1, min(LONGEST_RETRY_AFTER, math.ceil(pairs * per_pair)))


def _entry(outcome: Verdict | GroundevalError) -> dict[str, Any]:
    if isinstance(outcome, Verdict):
        return {"entailed": outcome.entailed, "score": outcome.score, "rechecked": outcome.rechecked}
    # `backend`: not this pair is at fault but the model, so that the client's run stops instead of losing samples.
    return {"error": str(outcome), "backend": not isinstance(outcome, SampleError)}


def serve(
    nli: NLI,
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    token: str | None = None,
    max_waiting: int = MAX_WAITING,
    on_listening: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; what is in flight is finished then. Closes the NLI service at the end.

    `port` 0 takes a free one; `on_listening` is told the address. Raises UsageError for an address that cannot be
    taken, and what loading the model raised.
    """
    served = Served(nli)
    listening = listen(host, port)
    server = make_server(_app(served, token, max_waiting, MAX_PAIRS, MAX_BYTES))

    def stop() -> None:
        server.should_exit = True

    served.on_failure = stop
    on_listening(address(host, listening))
    run_server(server, listening)
    served.close()


def _as_ours(failure: Exception) -> GroundevalError:
    if isinstance(failure, GroundevalError):
        return failure
    error = BackendError(f"the model cannot be loaded: {failure!r}")
    error.__cause__ = failure
    return error
