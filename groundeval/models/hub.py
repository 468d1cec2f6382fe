"""Files of the Hugging Face hub, its errors, and the cache folder for files derived from them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path

from groundeval.console.progress import say
from groundeval.errors import MissingExtra

_SECONDS = 10.0
"""Seconds that the hub has to answer."""

Fault = Literal["name", "gated", "repository", "revision", "file", "unreachable"]


class HubError(Exception):
    """The hub cannot provide a file; `fault` gives the cause: the repository's name, access to it, ...

    `absent`: the hub has answered that it has no such file.
    """

    def __init__(self, fault: Fault, error: Exception) -> None:
        text = str(error).strip()
        super().__init__(f"{type(error).__name__}: {text.splitlines()[0]}" if text else type(error).__name__)
        self.fault = fault
        self.absent = fault in ("gated", "repository", "revision", "file")


@contextmanager
def hub_faults() -> Iterator[None]:
    """Turn exceptions of the hub's client into HubError, and its absence into MissingExtra."""
    try:
        from huggingface_hub import errors
    except ImportError as error:
        raise MissingExtra("fetching files from the Hugging Face hub", "hf") from error
    # A gated repository counts as one that was not found, and a file that is not in the cache as no entry.
    faults: list[tuple[type[Exception], Fault]] = [
        (errors.HFValidationError, "name"),
        (errors.GatedRepoError, "gated"),
        (errors.RepositoryNotFoundError, "repository"),
        (errors.RevisionNotFoundError, "revision"),
        (errors.LocalEntryNotFoundError, "unreachable"),
        (errors.EntryNotFoundError, "file"),
    ]
    try:
        yield
    except Exception as error:  # the exception for a lost connection differs between versions of the client
        fault: Fault = next((fault for kind, fault in faults if isinstance(error, kind)), "unreachable")
        raise HubError(fault, error) from error


@lru_cache(maxsize=1)
def use_cache_if_unreachable() -> None:
    """Ask the hub once whether it answers; if not, this process uses only its cache, and one line says so.

    The hub's client would retry every file for half a minute, with a line each time. `HF_HUB_OFFLINE=1` asks nothing.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

    if constants.HF_HUB_OFFLINE:
        return
    try:
        get_session().head(constants.ENDPOINT, timeout=_SECONDS)
    except Exception:  # its class differs between versions of the client
        constants.HF_HUB_OFFLINE = True
        say(f"{constants.ENDPOINT} cannot be reached: only what is in the cache of this machine is used")


def is_online() -> bool:
    """Whether this process may ask the hub: not where it did not answer, nor under `HF_HUB_OFFLINE=1`."""
    from huggingface_hub import constants

    return not constants.HF_HUB_OFFLINE


def commit_of(path: Path) -> str | None:
    """The commit in a path of the hub's cache: `.../snapshots/COMMIT/file`."""
    parts = path.parts
    return parts[parts.index("snapshots") + 1] if "snapshots" in parts[:-1] else None


def cache_folder() -> Path:
    """`$GROUNDEVAL_CACHE`, else `groundeval` in the user's cache folder."""
    return Path(os.environ.get("GROUNDEVAL_CACHE") or user_cache_path("groundeval", appauthor=False)).expanduser()
