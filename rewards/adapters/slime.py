"""`custom_rm` for slime: `--custom-rm-path groundeval.rewards.adapters.slime.custom_rm`, reward by environment."""

from __future__ import annotations

from typing import Any

from groundeval.errors import SampleError
from groundeval.rewards.adapters.settings import rewarder_from_environment
from groundeval.rewards.adapters.verifiers import task_and_example
from groundeval.rewards.columns import opened
from groundeval.rewards.rollouts import Rollout


async def custom_rm(args: Any, sample: Any, **others: Any) -> float:
    """The reward of one sample, whose `label` or `metadata` holds task and example. Raises SampleError."""
    task, example = task_and_example(sample.label or sample.metadata)
    begun = opened(sample.prompt) if isinstance(sample.prompt, str) else ""
    found = (await rewarder_from_environment().score([Rollout(task, example, sample.response, begun)]))[0]
    if found.total is None:
        raise SampleError(f"sample {found.id} has no reward: {found.error}")
    return found.total
