"""Reward recipes built on the metric functions, and adapters to trainers."""

from __future__ import annotations

if not __name__.startswith("groundeval."):
    raise ImportError(f'this folder is the package groundeval.rewards: import it as that, not as "{__name__}"')

from groundeval.rewards.registry import REWARDS, load_reward, register_reward
from groundeval.rewards.reward import Components, Line, Reward, Rewarded
from groundeval.rewards.rollouts import Rewarder

__all__ = [
    "REWARDS",
    "Components",
    "Line",
    "Reward",
    "Rewarded",
    "Rewarder",
    "load_reward",
    "register_reward",
]
