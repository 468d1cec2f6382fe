"""Serves on an address until told to stop, then finishes the requests in flight."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import uvicorn

from groundeval.console.progress import say
from groundeval.errors import UsageError
from groundeval.http.connections import SPARE, App, LimitedConfig, Limits

GRACE_SECONDS = 60
"""After SIGTERM, requests in flight may take this many seconds."""
BACKLOG = 2_048
"""Connections that the operating system queues until they are accepted."""
ACCEPTED_AT_ONCE = 32
"""Connections accepted in one turn of the event loop. They are counted only in the next, so this bounds the excess."""
OTHER_FILES = 256
"""Open files reserved for everything other than connections."""
SWITCH_SECONDS = 0.0002
"""How long a computing thread may delay each step of the event loop."""
SAY_EVERY = 60.0
OUT_OF_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Server(uvicorn.Server):
    """uvicorn's server, without a log of its own."""

    @classmethod
    def of(cls, app: App, limits: Limits, grace: int = GRACE_SECONDS) -> Server:
        """The server of an application; `grace`: seconds that requests in flight may take once it is told to stop."""
        config = LimitedConfig(
            app,
            limits,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=ACCEPTED_AT_ONCE,
            timeout_graceful_shutdown=grace,
            lifespan="on",
        )
        return cls(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving, with a longer backlog than is accepted at once."""
        asyncio.get_running_loop().set_exception_handler(_Complaints())
        await super().startup(sockets)
        for each in sockets or ():
            each.listen(BACKLOG)

    def serve_on(self, listening: socket.socket) -> None:
        """Serve until SIGTERM, Ctrl-C or `should_exit`."""
        sys.setswitchinterval(SWITCH_SECONDS)
        with _signals_left_to_the_server():
            self.run(sockets=[listening])


class _Complaints:
    """The event loop's exception handler: as usual, but a shortage of open files is reported once a minute at most."""

    def __init__(self) -> None:
        self._said = -SAY_EVERY

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in OUT_OF_FILES):
            loop.default_exception_handler(context)
        elif time.monotonic() - self._said >= SAY_EVERY:
            self._said = time.monotonic()
            say(f"no further connections can be accepted for now: {error.strerror}")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; `port` 0 takes a free port. Raises UsageError for an address that cannot be used."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"--host {host} --port {port}: cannot listen there: {error}\n"
            "  Is another server running on this port? Choose another --port; 0 takes a free one."
        ) from error


def address_of(host: str, listening: socket.socket) -> str:
    """The URL of a socket that listens on a host."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"


def within_open_files(limits: Limits) -> Limits:
    """The limits, with no more connections than the limit of open files allows.

    The process's limit of open files is raised first, as far as the system permits.
    """
    if sys.platform == "win32":
        return limits
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + SPARE + ACCEPTED_AT_ONCE * 3 + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return replace(limits, connections=max(8, min(limits.connections, soft - (wanted - limits.connections))))
    return limits


@contextlib.contextmanager
def _signals_left_to_the_server() -> Iterator[None]:
    """Ignore the signal that uvicorn raises again after it has stopped cleanly; it would kill the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
