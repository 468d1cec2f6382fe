"""What the HTTP servers share: refusals, bodies with a limit, bearer tokens, addresses, stopping cleanly.

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
from collections.abc import Iterator
from typing import Any

from groundeval.errors import MissingExtra, UsageError

try:
    import uvicorn
    from fastapi import FastAPI, Request, Response
except ImportError as error:
    raise MissingExtra("A server", "server") from error

__all__ = [
    "MAX_BYTES",
    "FastAPI",
    "Refusal",
    "Request",
    "Response",
    "address",
    "authorize",
    "json_answer",
    "listen",
    "make_server",
    "read_body",
    "run_server",
]

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


def authorize(request: Request, token: str | None) -> None:
    """Raises Refusal for a request without the token, where one is asked for."""
    if token is None:
        return
    given = request.headers.get("Authorization", "").encode("latin-1")
    if not hmac.compare_digest(given, f"Bearer {token}".encode()):
        raise Refusal(401, "a bearer token is needed, or another one", {"WWW-Authenticate": "Bearer"})


async def read_body(request: Request, most: int) -> bytes:
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


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; `port` 0 takes a free one. Raises UsageError for an address that cannot be taken."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"--host {host} --port {port}: cannot listen there: {error}\n"
            "  Is another server running on this port? Choose another --port; 0 takes a free one."
        ) from error


def make_server(app: FastAPI) -> uvicorn.Server:
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


def address(host: str, listening: socket.socket) -> str:
    """The address that a socket listens on, as clients write it."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"


def run_server(server: uvicorn.Server, listening: socket.socket) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    with _signals_left_to_the_server():
        server.run(sockets=[listening])


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
