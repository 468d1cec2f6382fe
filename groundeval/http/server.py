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
"""Share of a client's announced time-out after which it is told to retry."""


class Frame(FastAPI):
    """A server's application. It answers `/health` and `/metrics`; subclasses supply their content and further routes.

    `token`: what clients must send as `Authorization: Bearer TOKEN`, except to `/health`. `max_bytes`: of one request.
    `allowed_hosts`: names accepted in `Host` over the loopback address, besides the loopback names.
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
        """Total duration of the requests with status 200."""
        self.add_exception_handler(Refusal, self._refuse)
        self.add_middleware(
            Guard, allowed_hosts=allowed_hosts, headers={"Cache-Control": "no-store"}, refused=self._count
        )
        self.get("/health")(self._health)
        self.get("/metrics")(self._metrics)

    def health(self) -> Json:
        """The response of `/health` while the server is ready."""
        raise NotImplementedError

    def metrics(self) -> list[Metric]:
        """The metrics that `/metrics` shows."""
        raise NotImplementedError

    def demand(self) -> None:
        """Raises Refusal while the server is not ready."""

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Context that lasts from the start until the server is asked to stop; requests in flight outlast it."""
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
        """Raises Refusal (401) for a request without the token, if the server has one."""
        if self._token is None:
            return
        given = request.headers.get("Authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            raise Refusal(401, "the bearer token is missing or wrong", {"WWW-Authenticate": "Bearer"})

    async def served(self, request: Request, answer: Callable[[bytes], Awaitable[Response]]) -> Response:
        """The response to a POST request: `answer` makes it from the body. Raises Refusal.

        When a client disconnects, its work is cancelled. A client that announces a time-out (`Prefer: wait=SECONDS`)
        is told to retry before the time is over.
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
        """Run a coroutine beside the server's event loop, which keeps answering; returns or raises what it does."""

        async def run() -> T:
            return await work()

        return await self._aside.run(run)

    def run(self, host: str, port: int, on_listening: Callable[[str], None]) -> None:
        """Serve until SIGTERM or Ctrl-C, then finish the requests in flight.

        `port` 0 takes a free port; `on_listening` is called with the URL. Raises UsageError for an address that cannot
        be used.
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
    """The result of an awaitable. Raises Refusal if the client disconnects first (499), or would time out (429)."""
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
            raise Refusal(CLIENT_GONE, "the client has disconnected")
        raise Refusal(429, f"not ready within {bears:g} s; work that has begun continues", later(1))
    finally:
        for each in (work, gone):
            each.cancel()


async def _disconnected(request: Request) -> None:
    """Return when the client has disconnected."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def patience_of(request: Request) -> float | None:
    """A client's time-out in seconds, from its header `Prefer: wait=SECONDS`; None without one."""
    found = re.search(r"(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])", request.headers.get("Prefer", ""))
    return max(1.0, float(found[1])) if found else None


def counter(name: str, says: str, value: float) -> Metric:
    """A count as a metric, its name ending in `_total`."""
    return CounterMetricFamily(f"groundeval_{name}", says, value=value)


def gauge(name: str, says: str, value: float) -> Metric:
    """A number that can go up and down, as a metric."""
    return GaugeMetricFamily(f"groundeval_{name}", says, value=value)


def _exposition(metrics: Iterable[Metric]) -> bytes:
    """Metrics in Prometheus' text format."""

    class Given(Collector):
        def collect(self) -> Iterable[Metric]:
            return metrics

    return generate_latest(Given())
