"""`serve-nli --launch N`: several servers of one verifier, each a process with its own GPU, stopped together."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from groundeval.console.progress import say
from groundeval.errors import BackendError
from groundeval.http.listening import GRACE_SECONDS, address_of, listen

LOOK_SECONDS = 0.2
SETTLED_SECONDS = 30.0
"""A server that exits by itself sooner than this after its start is not restarted."""
PR_SET_PDEATHSIG = 1
VISIBLE = "CUDA_VISIBLE_DEVICES"


def launch(arguments: Sequence[str], count: int, host: str, port: int, gpus: Sequence[str]) -> None:
    """Run `count` processes of `groundeval ARGUMENTS` until SIGTERM or Ctrl-C, on ports from `port` on (0: free ones).

    Each process sees one of the `gpus`, in turn; without GPUs they share the CPU. A process that ends, for
    instance by a kill, is restarted on its port. Raises UsageError for a port that cannot be used, BackendError if a
    process exits soon after its start.
    """
    taken = [listen(host, port + index if port else 0) for index in range(count)]
    addresses = [address_of(host, each) for each in taken]
    servers = []
    for index, each in enumerate(taken):
        seen = {VISIBLE: gpus[index % len(gpus)]} if gpus else {}
        where = ["--host", host, "--port", str(each.getsockname()[1])]
        servers.append(_Child([sys.executable, "-m", "groundeval", *arguments, *where], seen, addresses[index]))
        each.close()
    stop = threading.Event()
    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        for server in servers:
            server.start()
        say(f"{count} servers are starting, and each says when it serves; clients: --nli {','.join(addresses)}")
        while not stop.wait(LOOK_SECONDS):
            for server in servers:
                server.look()
    finally:
        for server in servers:
            server.stop()
        for server in servers:
            server.wait()
        for number, handler in before.items():
            signal.signal(number, handler)
    say(f"all {count} servers stopped")


def visible_gpus() -> list[str]:
    """The GPUs available to this process, as CUDA_VISIBLE_DEVICES names them; empty without torch."""
    if importlib.util.find_spec("torch") is None:
        return []
    from groundeval.models.device import import_torch

    count = import_torch().cuda.device_count()
    named = [each.strip() for each in os.environ.get(VISIBLE, "").split(",") if each.strip()]
    return named[:count] if named else [str(index) for index in range(count)]


def _end_with_parent() -> None:
    """Let the kernel stop this process when its parent is killed; nothing else would."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class _Child:
    """One server, in a session of its own, so that Ctrl-C reaches it through its parent only."""

    def __init__(self, command: list[str], environment: dict[str, str], address: str) -> None:
        self._command, self._environment, self._address = command, environment, address
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0

    def start(self) -> None:
        self._started = time.monotonic()
        self._process = subprocess.Popen(self._command, env={**os.environ, **self._environment}, start_new_session=True)

    def look(self) -> None:
        """Restart the process if it has ended. Raises BackendError if it exited soon after its start."""
        code = None if self._process is None else self._process.poll()
        if code is None:
            return
        if code >= 0 and time.monotonic() - self._started < SETTLED_SECONDS:
            raise BackendError(f"the server on {self._address} ended with exit code {code}; it says why above")
        how = "exit code" if code >= 0 else "signal"
        say(f"the server on {self._address} ended with {how} {abs(code)}; restarting it")
        self.start()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(GRACE_SECONDS + 5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
