"""This process's connection to a Ray cluster: started silently when first needed, ended with the process."""

from __future__ import annotations

import atexit
import logging
import math
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from groundeval.cluster.options import ClusterOptions
from groundeval.console.progress import doing
from groundeval.errors import BackendError, UsageError, excerpt, option
from groundeval.extras import require
from groundeval.scratch import Scratch, temporary

PROBE_SECONDS, ANSWER_SECONDS = 5.0, 60.0
"""To wait for the address of a cluster to answer at all, and as a cluster."""
TRIES = 3
SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
"""Variables that Ray reads when it is imported, and that the processes which it starts inherit."""
SOCKETS = 107
"""Bytes that the name of a socket may have."""
SOCKET = "/session_2026-01-01_00-00-00_000000_4194304/sockets/plasma_store"
"""The longest that Ray makes below its folder."""
_LOCK = threading.RLock()
_session: _Session | None = None


class _Session:
    """A connection that this module has made, and what is to be undone at its end."""

    def __init__(self, address: str | None, scratch: Scratch | None) -> None:
        self.address = address
        self.scratch = scratch
        self.owner = os.getpid()


def check_cluster(options: ClusterOptions) -> None:
    """Check that Ray is installed, and that the cluster's address answers. Raises UsageError and BackendError."""
    require("ray", "Ray")
    if options.address is None or (_session is not None and _session.address == options.address):
        return
    host, _, port = options.address.removeprefix("ray://").rpartition(":")
    if host:
        try:
            socket.create_connection((host.strip("[]"), int(port)), PROBE_SECONDS).close()
        except OSError as error:
            raise _no_answer(options, error.strerror or str(error)) from None
    # In a process of its own: what answers may be no cluster, for which Ray waits long, and is loud meanwhile.
    probe = [sys.executable, "-c", f"import ray; ray.init({options.address!r}, log_to_driver=False)"]
    try:
        done = subprocess.run(probe, capture_output=True, text=True, errors="replace", timeout=ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        raise _no_answer(options, f"not within {ANSWER_SECONDS:g} s") from None
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if re.match(r"[\w.]*(Error|Exception): ", line)]
        raise _no_answer(options, excerpt(lines[-1] if lines else done.stderr.strip()[-200:], 300))


def connected(options: ClusterOptions, *, quiet: bool = True) -> Any:
    """The module `ray`, connected to the cluster of the options; a local one is started if they name none.

    A connection that the caller's program has made itself is used as it is, and never ended here. Raises UsageError if
    this process is connected to another cluster, BackendError if the cluster does not answer.
    """
    global _session
    check_cluster(options)
    with _LOCK:
        os.environ.update({name: value for name, value in SETTINGS.items() if name not in os.environ})
        if options.address is None and "ray" not in sys.modules and "RAY_AUTH_MODE" not in os.environ:
            # Its ports are open while it runs: it takes no work without the token. Read when Ray is imported.
            os.environ.update({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)})
        import ray

        if _session is not None and ray.is_initialized():
            if _session.address != options.address:
                raise UsageError(
                    f"{option('ray_address', options.address)}: this process works in the cluster "
                    f"{_session.address or 'that it has started'} already; it can be in one only"
                )
            return ray
        if ray.is_initialized():
            return ray
        with doing(
            "starting Ray" if options.address is None else f"connecting to Ray at {options.address}", quiet=quiet
        ):
            _session = _start(ray, options)
        # Ray prints each death of a worker on standard output, which is for results; the pool says it.
        ray._private.worker._worker_logs_enabled = False
        atexit.register(disconnect)
    return ray


def disconnect() -> None:
    """End this process's connection; a cluster that it has started ends with all its processes and files."""
    global _session
    with _LOCK:
        if _session is None or _session.owner != os.getpid():
            return
        import ray

        session, _session = _session, None
        ray.shutdown()
        if session.scratch is not None:
            session.scratch.close()


def _start(ray: Any, options: ClusterOptions) -> _Session:
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    silent = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if options.address is not None:
        try:
            with _own_signals():
                ray.init(address=options.address, **silent)
        except Exception as error:
            raise _no_answer(options, str(error).splitlines()[0] if str(error) else type(error).__name__) from error
        return _Session(options.address, None)
    return _started_here(ray, math.ceil((options.actors or 1) * options.cpus), silent)


def _started_here(ray: Any, cpus: int, silent: Mapping[str, Any]) -> _Session:
    """A cluster of this machine alone. Ray gives its processes half a minute, too little where others use the CPUs."""
    # Ray's own processes end when this one is killed; what they have written, the next start removes.
    scratch = temporary("ray", longest=SOCKETS - len(SOCKET))
    # At once: this process may be stopped while Ray starts.
    atexit.register(scratch.close)
    for left in reversed(range(TRIES)):
        try:
            with _own_signals():
                ray.init(
                    address="local",
                    include_dashboard=False,
                    num_cpus=max(os.cpu_count() or 1, cpus),
                    _temp_dir=str(scratch.path),
                    _node_ip_address="127.0.0.1",
                    **silent,
                )
            break
        except Exception as error:
            ray.shutdown()
            if not left:
                atexit.unregister(scratch.close)
                raise BackendError(f"Ray does not start: {error}\n  Its logs: {scratch.path}") from error
    return _Session(None, scratch)


def _no_answer(options: ClusterOptions, why: str) -> BackendError:
    return BackendError(
        f"{option('ray_address', options.address)}: no Ray cluster answers ({why}).\n"
        "  When one runs, the same command resumes."
    )


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep this process's handler of SIGTERM, which Ray replaces by one that exits at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
