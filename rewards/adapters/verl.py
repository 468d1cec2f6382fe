"""`compute_score` for verl: name this file as `reward.custom_reward_function.path` (`groundeval rewards path verl`).

verl scores one sample per call, with many calls at a time; the verifier's service batches their pairs. The data are
those of `groundeval data export --format verl`: `data_source` is the task, `ground_truth` the example as JSON, and
`extra_info.prefill` the reasoning tag opened by the chat template.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from groundeval.aio import run_anywhere
from groundeval.errors import DataError, excerpt
from groundeval.rewards.adapters.settings import rewarder
from groundeval.rewards.columns import task_names
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
    """`score`, and the contribution of every part of the reward. The keyword arguments are verl's `reward_kwargs`.

    All samples have the same keys, whatever their tasks: verl reads the keys of a batch off its first sample. They are
    the parts for all registered tasks, the sample's own and those in `extra_info.tasks` (written by the export), or
    exactly for the sample's own and those in `tasks`. A part that does not apply is 0, its contribution: verl takes
    plain means, in which a NaN would spread.

    - `prefill`: the reasoning tag opened by the chat template, such as `<think>`, where `extra_info` has none.
    - `failed`: the reward of a failed sample. Without it such a sample raises DataError, since verl cannot leave a
      sample out. The key `failed` of the result is 1 for failed samples, else 0.

    A part called `score` or `failed` appears as `component/score` or `component/failed`.
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
    """`compute_score` for reward managers that call synchronously, from any thread."""
    rollout = _rollout(data_source, solution_str, ground_truth, extra_info, prefill)
    asked = rewarder(reward, nli, *_plain(parameters, nli_options))
    return run_anywhere(lambda: _score(asked, rollout, _others(extra_info), tasks, failed))


def _plain(*mappings: Mapping[str, Any] | None) -> list[str]:
    return [json.dumps(dict(each or {}), sort_keys=True) for each in mappings]


def _rollout(task: str, text: str, example: str, extra_info: Mapping[str, Any] | None, prefill: str) -> Rollout:
    return Rollout(task, example, text, prefill=str(_extra(extra_info).get("prefill") or prefill))


def _extra(extra_info: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if extra_info is not None and not isinstance(extra_info, Mapping):
        raise DataError(
            f"extra_info is {excerpt(extra_info)}; it must be a mapping, as `groundeval data export` writes"
        )
    return extra_info or {}


def _others(extra_info: Mapping[str, Any] | None) -> list[str]:
    """The tasks of the sample's export; a list in a parquet file may arrive as an array."""
    found = _extra(extra_info).get("tasks")
    return [] if found is None else list(task_names(found, "extra_info"))


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
    names = await asked.parts(
        (rollout.task, *task_names(tasks, "reward_kwargs")) if tasks else asked.known_tasks(rollout.task, *others)
    )
    # A failed sample may have values of parts, but no reward for them.
    found = {} if rewarded.total is None else rewarded.components
    parts = {f"component/{name}" if name in own else name: found.get(name) or 0.0 for name in names}
    return {**own, **parts}
