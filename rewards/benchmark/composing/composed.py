"""A composed text, and the hash that tells whether its form is held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Composed:
    """A text and the names of its forms."""

    form: tuple[str, ...]
    text: str

    @property
    def held_out(self) -> bool:
        """Whether its form is in the held-out half, of which only the aggregate is shown."""
        return sha256("\n".join(("held out", *self.form)).encode()).digest()[0] % 2 == 1


def drawn(choices: Mapping[str, T], rng: Random) -> tuple[str, T]:
    """One of the choices, with its name."""
    name = rng.choice(list(choices))
    return name, choices[name]
