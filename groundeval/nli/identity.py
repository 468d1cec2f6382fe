"""The identity of the model that a server declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from groundeval.errors import BackendError, excerpt


class AnotherModel(BackendError):
    """A server serves another verifier than at the start of the run."""


@dataclass(frozen=True, slots=True)
class Served:
    """The verifier that a server serves."""

    identity: dict[str, Any]
    """Everything that determines its verdicts."""
    id: str
    """Its ID, which every answer of the server repeats."""


def served(answer: Mapping[str, Any]) -> Served:
    """The verifier in an answer to `/identity`. Raises ValueError if there is none."""
    identity, serving = answer.get("identity"), answer.get("model")
    if not isinstance(identity, dict) or not isinstance(identity.get("name"), str) or not isinstance(serving, str):
        raise ValueError(f"not the identity of a model: {excerpt(answer)}")
    return Served(identity, serving)


def differences(first: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """The fields in which two identities differ, with both values."""
    names = [name for name in {**first, **other} if first.get(name) != other.get(name)]
    told = "; ".join(f"{name} is {_shown(other.get(name))}, not {_shown(first.get(name))}" for name in names)
    return told or "its answers name another one"


def _shown(value: object) -> str:
    return "missing" if value is None else excerpt(value)
