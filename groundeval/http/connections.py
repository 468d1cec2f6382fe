"""Connections that cannot block a server: each has a deadline for its next step, and their number is limited.

uvicorn limits the time between requests. Here the other states get deadlines too: no request yet, an incomplete head,
an incomplete body, a response that the client does not read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from groundeval.http.answers import Refusal, later

SPARE = 64
"""Connections accepted beyond the limit: `/health` is answered on them, other requests get 503."""
BUSY_SECONDS = 2
OPEN_PATHS = ("/health",)

App = Callable[[Any, Any, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Deadlines of a connection, in seconds, and limits on what all connections together may take."""

    connections: int = 4_096
    head: float = 10.0
    """From the first byte of a request (on a new connection: from the start) to the end of its head."""
    body: float = 60.0
    """From the end of the head to the end of the body."""
    idle: int = 75
    """Between a response and the next request."""
    unread: float = 60.0
    """How long a client may leave a response unread."""
    held: int = 256 * 1024 * 1024
    """Bytes of the bodies of all requests in service; a request beyond that gets 429."""


class Room:
    """The connections of a server, and which of them is closed when there are too many."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.all: dict[Connection, None] = {}
        self.silent: dict[Connection, None] = {}
        """Those that have not sent a complete head yet, the oldest first."""
        self.idle: dict[Connection, None] = {}
        """Those without a request in service, the longest unused first."""

    def enter(self, connection: Connection) -> None:
        """Add a new connection. Beyond the limit an unused one is closed for it; if all are in use, it gets a spare
        place, and is closed itself when those are taken too.
        """
        self.all[connection] = None
        if len(self.all) > self.most:
            out = next(iter(self.silent or self.idle), None)
            if out is not None:
                out.drop()
            elif len(self.all) > self.most + SPARE:
                connection.drop()
            else:
                connection.app = _only_open_paths(connection.app)
        if connection in self.all:
            self.silent[connection] = None

    def note(self, connection: Connection, *, idle: bool) -> None:
        """Record whether a connection that has sent a complete head has a request in service."""
        self.silent.pop(connection, None)
        if not idle:
            self.idle.pop(connection, None)
        elif connection in self.all:
            self.idle.setdefault(connection)

    def leave(self, connection: Connection) -> None:
        """Forget a connection."""
        for some in (self.all, self.silent, self.idle):
            some.pop(connection, None)


class LimitedConfig(Config):
    """uvicorn's configuration, with the limits that `Connection` keeps to."""

    def __init__(self, app: App, limits: Limits, **options: Any) -> None:
        super().__init__(
            app,
            http=Connection,
            ws="none",
            timeout_keep_alive=limits.idle,
            # Malformed requests are the clients' fault; logging each of them could fill the disk.
            log_level="error",
            **options,
        )
        self.limits = limits
        self.room = Room(limits.connections)


class Connection(H11Protocol):
    """uvicorn's connection, with deadlines and a place in the server's `Room`."""

    config: LimitedConfig

    def __init__(self, config: LimitedConfig, *others: Any, **options: Any) -> None:
        super().__init__(config, *others, **options)
        self._stage: object = None
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        self.config.room.enter(self)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has disconnected, or was dropped."""
        self.config.room.leave(self)
        self._set_deadline(None)
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """The client has sent something."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """A request has been answered; the next may have arrived already."""
        super().on_response_complete()
        self._watch()

    def send_400_response(self, msg: str) -> None:
        """Refuse malformed bytes. The answer to a request that they are the body of can no longer be sent."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:  # that answer has begun
            self.transport.close()

    def pause_writing(self) -> None:
        """The client reads more slowly than responses are written."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(self.config.limits.unread, self.drop)

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    def drop(self) -> None:
        """Close the connection at once, discarding what is still to be sent."""
        self.config.room.leave(self)
        self._set_deadline(None)
        self.transport.abort()

    def _watch(self) -> None:
        """Set the deadline of the connection's state, if the state has changed."""
        stage, seconds = self._what_is_due()
        if stage != self._stage:
            self._stage = stage
            self._set_deadline(seconds)
        if self.cycle is not None:
            self.config.room.note(self, idle=stage[0] in ("idle", "head"))

    def _what_is_due(self) -> tuple[tuple[str, int], float | None]:
        """The connection's state and request, and the client's seconds for its next step (None: no limit)."""
        limits, cycle = self.config.limits, self.cycle
        if self.transport.is_closing():
            return ("closing", 0), limits.unread
        if cycle is None:
            return ("first head", 0), limits.head
        if self.conn.their_state is h11.SEND_BODY:
            return ("body", id(cycle)), limits.body
        if not cycle.response_complete:
            return ("answer", id(cycle)), None
        if self.conn.trailing_data[0]:
            return ("head", id(cycle)), limits.head
        return ("idle", id(cycle)), None  # uvicorn's own timer runs.

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None if seconds is None else self.loop.call_later(seconds, self.drop)


def _only_open_paths(app: App) -> App:
    """An application that answers health checks only, and refuses everything else with 503."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            headers = {**later(BUSY_SECONDS), "Connection": "close"}
            await Refusal(503, "too many connections", headers).answer()(scope, receive, send)
        else:
            await app(scope, receive, send)

    return answer
