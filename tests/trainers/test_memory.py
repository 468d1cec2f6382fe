"""Memory that a training process on a CPU gives back after every step."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from groundeval.trainers import memory

PIECES, SIZE = 2_000, 50_000  # smaller than what glibc maps by itself
STATM = Path("/proc/self/statm")


def resident() -> int:
    """Bytes of this process in memory."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.skipif(not (STATM.exists() and hasattr(ctypes.CDLL(None), "malloc_trim")), reason="needs glibc on Linux")
def test_freed_memory_goes_back_to_the_system_though_a_piece_behind_it_is_kept():
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    pieces = [ctypes.c_void_p(library.malloc(SIZE)) for _ in range(PIECES)]
    for piece in pieces:
        ctypes.memset(piece, 1, SIZE)
    for piece in pieces[:-1]:
        library.free(piece)
    before = resident()
    memory.return_unused()
    assert before - resident() > 0.8 * PIECES * SIZE
    library.free(pieces[-1])


@pytest.mark.parametrize(("device", "times"), [("cpu", 2), ("cuda", 0)])
def test_every_step_on_a_cpu_gives_it_back(device: str, times: int, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("transformers")
    called = []
    monkeypatch.setattr(memory, "return_unused", lambda: called.append(True))
    callback = memory.bounding_callback()
    for _ in range(2):
        callback.on_step_end(SimpleNamespace(device=SimpleNamespace(type=device)), None, None)
    assert len(called) == times
