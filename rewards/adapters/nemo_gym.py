"""Verification in the form of NeMo Gym's resources servers: `verify(body)` returns the body with its `reward`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundeval.errors import DataError, SampleError, excerpt
from groundeval.rewards.columns import carried, completion_text, plain_text
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rewarder, Rollout


def rollout(body: Mapping[str, Any]) -> Rollout:
    """The rollout of a request: `response` of the Responses API, and beside it `task`, `example`, and `prefill` where
    the chat template begins the reasoning."""
    response = body.get("response")
    output = response.get("output") if isinstance(response, Mapping) else None
    if not isinstance(output, list):
        raise DataError(f"response {excerpt(response)}: must have a list `output`, as the Responses API returns it")
    given = carried(body if "example" in body else body.get("verifier_metadata"))
    return Rollout(given.task, given.example, _text(output, given.prefill), given.prefill)


async def verify(body: Mapping[str, Any], rewarder: Rewarder) -> dict[str, Any]:
    """The result of a `SimpleResourcesServer` for a request. Raises the errors of `rollout` and `answer`."""
    return answer(body, (await rewarder.score([rollout(body)]))[0])


def answer(body: Mapping[str, Any], rewarded: Rewarded) -> dict[str, Any]:
    """The body with `reward` and `components`. Raises SampleError for a failed sample: a missing reward is not a 0."""
    if rewarded.total is None:
        raise SampleError(f"sample {rewarded.id} has no reward: {rewarded.error}")
    return {**body, "reward": rewarded.total, "components": rewarded.components}


def _text(output: list[Any], prefill: str) -> str:
    """The reasoning items and the last message, as one text with reasoning tags."""
    for item in output:
        if not isinstance(item, Mapping):
            raise DataError(f"response.output: holds {excerpt(item)}; every item must be an object")
    thoughts = (item.get("content") or item.get("summary") for item in output if item.get("type") == "reasoning")
    reasoning = "".join(plain_text(each) for each in thoughts)
    messages = [item for item in output if item.get("type") == "message"]
    content = messages[-1].get("content") if messages else ""
    if content is None:
        raise DataError(f"response.output: message {excerpt(messages[-1])} has no content")
    return completion_text({"role": "assistant", "content": content, "reasoning": reasoning or None}, prefill)
