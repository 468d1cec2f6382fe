"""A memory for functions of a text that the long texts of a client or a stranger cannot fill."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Protocol, TypeVar, cast

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_FORGETTING: list[Callable[[], None]] = []

MOST_CHARACTERS = 4 << 20
"""Of the texts whose results one function keeps. A result may take some thirty bytes for each."""


class Remembered(Protocol[T_co]):
    """A function of a text, with the results for the texts that were asked last."""

    def __call__(self, text: str, /) -> T_co:
        """The function's result."""

    def cache_clear(self) -> None:
        """Forget all results."""


def remembered(maxsize: int) -> Callable[[Callable[[str], T]], Remembered[T]]:
    """As `lru_cache(maxsize)` for a function of a text; it begins anew where the texts become too long together."""

    def decorate(function: Callable[[str], T]) -> Remembered[T]:
        held = 0

        @lru_cache(maxsize)
        @wraps(function)
        def found(text: str) -> T:
            nonlocal held
            held += len(text)
            if held > MOST_CHARACTERS:
                found.cache_clear()
                held = len(text)
            return function(text)

        _FORGETTING.append(found.cache_clear)
        return cast("Remembered[T]", found)

    return decorate


def forget_all() -> None:
    """Forget what all functions remember, so that a measurement sees texts that are new."""
    for forget in _FORGETTING:
        forget()
