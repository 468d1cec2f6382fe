"""`reward_func` for OpenRLHF: name this file as `--reward.remote_url` (`groundeval rewards path openrlhf`).

The reward is chosen by environment variables (`rewards/adapters/settings.py`), since OpenRLHF passes none on. Labels
are those of `groundeval data export --format openrlhf`. The same over HTTP: `groundeval serve-rewards`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from groundeval.errors import DataError, SampleError, excerpt
from groundeval.parsing.reasoning import REASONING_TAGS
from groundeval.rewards.adapters.settings import rewarder_from_environment
from groundeval.rewards.columns import opened
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rollout


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """Rewards of completed queries (prompt and response, special tokens kept), as OpenRLHF wants them.

    Raises SampleError if one of them failed, for the whole call: OpenRLHF has no way to leave a sample out.
    """
    import torch

    rollouts = [rollout(*each) for each in zip(queries, prompts, labels, strict=True)]
    rewarded = rewarder_from_environment()(rollouts)
    for each in rewarded:
        if each.total is None:
            raise SampleError(f"sample {each.id} has no reward: {each.error}")
    found = answer(rewarded)
    tensors = {name: torch.tensor(found[name]) for name in ("rewards", "scores")}
    return {**tensors, "extra_logs": {name: torch.tensor(each) for name, each in found["extra_logs"].items()}}


def rollout(query: str, prompt: str, label: str) -> Rollout:
    """The rollout of a query. Raises DataError for a label that is not one of the export's."""
    try:
        found = json.loads(label)
        task, example = found["task"], found["example"]
        if not isinstance(task, str):
            raise TypeError
    except (TypeError, ValueError, KeyError, RecursionError):
        raise DataError(
            f"label {excerpt(label)}: must be JSON with `task` and `example`.\n"
            "  Write the data with: groundeval data export --format openrlhf, and name `label` as the label key"
        ) from None
    text = query[len(prompt) :] if query.startswith(prompt) else query
    return Rollout(
        task, example if isinstance(example, str) else json.dumps(example), response_of(text), opened(prompt)
    )


SPECIAL = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "</s>", "<pad>", "<eos>", "<end_of_turn>")
"""How models end a turn; OpenRLHF keeps these tokens in the query."""


def response_of(text: str) -> str:
    """The response without the end-of-turn and padding tokens behind it; reasoning tags stay."""
    stripped = True
    while stripped:
        stripped = False
        for token in SPECIAL:
            bare = text.rstrip()
            if bare.endswith(token) and token not in REASONING_TAGS.all():
                text, stripped = bare[: -len(token)], True
    return text


def answer(rewarded: Sequence[Rewarded]) -> dict[str, Any]:
    """`rewards`, `scores` and `extra_logs`. A sample that failed has None, which stops OpenRLHF; it gets no 0.

    The logs say what each part adds: 0 where it does not apply.
    """
    totals = [each.total for each in rewarded]
    names = dict.fromkeys(name for each in rewarded for name in each.components)
    parts = {name: [each.components.get(name) or 0.0 for each in rewarded] for name in names}
    return {"rewards": totals, "scores": totals, "extra_logs": parts}
