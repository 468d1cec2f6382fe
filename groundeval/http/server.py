"""The frame of an HTTP server: health and metrics, tokens, checked bodies, work beside the event loop.

This module imports fastapi and uvicorn (the `server` extra): import it only to serve.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from typing import TypeVar

from groundeval.errors import MissingExtra

try:
    import uvicorn  # noqa: F401
    from fastapi import FastAPI, Request, Response
    from prometheus_client import generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
    from prometheus_client.registry import Collector
except ImportError as error:
    raise MissingExtra("A server", "server") from error

from groundeval.http.access import Guard
from groundeval.http.answers import Json, Refusal, json_answer, later
from groundeval.http.aside import Aside
from groundeval.http.bodies import CLIENT_GONE, MAX_BYTES, Body, Reader, Text, demand_short, parse, parse_object
from groundeval.http.connections import Limits
from groundeval.http.listening import Server, address_of, listen, within_open_files

__all__ = [
    "MAX_BYTES",
    "Body",
    "CounterMetricFamily",
    "FastAPI",
    "Frame",
    "GaugeMetricFamily",
    "Json",
    "Limits",
    "Metric",
    "Refusal",
    "Request",
    "Response",
    "SummaryMetricFamily",
    "Text",
    "counter",
    "demand_short",
    "gauge",
    "json_answer",
    "later",
    "parse",
    "parse_object",
    "patience_of",
]

T = TypeVar("T")
IN_TIME = 0.9
"""Share of the time for which a client says that it waits after which it is told to come again."""


class Frame(FastAPI):
    """A server's application, which answers `/health` and `/metrics`; a subclass says what, and adds its own routes.

    `token`: what clients must send as `Authorization: Bearer TOKEN` (all but /health). `max_bytes`: of one request.
    `allowed_hosts`: names of the server besides those of the loopback address, for requests that come over that.
    """

    def __init__(
        self,
        title: str,
        token: str | None,
        max_bytes: int,
        *,
        allowed_hosts: Collection[str] = (),
        limits: Limits | None = None,
    ) -> None:
        super().__init__(
            title=title, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lambda _: self._lifespan()
        )
        self.limits = limits or Limits()
        self._token = token
        self._reader = Reader(max_bytes, self.limits.body, self.limits.held)
        self._aside = Aside(f"{title} work")
        self._server: Server | None = None
        self.requests: Counter[int] = Counter()
        """Answered and refused POST requests by status code."""
        self.seconds = 0.0
        """What the requests with status 200 took together."""
        self.add_exception_handler(Refusal, self._refuse)
        self.add_middleware(
            Guard, allowed_hosts=allowed_hosts, headers={"Cache-Control": "no-store"}, refused=self._count
        )
        self.get("/health")(self._health)
        self.get("/metrics")(self._metrics)

    def health(self) -> Json:
        """What `/health` answers while `demand` lets it."""
        raise NotImplementedError

    def metrics(self) -> list[Metric]:
        """What `/metrics` shows."""
        raise NotImplementedError

    def demand(self) -> None:
        """Raises Refusal while the server cannot answer."""

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Lasts from the start until the server is asked to stop; what is in flight is still answered then."""
        yield

    @contextlib.asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        async with self.serving():
            yield
        self._aside.close()

    async def _refuse(self, request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refusal)
        self._count(request.method, refusal.status)
        return refusal.answer()

    def _count(self, method: str, status: int) -> None:
        if method == "POST":
            self.requests[status] += 1

    async def _health(self) -> Response:
        self.demand()
        return json_answer(self.health())

    async def _metrics(self, request: Request) -> Response:
        self.authorize(request)
        return Response(_exposition(self.metrics()), media_type="text/plain; version=0.0.4; charset=utf-8")

    def authorize(self, request: Request) -> None:
        """Raises Refusal for a request without the token, where one is asked for."""
        if self._token is None:
            return
        given = request.headers.get("Authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            raise Refusal(401, "a bearer token is needed, or another one", {"WWW-Authenticate": "Bearer"})

    async def served(self, request: Request, answer: Callable[[bytes], Awaitable[Response]]) -> Response:
        """The answer to a POST request, made from its body. Raises Refusal.

        Work for a client that goes away is cancelled. A client that says how long it waits (`Prefer: wait=SECONDS`) is
        told to come again before that time is over.
        """
        begun = time.monotonic()
        self.authorize(request)
        self.demand()
        try:
            async with self._reader.body(request) as body:
                response = await _while_awaited(request, answer(body))
        except asyncio.CancelledError:
            raise Refusal(503, "the server has stopped", later(1)) from None
        self.requests[200] += 1
        self.seconds += time.monotonic() - begun
        return response

    async def aside(self, work: Callable[[], Awaitable[T]]) -> T:
        """What a coroutine returns that runs beside the server's event loop, which goes on answering meanwhile."""

        async def run() -> T:
            return await work()

        return await self._aside.run(run)

    def run(self, host: str, port: int, on_listening: Callable[[str], None]) -> None:
        """Serve until SIGTERM or Ctrl-C; what is in flight is finished then.

        `port` 0 takes a free one; `on_listening` is told the address. Raises UsageError for an address that cannot be
        taken.
        """
        listening = listen(host, port)
        self._server = Server.of(self, within_open_files(self.limits))
        on_listening(address_of(host, listening))
        self._server.serve_on(listening)

    def stop(self) -> None:
        """End `run`, from any thread."""
        if self._server is not None:
            self._server.should_exit = True


async def _while_awaited(request: Request, answer: Awaitable[T]) -> T:
    """What an answer becomes. Raises Refusal where the client goes away before, or would have waited too long."""
    bears = patience_of(request)
    work = asyncio.ensure_future(answer)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait(
            {work, gone}, timeout=None if bears is None else bears * IN_TIME, return_when=asyncio.FIRST_COMPLETED
        )
        if work.done():
            return work.result()
        if gone.done():
            raise Refusal(CLIENT_GONE, "the client has gone")
        raise Refusal(429, f"not ready within {bears:g} s; what has begun goes on", later(1))
    finally:
        for each in (work, gone):
            each.cancel()


async def _disconnected(request: Request) -> None:
    """Returns when the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def patience_of(request: Request) -> float | None:
    """The seconds that a client waits for an answer, as its header `Prefer: wait=SECONDS` says."""
    found = re.search(r"(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])", request.headers.get("Prefer", ""))
    return max(1.0, float(found[1])) if found else None


def counter(name: str, says: str, value: float) -> Metric:
    """A count as a metric, its name ending in `_total`."""
    return CounterMetricFamily(f"groundeval_{name}", says, value=value)


def gauge(name: str, says: str, value: float) -> Metric:
    """A number that goes up and down as a metric."""
    return GaugeMetricFamily(f"groundeval_{name}", says, value=value)


def _exposition(metrics: Iterable[Metric]) -> bytes:
    """Metrics in Prometheus' text format."""

    class Given(Collector):
        def collect(self) -> Iterable[Metric]:
            return metrics

    return generate_latest(Given())
