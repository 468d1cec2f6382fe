"""`custom_rm` for slime: `--custom-rm-path groundeval.rewards.adapters.slime.custom_rm`.

Environment variables select the reward (`rewards/adapters/settings.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundeval.errors import SampleError
from groundeval.rewards.adapters.settings import rewarder_from_environment
from groundeval.rewards.columns import carried, opened
from groundeval.rewards.rollouts import Rollout


async def custom_rm(args: Any, sample: Any, **others: Any) -> float:
    """The reward of one sample, whose `label` or `metadata` holds `task` and `example`.

    The reasoning tag opened by the chat template is read from the rendered prompt, else from `prefill` in label or
    metadata. Raises DataError for data without task and example, SampleError for a failed sample.
    """
    given = carried(sample.label or sample.metadata, "label")
    begun = opened(sample.prompt) if isinstance(sample.prompt, str) else ""
    metadata = sample.metadata if isinstance(sample.metadata, Mapping) else {}
    prefill = begun or given.prefill or str(metadata.get("prefill") or "")
    rollout = Rollout(given.task, given.example, sample.response, prefill)
    [found] = await rewarder_from_environment().score([rollout])
    if found.total is None:
        raise SampleError(f"sample {found.id} has no reward: {found.error}")
    return found.total
