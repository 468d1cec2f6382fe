"""NLI servers for tests: one in a thread, one as a process that can be killed, and one that misbehaves."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue
from typing import Any

import httpx

from groundeval.nli import NLI, Traits
from groundeval.nli.model import NLIOptions
from groundeval.nli.remote import Remote
from groundeval.records import Pair, Verdict

SLOW_PLUGIN = '''
import time
from groundeval.nli import Traits, register_nli
from groundeval.nli.verifiers.lexical import Lexical
from groundeval.nli.model import identity_of

class Slow(Lexical):
    """The lexical verifier's verdicts and identity, three pairs at a time, 25 ms each."""
    traits = Traits(kind="lexical", threshold=0.5, persistent=False)
    identity = lambda self: identity_of(Lexical())
    cost = lambda self, pair: 80_000
    def score(self, pairs):
        time.sleep(0.025 * len(pairs))
        return super().score(pairs)

@register_nli("slow-lexical")
def slow_lexical(options):
    return Slow()
'''


class Containment:
    """Entails iff the hypothesis is part of the premise; remembers its batches; can be slow, and held at a gate."""

    name = "containment"
    traits = Traits(persistent=False)

    def __init__(self, gate: threading.Event | None = None, seconds: float = 0.0, revision: str = "7") -> None:
        self.batches: list[list[Pair]] = []
        self.gate = gate
        self.seconds = seconds
        self.revision: str | None = revision

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        self.batches.append(list(pairs))
        if self.gate is not None:
            assert self.gate.wait(20)
        time.sleep(self.seconds)
        return [verdict(pair) for pair in pairs]

    @property
    def scored(self) -> list[Pair]:
        return [pair for batch in self.batches for pair in batch]


def verdict(pair: Pair) -> Verdict:
    """The verdict of `Containment`, with a score that needs all digits of a float."""
    return Verdict(pair.hypothesis in pair.premise, 1 / (3 + len(pair.premise)), len(pair.hypothesis) % 7 == 0)


def client(address: str, **options: Any) -> Remote:
    """A client that gives up soon."""
    return Remote(NLIOptions(model=address, **{"patience": 10.0, "timeout": 10.0, **options}))


@contextmanager
def serving(nli: NLI, port: int = 0, **options: Any) -> Iterator[str]:
    """A server in a thread, on a loopback port; the address."""
    import uvicorn

    from groundeval.nli.server import VerdictServer

    listening = socket.create_server(("127.0.0.1", port))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(VerdictServer(nli, **options), log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=lambda: server.run([listening]), daemon=True)
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@contextmanager
def ready(nli: NLI, **options: Any) -> Iterator[str]:
    """As `serving`, once the model is loaded."""
    with serving(nli, **options) as address:
        client(address).load()
        yield address


def ask(address: str, pairs: object, **arguments: Any) -> httpx.Response:
    """One request for verdicts."""
    return httpx.post(f"{address}/verdicts", content=json.dumps({"pairs": pairs}), timeout=20, **arguments)


class ServerProcess:
    """`groundeval serve-nli` as a process; `port` 0 takes a free one."""

    def __init__(self, *arguments: str, port: int = 0) -> None:
        command = [sys.executable, "-m", "groundeval", "serve-nli", "--port", str(port), *arguments]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ})
        assert self.process.stderr is not None
        self.said: list[str] = []
        self.address = ""
        for line in self.process.stderr:
            self.said.append(line)
            found = re.search(r"on (http://127\.0\.0\.1:(\d+))", line)
            if found:
                self.address, self.port = found[1], int(found[2])
                break
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self) -> None:
        assert self.process.stderr is not None
        self.said += self.process.stderr

    def judged(self) -> int:
        return int(httpx.get(f"{self.address}/health", timeout=10).json().get("judged", 0))

    def stop(self, number: int = signal.SIGKILL) -> int:
        """Send a signal and wait; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(30)


def until(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


def slow_plugin(folder: Path) -> Path:
    path = folder / "slow_lexical.py"
    path.write_text(SLOW_PLUGIN)
    return path


def http(body: object, status: str = "200 OK", length: int | None = None) -> bytes:
    """An HTTP answer; bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = len(content) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode() + content


IDENTITY = http({"model": "m", "identity": {"name": "hostile", "revision": None}})


class Hostile:
    """A server that answers /identity properly, and each request for verdicts with the next of some scripted bytes.

    The last answer is repeated for ever. An answer may be a callable that gets the socket.
    """

    def __init__(self, *answers: bytes | Callable[[socket.socket], None]) -> None:
        self._answers: Queue[bytes | Callable[[socket.socket], None]] = Queue()
        for answer in answers[:-1]:
            self._answers.put(answer)
        self._last = answers[-1]
        self.asked = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._closed = False

    def __enter__(self) -> Hostile:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        self._listening.close()

    def _serve(self) -> None:
        while not self._closed:
            try:
                line, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    def _answer(self, line: socket.socket) -> None:
        with line:
            line.settimeout(10)
            try:
                asked = self._read(line)
                if asked is None:
                    line.sendall(IDENTITY)
                    return
                self.asked += 1
                answer = self._last if self._answers.empty() else self._answers.get()
                if callable(answer):
                    answer(line)
                else:
                    line.sendall(answer)
            except OSError:
                return

    def _read(self, line: socket.socket) -> bytes | None:
        """Read a request; its body where it asks for verdicts."""
        got = b""
        while b"\r\n\r\n" not in got:
            got += line.recv(65536)
        head, _, body = got.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
        while length and len(body) < int(length[1]):
            body += line.recv(65536)
        return body if head.startswith(b"POST") else None


class Judging(Hostile):
    """A server that answers each request for verdicts with what a function makes of its pairs."""

    def __init__(self, answer: Callable[[socket.socket, list[list[str]]], bytes]) -> None:
        super().__init__(b"")
        self._answer_to = answer

    def _answer(self, line: socket.socket) -> None:
        with line, suppress(OSError):
            line.settimeout(10)
            asked = self._read(line)
            line.sendall(IDENTITY if asked is None else self._answer_to(line, json.loads(asked)["pairs"]))
