"""`compute_score` for verl: name this file as `reward.custom_reward_function.path` (`groundeval rewards path verl`).

verl scores one sample a call, many calls at a time; the verifier's service makes batches of their questions. The data
are those of `groundeval data export --format verl`: `data_source` is the task, `ground_truth` the example as JSON, and
`extra_info.prefill` what the chat template begins for the model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from groundeval.aio import run_anywhere
from groundeval.errors import DataError
from groundeval.rewards.adapters.settings import rewarder
from groundeval.rewards.rollouts import Rewarder, Rollout


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    *,
    reward: str = "default",
    nli: str = "true",
    nli_options: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    prefill: str = "",
    tasks: Iterable[str] | None = None,
    failed: float | None = None,
    **others: Any,
) -> dict[str, float]:
    """`score`, and what every part of the reward adds. The keyword arguments are verl's `reward_kwargs`.

    Every sample has the same keys, whatever its task: the parts that the reward has for any registered task, for the
    sample's own and for those in `extra_info.tasks` (the export's), or for exactly those in `tasks`. A part that does
    not apply is 0, which is what it adds: verl takes plain means, and a NaN would spoil them.

    `prefill`: what the chat template begins for the model, such as `<think>`, where `extra_info.prefill` does not say
    it. `failed`: the reward of a sample that failed, which raises DataError without it, since verl cannot leave a
    sample out; `failed` in the result counts them. A part that is itself called `score` or `failed` is
    `component/score` or `component/failed` here.
    """
    rollout = _rollout(data_source, solution_str, ground_truth, extra_info, prefill)
    asked = rewarder(reward, nli, *_plain(parameters, nli_options))
    return await _score(asked, rollout, _others(extra_info), tasks, failed)


def compute_score_sync(
    data_source: str,
    solution_str: str,
    ground_truth: str,
    extra_info: Mapping[str, Any] | None = None,
    *,
    reward: str = "default",
    nli: str = "true",
    nli_options: Mapping[str, Any] | None = None,
    parameters: Mapping[str, Any] | None = None,
    prefill: str = "",
    tasks: Iterable[str] | None = None,
    failed: float | None = None,
    **others: Any,
) -> dict[str, float]:
    """`compute_score` for reward managers that call from threads and do not await."""
    rollout = _rollout(data_source, solution_str, ground_truth, extra_info, prefill)
    asked = rewarder(reward, nli, *_plain(parameters, nli_options))
    return run_anywhere(lambda: _score(asked, rollout, _others(extra_info), tasks, failed))


def _plain(*mappings: Mapping[str, Any] | None) -> list[str]:
    return [json.dumps(dict(each or {}), sort_keys=True) for each in mappings]


def _rollout(task: str, text: str, example: str, extra_info: Mapping[str, Any] | None, prefill: str) -> Rollout:
    return Rollout(task, example, text, prefill=str((extra_info or {}).get("prefill") or prefill))


def _others(extra_info: Mapping[str, Any] | None) -> list[str]:
    """The tasks of the export that the sample comes from; a list of a parquet file may come as an array."""
    found = (extra_info or {}).get("tasks")
    return [] if found is None else [str(task) for task in found]


async def _score(
    asked: Rewarder, rollout: Rollout, others: Iterable[str], tasks: Iterable[str] | None, failed: float | None
) -> dict[str, float]:
    [rewarded] = await asked.score([rollout])
    if rewarded.total is None and failed is None:
        raise DataError(
            f"sample {rewarded.id} has no reward: {rewarded.error}.\n"
            "  To go on with a reward of your choice for such samples: reward_kwargs.failed=VALUE"
        )
    score = (failed or 0.0) if rewarded.total is None else rewarded.total
    own = {"score": score, "failed": float(rewarded.total is None)}
    names = await asked.parts((rollout.task, *tasks) if tasks else asked.known_tasks(rollout.task, *others))
    # One that failed may have values of parts, and has earned none of them.
    found = {} if rewarded.total is None else rewarded.components
    parts = {f"component/{name}" if name in own else name: found.get(name) or 0.0 for name in names}
    return {**own, **parts}
