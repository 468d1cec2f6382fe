"""Checks the options that are mappings, as Python functions are given them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from groundeval.errors import UsageError, option


def check_mapping(name: str, value: object, texts: str | None = None) -> None:
    """Raise UsageError for anything but a mapping whose keys are strings, naming the entry that is wrong.

    `texts`: what the values are, if they have to be strings.
    """
    if not isinstance(value, Mapping):
        raise UsageError(f"{option(name, value)}: must be a mapping (a dict), such as {option(name, NAME='VALUE')}")
    for key, each in value.items():
        if not isinstance(key, str):
            raise UsageError(f"{option(name, value)}: {key!r} must be a name, a string")
        if texts is not None and not isinstance(each, str | Path):
            raise UsageError(f"{option(name, **{key: each})}: {each!r} must be {texts}")
