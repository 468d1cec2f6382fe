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

import asyncio
import contextlib
import hmac
import json
import math
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from hashlib import sha256
from typing import Any

from groundeval.errors import BackendError, GroundevalError, MissingExtra, SampleError, UsageError, excerpt
from groundeval.nli.prometheus import exposition
from groundeval.nli.service import NLI
from groundeval.records import Pair, Verdict

try:
    import uvicorn
    from fastapi import FastAPI, Request, Response
except ImportError as error:
    raise MissingExtra("The NLI server", "server") from error

MAX_WAITING = 32_768
MAX_PAIRS = 4_096
MAX_BYTES = 32 * 1024 * 1024
UPLOAD_SECONDS = 60.0
DISCARD = 4
"""A request up to so many times too large is read to its end, so that its sender gets to read the refusal."""
GRACE_SECONDS = 60
"""After SIGTERM, requests in flight may take this long."""
LOADING_SECONDS = 2
LONGEST_RETRY_AFTER = 30


class Refusal(Exception):
    """A request that gets no verdicts, and why."""

    def __init__(
        self, status: int, message: str, headers: dict[str, str] | None = None, state: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {"error": message} if state is None else {"error": message, "status": state}


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

    def authorize(request: Request) -> None:
        if token is None:
            return
        given = request.headers.get("Authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            raise Refusal(401, "a bearer token is needed, or another one", {"WWW-Authenticate": "Bearer"})

    @app.exception_handler(Refusal)
    async def refuse(request: Request, refusal: Refusal) -> Response:
        if request.url.path == "/verdicts":
            requests[refusal.status] += 1
        return _json(refusal.body, refusal.status, refusal.headers)

    @app.post("/verdicts")
    async def verdicts(request: Request) -> Response:
        nonlocal seconds
        begun = time.monotonic()
        authorize(request)
        served.demand()
        pairs = read_pairs(await _body(request, max_bytes), max_pairs)
        waiting = nli.waiting
        # A request on its own is never refused, whatever its size: nothing would ever make room for it.
        if waiting and waiting + len(pairs) > max_waiting:
            raise Refusal(429, f"{waiting} pairs are waiting", {"Retry-After": str(_retry_after(nli, len(pairs)))})
        outcomes = await nli.async_outcomes(pairs)
        if nli.closed:
            served.demand()
        requests[200] += 1
        seconds += time.monotonic() - begun
        return _json({"model": served.id, "verdicts": [_entry(outcome) for outcome in outcomes]})

    @app.get("/identity")
    async def identity(request: Request) -> Response:
        authorize(request)
        served.demand()
        return _json({"model": served.id, "identity": served.identity})

    @app.get("/health")
    async def health() -> Response:
        served.demand()
        totals = nli.stats
        judged = totals.cached + totals.computed + totals.failed
        body = {"status": "ready", "model": served.id, "identity": served.identity}
        return _json({**body, "waiting": nli.waiting, "judged": judged})

    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        authorize(request)
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


async def _body(request: Request, most: int) -> bytes:
    """The body of a request. Raises Refusal for one that is too large or does not arrive."""

    async def read() -> bytes:
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size <= most:
                parts.append(part)
            elif size > DISCARD * most:
                break
        if size > most:
            raise Refusal(413, f"the body is longer than {most} bytes")
        return b"".join(parts)

    try:
        return await asyncio.wait_for(read(), UPLOAD_SECONDS)
    except asyncio.TimeoutError:
        raise Refusal(408, f"the body did not arrive within {UPLOAD_SECONDS:g} s") from None


def _retry_after(nli: NLI, pairs: int) -> int:
    """Seconds until there will be room for so many pairs, at the model's speed so far."""
    per_pair = nli.model_seconds / max(1, nli.stats.computed)
    return max(1, min(LONGEST_RETRY_AFTER, math.ceil(pairs * per_pair)))


def _entry(outcome: Verdict | GroundevalError) -> dict[str, Any]:
    if isinstance(outcome, Verdict):
        return {"entailed": outcome.entailed, "score": outcome.score, "rechecked": outcome.rechecked}
    # `backend`: not this pair is at fault but the model, so that the client's run stops instead of losing samples.
    return {"error": str(outcome), "backend": not isinstance(outcome, SampleError)}


def _json(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    # ASCII escapes carry lone surrogates, which UTF-8 cannot.
    return Response(json.dumps(body).encode("ascii"), status, headers, media_type="application/json")


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
    listening = _listen(host, port)
    config = uvicorn.Config(
        _app(served, token, max_waiting, MAX_PAIRS, MAX_BYTES),
        log_config=None,
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
    )
    server = uvicorn.Server(config)

    def stop() -> None:
        server.should_exit = True

    served.on_failure = stop
    bound, shown = listening.getsockname()[1], f"[{host}]" if ":" in host else host
    on_listening(f"http://{shown}:{bound}")
    with _signals_left_to_the_server():
        server.run(sockets=[listening])
    if served.failure is not None:
        raise _as_ours(served.failure)
    if served.ready:
        nli.close()


def _as_ours(failure: Exception) -> GroundevalError:
    if isinstance(failure, GroundevalError):
        return failure
    error = BackendError(f"the model cannot be loaded: {failure!r}")
    error.__cause__ = failure
    return error


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"--host {host} --port {port}: cannot listen there: {error}\n"
            "  Is another server running on this port? Choose another --port; 0 takes a free one."
        ) from error


@contextlib.contextmanager
def _signals_left_to_the_server() -> Iterator[None]:
    """uvicorn stops cleanly at a signal and then raises it again; that second time it shall not kill the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
