"""The command line in a process of its own, slowed down so that it can be hit in the middle, or hitting itself."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

WINDOW = 2
"""Samples that are generated and written together."""

# Children are forked from a process that has imported everything and has no threads.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "groundeval.cli.app",
        "groundeval.run.runner",
        "groundeval.metrics.calibrated",
        "punkt",
    ]
)


@dataclass(frozen=True)
class Slowness:
    """Seconds that the child takes longer than it must (a sample's after its completion), and where it kills itself."""

    window: float = 0.0
    pair: float = 0.0
    die_in_write: int = 0
    """A third into this write of lines, counted from 1."""
    die_before_rename: int = 0
    sample: float = 0.0
    hold: str = ""
    """A file: from the second window on, generation waits until it exists."""
    threaded: bool = False
    """Does the verifier judge in a thread of its own, all pairs at once, as models and servers do."""


def start(arguments: Sequence[object], log: Path, slowness: Slowness) -> BaseProcess:
    """Run the command; what is generated is noted in `log`, a line a sample."""
    words = [str(argument) for argument in arguments]
    process = _CONTEXT.Process(target=_run, args=(words, str(log), slowness))
    process.start()
    return process


def wait_for(condition: Callable[[], Any], seconds: float = 20.0) -> None:
    """Until the condition holds; an AssertionError if it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def _run(arguments: list[str], log: str, slowness: Slowness) -> None:
    from groundeval.cli.app import main
    from groundeval.generation.backends import replay
    from groundeval.generation.backends.replay import ReplayGenerator
    from groundeval.nli.verifiers.lexical import Lexical
    from groundeval.storage.folder import Lines

    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    generate, judge = ReplayGenerator.generate, Lexical.judge

    def slow_generate(self: ReplayGenerator, prompts: Any, params: Any) -> Iterator[Any]:
        time.sleep(slowness.window)
        if slowness.hold and os.path.exists(log):
            wait_for(lambda: os.path.exists(slowness.hold), 120.0)
        for completion in generate(self, prompts, params):
            with open(log, "a") as file:
                file.write(f"{completion.id}\n")
            yield completion
            time.sleep(slowness.sample)

    def slow_judge(self: Lexical, pair: Any) -> Any:
        time.sleep(slowness.pair)
        return judge(self, pair)

    writes, renames = 0, 0
    write, rename = Lines._write_all, os.replace

    def deadly_write(descriptor: int, content: bytes) -> None:
        nonlocal writes
        writes += 1
        if writes == slowness.die_in_write:
            os.write(descriptor, content[: len(content) // 3])
            os.kill(os.getpid(), signal.SIGKILL)
        write(descriptor, content)

    def deadly_rename(source: Any, target: Any, **folders: int) -> None:
        nonlocal renames
        renames += 1
        if renames == slowness.die_before_rename:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(source, target, **folders)

    replay.WINDOW = WINDOW
    ReplayGenerator.generate = slow_generate  # type: ignore[method-assign]
    Lexical.judge = slow_judge  # type: ignore[method-assign]
    Lexical.traits = replace(Lexical.traits, instant=not slowness.threaded)
    Lines._write_all = staticmethod(deadly_write)  # type: ignore[method-assign]
    os.replace = deadly_rename  # type: ignore[assignment]
    sys.exit(main(arguments))
