"""This process's connection to a Ray cluster: started silently when first needed, ended with the process."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from groundeval.cluster.options import ClusterOptions
from groundeval.console.progress import doing
from groundeval.errors import BackendError, UsageError, option
from groundeval.extras import require

PROBE_SECONDS = 5.0
"""To wait for the address of a cluster to answer."""
_LOCK = threading.RLock()
_session: _Session | None = None


class _Session:
    """A connection that this module has made, and what is to be undone at its end."""

    def __init__(self, address: str | None, folder: str | None) -> None:
        self.address = address
        self.folder = folder
        self.owner = os.getpid()


def check_cluster(options: ClusterOptions) -> None:
    """Check that Ray is installed, and that the cluster's address answers. Raises UsageError and BackendError."""
    require("ray", "Ray")
    address = (options.address or "auto").removeprefix("ray://")
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), PROBE_SECONDS).close()
    except OSError as error:
        raise _no_answer(options, error.strerror or str(error)) from None


def connected(options: ClusterOptions, *, quiet: bool = True) -> Any:
    """The module `ray`, connected to the cluster of the options; a local one is started if they name none.

    A connection that the caller's program has made itself is used as it is, and never ended here. Raises UsageError if
    this process is connected to another cluster, BackendError if the cluster does not answer.
    """
    global _session
    check_cluster(options)
    with _LOCK:
        # Read when Ray is imported, and inherited by the processes that it starts.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
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
        if session.folder is not None:
            shutil.rmtree(session.folder, ignore_errors=True)


def _start(ray: Any, options: ClusterOptions) -> _Session:
    silent = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    if options.address is not None:
        try:
            with _own_signals():
                ray.init(address=options.address, **silent)
        except Exception as error:
            raise _no_answer(options, str(error).splitlines()[0] if str(error) else type(error).__name__) from error
        return _Session(options.address, None)
    # A short path: it holds sockets, whose paths have a limit.
    folder = tempfile.mkdtemp(prefix="groundeval-ray-")
    needed = (options.actors or 1) * options.cpus
    try:
        with _own_signals():
            ray.init(
                address="local",
                include_dashboard=False,
                num_cpus=max(os.cpu_count() or 1, round(needed + 0.5) if needed % 1 else int(needed)),
                _temp_dir=folder,
                _node_ip_address="127.0.0.1",
                **silent,
            )
    except Exception as error:
        raise BackendError(f"Ray does not start: {error}\n  Its logs: {folder}") from error
    return _Session(None, folder)


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
