"""Cost of serving: several clients of one served model against the same model in process.

The server is a separate process, as started by `groundeval serve-nli`; the clients are threads of this one, each with
its own connections. Every client submits a part of the pairs, and the parts overlap: a pair is submitted by several
clients and computed once.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from operator import eq
from statistics import median
from typing import Any

from groundeval.errors import BackendError
from groundeval.nli import NLI, NLIOptions, connect
from groundeval.nli.remote import Remote
from groundeval.records import Pair, Verdict

SHARE = 0.5
"""Share of all pairs that one client submits."""
TIMEOUT = 3_600.0
"""Seconds that a client waits for an answer; long, so that no pair is submitted twice on a slow machine."""


@dataclass(frozen=True, slots=True)
class ServedSpeed:
    """Rates in distinct pairs per second, from the first request to the last verdict."""

    clients: int
    pairs: int
    """Number of distinct pairs of all clients."""
    asked: int
    """Number of pairs submitted by all clients together."""
    computed: int
    """Number of pairs that the server's model judged; equal to `pairs` if none is judged twice."""
    in_process_pairs_per_second: float
    served_pairs_per_second: float
    ratio: float
    """Served rate divided by the in-process rate."""
    same_verdicts: float
    """Percentage of answers equal to the in-process verdict."""


def measure(
    model: str, pairs: Sequence[Pair], *, clients: int, options: Mapping[str, Any], repeats: int = 1
) -> ServedSpeed:
    """Judge the pairs both ways, `repeats` times in turn, without a cache; report the medians."""
    import torch

    unique = list(dict.fromkeys(pairs))
    options = {**options, "cache": False}
    parts = overlapping(unique, clients)
    direct_seconds, served_seconds = [], []
    expected: dict[Pair, bool] = {}
    answers: list[tuple[Pair, bool]] = []
    computed = 0
    for _ in range(repeats):
        with connect(model, **options) as nli:
            nli.load()
            begun = time.perf_counter()
            verdicts = nli.judge(unique)
            direct_seconds.append(time.perf_counter() - begun)
        expected = {pair: verdict.entailed for pair, verdict in zip(unique, verdicts, strict=True)}
        with _server(model, options, torch.get_num_threads()) as address:
            handles = [NLI(Remote(NLIOptions(model=address, timeout=TIMEOUT))) for _ in parts]
            for handle in handles:
                handle.load()
            begun = time.perf_counter()
            with ThreadPoolExecutor(len(parts)) as pool:
                found = list(pool.map(_judge, handles, parts))
            served_seconds.append(time.perf_counter() - begun)
            computed = _computed(address)
            for handle in handles:
                handle.close()
        answers = [
            (pair, verdict.entailed)
            for part, some in zip(parts, found, strict=True)
            for pair, verdict in zip(part, some, strict=True)
        ]
    direct, served = len(unique) / median(direct_seconds), len(unique) / median(served_seconds)
    same = sum(expected[pair] == entailed for pair, entailed in answers)
    return ServedSpeed(
        clients, len(unique), len(answers), computed, direct, served, served / direct, 100 * same / len(answers)
    )


@dataclass(frozen=True, slots=True)
class SeveralSpeed:
    """Rates in pairs per second of one client, whose requests go to one server or are divided among several."""

    servers: int
    threads: int
    """Of each server."""
    pairs: int
    computed: int
    """Number of pairs that the servers judged; equal to `pairs` if none is judged twice."""
    one_pairs_per_second: float
    several_pairs_per_second: float
    ratio: float
    same_verdicts: float
    """Percentage of pairs with the same verdict from one and from several."""


def measure_several(
    model: str, pairs: Sequence[Pair], *, servers: int, options: Mapping[str, Any], repeats: int = 1
) -> SeveralSpeed:
    """Judge the pairs with one server and with several of the same size, `repeats` times in turn; the medians count."""
    import torch

    unique = list(dict.fromkeys(pairs))
    options = {**options, "cache": False}
    threads = max(1, torch.get_num_threads() // servers)
    seconds: dict[int, list[float]] = {1: [], servers: []}
    found: dict[int, list[bool]] = {}
    computed = 0
    for _ in range(repeats):
        for count, taken in seconds.items():
            with ExitStack() as running:
                addresses = [running.enter_context(_server(model, options, threads)) for _ in range(count)]
                nli = running.enter_context(connect(",".join(addresses), timeout=TIMEOUT))
                nli.load()
                begun = time.perf_counter()
                found[count] = [verdict.entailed for verdict in nli.judge(unique)]
                taken.append(time.perf_counter() - begun)
                computed = sum(map(_computed, addresses))
    one, several = (len(unique) / median(taken) for taken in seconds.values())
    same = sum(map(eq, found[1], found[servers]))
    return SeveralSpeed(servers, threads, len(unique), computed, one, several, several / one, 100 * same / len(unique))


def overlapping(pairs: Sequence[Pair], clients: int) -> list[list[Pair]]:
    """For each client half of the pairs, from a different start; together all of them."""
    length = max(1, round(SHARE * len(pairs))) if clients > 1 else len(pairs)
    starts = [index * len(pairs) // clients for index in range(clients)]
    return [[pairs[(start + step) % len(pairs)] for step in range(length)] for start in starts]


def _judge(nli: NLI, pairs: Sequence[Pair]) -> list[Verdict]:
    return nli.judge(pairs)


@contextmanager
def _server(model: str, options: Mapping[str, Any], threads: int) -> Iterator[str]:
    """The address of a server of the model, in a process that ends with the context."""
    flags = [f"{name}={value}" for name, value in options.items() if value is not None]
    command = [sys.executable, "-m", "groundeval", "serve-nli", "--model", model, "--port", "0"]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    environment.pop("GROUNDEVAL_NLI_TOKEN", None)
    process = subprocess.Popen(
        [*command, "--nli-args", ",".join(flags)], stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stderr is not None
    said = []
    try:
        with _unwinding_on_sigterm():
            for line in process.stderr:
                said.append(line)
                if found := re.search(r"on (http://127\.0\.0\.1:\d+)", line):
                    # Drain further output, so that it cannot fill the pipe.
                    threading.Thread(target=process.stderr.read, daemon=True).start()
                    yield found[1]
                    return
        raise BackendError(f"the NLI server did not start:\n{''.join(said)}")
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _unwinding_on_sigterm() -> Iterator[None]:
    """Let SIGTERM unwind this process, so that its child processes end with it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _computed(address: str) -> int:
    """Number of pairs that the server's model has judged."""
    import httpx

    text = httpx.get(f"{address}/metrics", timeout=30, trust_env=False).text
    found = re.search(r"^groundeval_nli_pairs_computed_total (\d+)", text, re.MULTILINE)
    return int(found[1]) if found else 0
