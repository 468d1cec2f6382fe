"""The attacks, grouped into files by kind; `ATTACKS` lists them all."""

from __future__ import annotations

from groundeval.rewards.benchmark.attacks import (
    citing,
    copying,
    falsifying,
    leaving_out,
    misleading,
    refusing,
    saying_nothing,
    shaping,
    talking,
)
from groundeval.rewards.benchmark.attacks.attack import ATTACKS, Attack, Move

__all__ = [
    "ATTACKS",
    "Attack",
    "Move",
    "citing",
    "copying",
    "falsifying",
    "leaving_out",
    "misleading",
    "refusing",
    "saying_nothing",
    "shaping",
    "talking",
]
