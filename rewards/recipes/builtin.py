"""The rewards that ship with groundeval; importing this module registers them."""

from __future__ import annotations

from groundeval.rewards.recipes import alce, default, ground_grpo, strict_grounded, ternary, trust  # noqa: F401
