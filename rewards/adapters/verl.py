"""`compute_score` for verl: name this file as `reward.custom_reward_function.path` (`groundeval rewards path verl`).

verl scores one sample a call, many calls at a time; the verifier's service makes batches of their questions. The data
are those of `groundeval data export --format verl`: `data_source` is the task, `ground_truth` the example as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from groundeval.aio import run_anywhere
from groundeval.errors import DataError
from groundeval.rewards.adapters.settings import rewarder
from groundeval.rewards.reward import Components
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
    failed: float | None = None,
    **others: Any,
) -> dict[str, float]:
    """`score`, and what every part adds (0 where it does not apply). The keyword arguments are verl's `reward_kwargs`.

    verl has no way to leave a sample out: one that failed raises DataError, unless `failed` says what it shall get;
    `failed` in the result counts them. A part that is itself called `score` or `failed` is `component/score` or
    `component/failed` here.
    """
    rollout = _rollout(data_source, solution_str, ground_truth, extra_info)
    return await _score(rewarder(reward, nli, *_plain(parameters, nli_options)), rollout, failed)


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
    failed: float | None = None,
    **others: Any,
) -> dict[str, float]:
    """`compute_score` for reward managers that call from threads and do not await."""
    rollout = _rollout(data_source, solution_str, ground_truth, extra_info)
    asked = rewarder(reward, nli, *_plain(parameters, nli_options))
    return run_anywhere(lambda: _score(asked, rollout, failed))


def _plain(*mappings: Mapping[str, Any] | None) -> list[str]:
    return [json.dumps(dict(each or {}), sort_keys=True) for each in mappings]


def _rollout(task: str, text: str, example: str, extra_info: Mapping[str, Any] | None) -> Rollout:
    return Rollout(task, example, text, prefill=str((extra_info or {}).get("prefill") or ""))


async def _score(asked: Rewarder, rollout: Rollout, failed: float | None) -> dict[str, float]:
    [rewarded] = await asked.score([rollout])
    if rewarded.total is not None:
        return _result(rewarded.total, 0.0, rewarded.components)
    if failed is None:
        raise DataError(
            f"sample {rewarded.id} has no reward: {rewarded.error}.\n"
            "  To go on with a reward of your choice for such samples: reward_kwargs.failed=VALUE"
        )
    # verl wants the same keys for every sample, and one that failed has no parts: those of saying nothing, then.
    [silent] = await asked.score([rollout._replace(text="", prefill="")])
    return _result(failed, 1.0, dict.fromkeys(silent.components))


def _result(score: float, failed: float, components: Components) -> dict[str, float]:
    own = {"score": score, "failed": failed}
    parts = {f"component/{name}" if name in own else name: value or 0.0 for name, value in components.items()}
    return {**own, **parts}
