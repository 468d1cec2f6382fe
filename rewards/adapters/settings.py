"""The reward for trainers that can only name a file: read from environment variables, once per process."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import Any

from groundeval.errors import UsageError, excerpt
from groundeval.rewards.rollouts import Rewarder

REWARD, ARGUMENTS, NLI, NLI_ARGUMENTS = (
    "GROUNDEVAL_REWARD",
    "GROUNDEVAL_REWARD_ARGS",
    "GROUNDEVAL_NLI",
    "GROUNDEVAL_NLI_ARGS",
)


def rewarder_from_environment() -> Rewarder:
    """The reward named by `GROUNDEVAL_REWARD` (default: `default`, the task's own).

    `GROUNDEVAL_NLI` is a verifier as `--nli` takes it; `GROUNDEVAL_REWARD_ARGS` and `GROUNDEVAL_NLI_ARGS` are JSON
    objects.
    """
    name, nli = os.environ.get(REWARD, "default"), os.environ.get(NLI, "true")
    return rewarder(name, nli, _json(ARGUMENTS), _json(NLI_ARGUMENTS))


@lru_cache(maxsize=32)
def rewarder(reward: str, nli: str, arguments: str = "{}", nli_arguments: str = "{}") -> Rewarder:
    """The rewarder for one set of settings, shared by all calls; arguments are JSON objects."""
    return Rewarder.of(reward, nli=nli, nli_options=json.loads(nli_arguments), parameters=json.loads(arguments))


def _json(variable: str) -> str:
    text = os.environ.get(variable) or "{}"
    try:
        found: Any = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{variable}={excerpt(text)}: is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f'{variable}={excerpt(text)}: must be a JSON object, for instance {{"reduction": "mean"}}')
    return text
