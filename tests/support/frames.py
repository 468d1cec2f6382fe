"""A server's frame in a thread, with the connections and limits that it has when a command serves it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Queue

from groundeval.http.server import Frame, Json, Metric, Request, Response, json_answer, parse_object


class Echo(Frame):
    """Answers POST /echo with the object that it gets, once `before` has returned beside the server's loop."""

    def __init__(
        self, before: Callable[[], object] = lambda: None, max_bytes: int = 100_000, **options: object
    ) -> None:
        super().__init__("echo", None, max_bytes, **options)  # type: ignore[arg-type]
        self.before = before
        self.post("/echo")(self._echo)

    async def _echo(self, request: Request) -> Response:
        async def answer(body: bytes) -> Response:
            async def work() -> Json:
                self.before()
                return parse_object(body)

            return json_answer(await self.aside(work))

        return await self.served(request, answer)

    def health(self) -> Json:
        return {"status": "ready"}

    def metrics(self) -> list[Metric]:
        return []


@contextmanager
def running(frame: Frame) -> Iterator[str]:
    """The frame's address while it runs."""
    told: Queue[str] = Queue()
    thread = threading.Thread(target=frame.run, args=("127.0.0.1", 0, told.put), daemon=True)
    thread.start()
    try:
        yield told.get(timeout=20)
    finally:
        frame.stop()
        thread.join(30)
        assert not thread.is_alive()


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def connect(address: str, sent: bytes = b"") -> socket.socket:
    """A connection on which some bytes were sent."""
    line = socket.create_connection(("127.0.0.1", port_of(address)), timeout=20)
    line.sendall(sent)
    return line


def answer_on(line: socket.socket) -> bytes:
    """The bytes received on a connection until it is closed; empty for one that is reset."""
    parts = []
    try:
        while part := line.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)
