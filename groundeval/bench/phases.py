"""Where the processor time of a run goes: its stack is looked at every few milliseconds of CPU time.

Unlike a tracing profiler this costs next to nothing, so the shares are those of the run without it.
"""

from __future__ import annotations

import re
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

SECONDS_BETWEEN_LOOKS = 0.002

PHASES = ("imports", "load", "render", "generate", "parse", "metrics", "ROUGE", "NLI", "aggregate", "write", "other")
"""In the order of a run."""

_PLACES = (
    ("importlib", "", "imports"),
    ("groundeval.storage.folder", "read", "load"),
    ("groundeval.storage.folder", "", "write"),
    ("groundeval.storage", "", "load"),
    ("groundeval.tasks.prompts", "", "render"),
    ("groundeval.tasks", "", "load"),
    ("groundeval.generation.prompts", "", "render"),
    ("groundeval.generation", "", "generate"),
    ("groundeval.metrics.rouge", "", "ROUGE"),
    ("groundeval.parsing", "", "parse"),
    ("groundeval.records", "", "parse"),
    ("groundeval.nli", "", "NLI"),
    ("groundeval.metrics", "", "metrics"),
    ("groundeval.stats", "", "aggregate"),
    ("groundeval.run.prepare", "", "render"),
    ("groundeval.run.generate", "", "generate"),
    ("groundeval.run.outputs", "", "load"),
    ("groundeval.run.score", "_results", "aggregate"),
    ("groundeval.run.score", "_with_line", "write"),
    ("groundeval.scoring", "", "metrics"),
)
"""Modules (with all below them) and the start of a function's name, by phase. The first that fits the innermost frame
counts."""


class PhaseSeconds:
    """CPU time of this process by phase."""

    def __init__(self) -> None:
        self._looks = Counter[str]()

    def shares(self) -> dict[str, float]:
        """The share of each phase that was seen; they add up to 1."""
        # Shares, since a system may look less often than it is asked to.
        return {each: self._looks[each] / self._looks.total() for each in PHASES if self._looks[each]}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look while the block runs. Only in the main thread."""
        before = signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, SECONDS_BETWEEN_LOOKS, SECONDS_BETWEEN_LOOKS)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)

    def _look(self, number: int, frame: FrameType | None) -> None:
        while frame is not None:
            phase = phase_of(frame.f_globals.get("__name__", ""), frame.f_code.co_name)
            if phase is not None:
                self._looks[phase] += 1
                return
            frame = frame.f_back
        self._looks["other"] += 1


def phase_of(module: str, function: str) -> str | None:
    """The phase that a function belongs to; None where only its caller tells."""
    if function == "<module>" and module != "__main__":
        return "imports"
    for place, name, phase in _PLACES:
        if (module == place or module.startswith(f"{place}.")) and function.startswith(name):
            return phase
    return None


def main() -> None:
    """`python -m groundeval.bench.phases FILE COMMAND...`: run a command of groundeval, write its phases as JSON."""
    import json
    import resource
    import runpy
    import time

    file, arguments = Path(sys.argv[1]), sys.argv[2:]
    phases = PhaseSeconds()
    started = time.perf_counter()
    with phases.watching():
        sys.argv[1:] = arguments
        code: str | int | None = 0
        try:
            # By its name, as `python -m groundeval` does: nothing below the command line imports it.
            runpy.run_module("groundeval", run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            code = ended.code
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = used.ru_utime + used.ru_stime
    measured = {
        "phases": {each: share * cpu for each, share in phases.shares().items()},
        "cpu_seconds": cpu,
        "seconds": time.perf_counter() - started,
        "peak_mb": _peak_mib(used.ru_maxrss),
    }
    file.write_text(json.dumps(measured), encoding="utf-8")
    sys.exit(code)


def _peak_mib(maxrss: int) -> float:
    """Peak of this process; on Linux not `maxrss`, which begins at the size of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii", errors="replace"), re.MULTILINE)
        if found:
            return int(found[1]) / 1024
    return maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    main()
