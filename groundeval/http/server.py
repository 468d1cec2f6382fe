"""The frame of an HTTP server: refusals, checked bodies, bearer tokens, metrics, addresses, stopping cleanly.

This module imports fastapi and uvicorn (the `server` extra): import it only to serve.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, PlainValidator, ValidationError
from pydantic_core import PydanticCustomError

from groundeval.errors import MissingExtra, UsageError, excerpt

try:
    import uvicorn
    from fastapi import FastAPI, Request, Response
    from prometheus_client import generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
    from prometheus_client.registry import Collector
except ImportError as error:
    raise MissingExtra("A server", "server") from error

__all__ = [
    "MAX_BYTES",
    "Body",
    "CounterMetricFamily",
    "FastAPI",
    "Frame",
    "GaugeMetricFamily",
    "Json",
    "Metric",
    "Refusal",
    "Request",
    "Response",
    "SummaryMetricFamily",
    "Text",
    "counter",
    "gauge",
    "json_answer",
]

Json = dict[str, Any]
MAX_BYTES = 32 * 1024 * 1024
UPLOAD_SECONDS = 60.0
DISCARD = 4
"""A request up to so many times too large is read to its end, so that its sender gets to read the refusal."""
GRACE_SECONDS = 60
"""After SIGTERM, requests in flight may take this long."""


class Refusal(Exception):
    """A request that is not served, and why."""

    def __init__(
        self, status: int, message: str, headers: dict[str, str] | None = None, state: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {"error": message} if state is None else {"error": message, "status": state}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("text", "must be a string")
    return value


Text = Annotated[str, PlainValidator(_text)]
"""Any string that JSON can hold: pydantic's own `str` takes no lone surrogates."""


class Body(BaseModel):
    """The body of a request; `form` shows it to whoever sends another."""

    form: ClassVar[str]


B = TypeVar("B", bound=Body)


class Frame(FastAPI):
    """A server's application, which answers `/health` and `/metrics`; a subclass says what, and adds its own routes.

    `token`: what clients must send as `Authorization: Bearer TOKEN` (all but /health). `max_bytes`: of one request.
    """

    def __init__(self, title: str, token: str | None, max_bytes: int) -> None:
        super().__init__(
            title=title, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lambda _: self.serving()
        )
        self._token = token
        self._max_bytes = max_bytes
        self._uvicorn: uvicorn.Server | None = None
        self.requests: Counter[int] = Counter()
        """Answered and refused POST requests by status code."""
        self.seconds = 0.0
        """What the requests with status 200 took together."""
        self.add_exception_handler(Refusal, self._refuse)
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

    async def _refuse(self, request: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, Refusal)
        if request.method == "POST":
            self.requests[refusal.status] += 1
        return json_answer(refusal.body, refusal.status, refusal.headers)

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

    async def object_of(self, request: Request) -> Json:
        """The JSON object that a request holds. Raises Refusal, which names what is wrong."""
        self.authorize(request)
        self.demand()
        try:
            found = json.loads(await _read_body(request, self._max_bytes))
        except (ValueError, RecursionError) as error:
            raise Refusal(400, f"the body is not JSON: {error}") from None
        if not isinstance(found, dict):
            raise Refusal(400, f"the body must be a JSON object, not {excerpt(found)}")
        return found

    async def body_of(self, request: Request, form: type[B]) -> B:
        """The body that a request holds. Raises Refusal, which names what is wrong and where."""
        try:
            return form.model_validate(await self.object_of(request))
        except ValidationError as error:
            raise Refusal(400, _fault(error, form)) from None

    def answered(self, begun: float) -> None:
        """Count a request that began at this time of the monotonic clock and was served."""
        self.requests[200] += 1
        self.seconds += time.monotonic() - begun

    def run(self, host: str, port: int, on_listening: Callable[[str], None]) -> None:
        """Serve until SIGTERM or Ctrl-C; what is in flight is finished then.

        `port` 0 takes a free one; `on_listening` is told the address. Raises UsageError for an address that cannot be
        taken.
        """
        listening = _listen(host, port)
        self._uvicorn = _make_server(self)
        on_listening(f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}")
        with _signals_left_to_the_server():
            self._uvicorn.run(sockets=[listening])

    def stop(self) -> None:
        """End `run`, from any thread."""
        if self._uvicorn is not None:
            self._uvicorn.should_exit = True


def _fault(error: ValidationError, form: type[Body]) -> str:
    """What is wrong with a body, and where."""
    first = error.errors(include_url=False)[0]
    where = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in first["loc"]).lstrip(".")
    if len(first["loc"]) < 2:
        return f"the body must be {form.form}"
    if first["type"] == "missing":
        return f"{where} is missing; the body must be {form.form}"
    what = "must be an object" if first["type"] == "model_type" else first["msg"].replace("Input should", "must")
    return f"{where} {what}; it is {excerpt(first['input'])}"


async def _read_body(request: Request, most: int) -> bytes:
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


def json_answer(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON object as an answer."""
    # ASCII escapes carry lone surrogates, which UTF-8 cannot.
    return Response(json.dumps(body).encode("ascii"), status, headers, media_type="application/json")


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens; `port` 0 takes a free one. Raises UsageError for an address that cannot be taken."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"--host {host} --port {port}: cannot listen there: {error}\n"
            "  Is another server running on this port? Choose another --port; 0 takes a free one."
        ) from error


def _make_server(app: FastAPI) -> uvicorn.Server:
    """The server of an application; it has no log of its own, and finishes what is in flight when it stops."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
    )
    return uvicorn.Server(config)


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
