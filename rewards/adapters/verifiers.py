"""Rewards for environments of `verifiers`: the legacy `Rubric`, and version 1's `@vf.reward`."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from groundeval.rewards.columns import carried, completion_text
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rewarder, Rollout

logger = logging.getLogger(__name__)

RubricFunction = Callable[..., Coroutine[Any, Any, float]]


def rubric_function(rewarder: Rewarder, *, prefill: str = "") -> RubricFunction:
    """A function for `vf.Rubric(funcs=[...])`: reads `completion`, and task and example from `info` or `answer`.

    `info` is `{"task": ..., "example": ...}`, the latter as JSON; `answer` may hold the same as a JSON string.
    `prefill`: the reasoning tag opened by the chat template, such as `<think>`, where `info` has none of its own.
    Returns NaN where there is no reward (a failed sample, wrong data, an unreachable verifier), since a Rubric would
    turn an exception into a 0. The reason is logged, once for each kind of error.
    """
    told: set[str] = set()

    def without(kind: str, why: str) -> float:
        if kind not in told:
            told.add(kind)
            logger.error("reward %s: NaN instead of a reward: %s", rewarder.name, why)
        return math.nan

    async def reward(completion: Any, info: Any = None, answer: Any = None) -> float:
        try:
            given = carried(info or answer)
            begun = given.prefill or prefill
            text = completion_text(completion, begun)
            [found] = await rewarder.score([Rollout(given.task, given.example, text, begun)])
        except Exception as error:
            return without(type(error).__name__, str(error))
        return without("sample", f"{found.id}: {found.error}") if found.total is None else found.total

    reward.__name__ = rewarder.name
    return reward


async def reward_of_trace(rewarder: Rewarder, trace: Any, task: str, example: str, *, prefill: str = "") -> Rewarded:
    """The reward of a version 1 trace, for the body of a method decorated with `@vf.reward`.

    `prefill`: the reasoning tag opened by the chat template, such as `<think>`.
    """
    messages = trace.assistant_messages
    text = completion_text(_as_mapping(messages[-1]), prefill) if messages else ""
    return (await rewarder.score([Rollout(task, example, text, prefill)]))[0]


def _as_mapping(message: Any) -> Mapping[str, Any]:
    if isinstance(message, Mapping):
        return message
    dumped: Mapping[str, Any] = message.model_dump()
    return {"role": "assistant", **dumped}
