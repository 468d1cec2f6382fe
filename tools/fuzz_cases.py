"""The cases of `tools/fuzz_strangers.py`: what is damaged, and the code that reads it."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from contextlib import redirect_stderr, suppress
from pathlib import Path

import httpx
from fuzz_folders import Folders
from fuzz_outputs import Outputs
from fuzz_settings import Settings
from fuzz_verdicts import Verdicts
from fuzz_wire import Wire

from groundeval.errors import GroundevalError
from groundeval.http.client import TooLarge
from groundeval.http.retrying import NoAnswer
from groundeval.storage import environment


class Cases(Folders, Outputs, Settings, Verdicts, Wire):
    """All kinds of cases, drawn by their seeds."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.kinds: tuple[Callable[[random.Random], object], ...] = (
            self.run_folder, self.outputs, self.generation, self.verifier, self.yaml, self.cache, self.tools,
            self.tables, self.request, self.run_folder, self.shards, self.outputs, self.other_files, self.site,
        )  # fmt: skip

    def kind(self, seed: int) -> str:
        """What the seed damages."""
        return self.kinds[seed % len(self.kinds)].__name__

    def case(self, seed: int) -> None:
        """Read what the seed makes. Raises what the code raises."""
        with redirect_stderr(io.StringIO()), suppress(GroundevalError, NoAnswer, TooLarge):
            self.kinds[seed % len(self.kinds)](random.Random(seed))


def found_out_once() -> None:
    """Find out, once for all cases of this process, what is the same in each and takes long."""
    for name in ("git_state", "versions"):
        known = getattr(environment, name)()
        setattr(environment, name, lambda *_, known=known: known)
    # Every client reads all certificates of the system; none here uses TLS.
    ssl_context = httpx.create_ssl_context()
    httpx._transports.default.create_ssl_context = lambda **_: ssl_context  # type: ignore[attr-defined]
