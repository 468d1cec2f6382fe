"""The rates that no program on this machine can exceed, and which figure each of them bounds."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from groundeval.bench.made_outputs import outputs

SIZE = 768
"""Rows and columns of the matrix product."""
RECORDS = 300
BYTES = 16 << 20
SYNCED = 20
"""Appends that are flushed to disk."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One rate, measured in a fraction of a second."""

    name: str
    value: float
    unit: str
    bounds: str
    """The figures that it bounds."""


def measure_limits(folder: Path) -> list[Limit]:
    """Matrix product, JSON, tokenizer and disk, each the best of three."""
    matrix = np.random.default_rng(0).random((SIZE, SIZE), dtype=np.float32)
    lines = [json.dumps(record) for record in outputs(RECORDS)]
    size = sum(map(len, lines))
    found = [
        Limit(
            "matrix product, float32",
            2 * SIZE**3 / _least(lambda: matrix @ matrix) / 1e9,
            "GFLOP/CPU s",
            "NLI pairs and generated tokens: 2 x parameters x tokens operations each",
        ),
        Limit("JSON read", size / _least(lambda: [json.loads(each) for each in lines]) / 1e6, "MB/CPU s", "load"),
        Limit(
            "disk, written and flushed",
            BYTES / _least(lambda: _write(folder), time.perf_counter) / 1e6,
            "MB/s",
            "write, records kept",
        ),
        Limit(
            "disk, appends flushed",
            SYNCED / _least(lambda: _append(folder), time.perf_counter),
            "1/s",
            "write: one append a window",
        ),
    ]
    tokens = _tokens_per_second(lines)
    if tokens is not None:
        found.append(Limit("tokenizer, one core", tokens, "tokens/CPU s", "prompts and pairs before a model sees them"))
    return found


def _least(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """CPU seconds, since other load must not look like a slow machine; wall seconds where the disk is measured."""
    seconds = []
    for _ in range(3):
        started = clock()
        work()
        seconds.append(clock() - started)
    return min(seconds)


def _write(folder: Path) -> None:
    with (folder / "written").open("wb") as file:
        file.write(bytes(BYTES))
        os.fsync(file.fileno())


def _append(folder: Path) -> None:
    with (folder / "appended").open("ab", buffering=0) as file:
        for _ in range(SYNCED):
            file.write(b"x" * 1_000)
            os.fsync(file.fileno())


def _tokens_per_second(lines: list[str]) -> float | None:
    """Of a byte-level BPE tokenizer trained on the lines; None without the extra `hf`."""
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    except ImportError:
        return None
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=8_000, show_progress=False))
    count = sum(len(tokenizer.encode(each).ids) for each in lines)
    return count / _least(lambda: [tokenizer.encode(each) for each in lines])
