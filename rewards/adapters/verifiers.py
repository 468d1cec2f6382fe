"""Rewards for environments of `verifiers`: the legacy `Rubric`, and version 1's `@vf.reward`."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from groundeval.errors import DataError, excerpt
from groundeval.rewards.columns import completion_text
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rewarder, Rollout

logger = logging.getLogger(__name__)

RubricFunction = Callable[..., Coroutine[Any, Any, float]]


def rubric_function(rewarder: Rewarder) -> RubricFunction:
    """A function for `vf.Rubric(funcs=[...])`: reads `completion`, and task and example from `info` or `answer`.

    `info` is `{"task": ..., "example": ...}`, the latter as JSON; `answer` may hold the same as a JSON string. Returns
    NaN where there is no reward, whether the sample failed, its data are wrong or the verifier is gone: a Rubric would
    turn an exception into a 0. Why is logged, once for each kind of error.
    """
    told: set[str] = set()

    def without(kind: str, why: str) -> float:
        if kind not in told:
            told.add(kind)
            logger.error("reward %s: NaN instead of a reward: %s", rewarder.name, why)
        return math.nan

    async def reward(completion: Any, info: Any = None, answer: Any = None) -> float:
        try:
            task, example = task_and_example(info or answer)
            [found] = await rewarder.score([Rollout(task, example, completion_text(completion))])
        except Exception as error:
            return without(type(error).__name__, str(error))
        return without("sample", f"{found.id}: {found.error}") if found.total is None else found.total

    reward.__name__ = rewarder.name
    return reward


async def reward_of_trace(rewarder: Rewarder, trace: Any, task: str, example: str) -> Rewarded:
    """The reward of a version 1 trace, for the body of a method that `@vf.reward` marks."""
    messages = trace.assistant_messages
    text = completion_text(_as_mapping(messages[-1])) if messages else ""
    return (await rewarder.score([Rollout(task, example, text)]))[0]


def task_and_example(info: Any) -> tuple[str, str]:
    """The columns `task` and `example` of what an environment carries along. Raises DataError where they are not."""
    found = info
    if isinstance(info, str):
        try:
            found = json.loads(info)
        except ValueError:
            found = None
    if not isinstance(found, Mapping) or "task" not in found or "example" not in found:
        raise DataError(
            f"info {excerpt(info)}: must hold `task` and `example`, as `groundeval data export` writes them"
        )
    example = found["example"]
    return str(found["task"]), example if isinstance(example, str) else json.dumps(example)


def _as_mapping(message: Any) -> Mapping[str, Any]:
    if isinstance(message, Mapping):
        return message
    dumped: Mapping[str, Any] = message.model_dump()
    return {"role": "assistant", **dumped}
