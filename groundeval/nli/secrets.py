"""Tokens come from the environment: what names a verifier is shown, and written into manifests, recipes and reports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundeval.errors import UsageError

SECRETS = {
    "token": "GROUNDEVAL_NLI_TOKEN for `serve-nli`, OPENAI_API_KEY for causal:MODEL@ADDRESS, HF_TOKEN for the hub",
    "use_auth_token": "HF_TOKEN",
    "api_key": "OPENAI_API_KEY",
}
"""Options that are secret, with the environment variables to use instead."""


def refuse_secrets(options: Mapping[str, Any], where: str) -> None:
    """Raise a UsageError for a token among a verifier's options, or their `model_args`; it is not repeated."""
    further = options.get("model_args")
    given = {**(further if isinstance(further, Mapping) else {}), **options}
    for name, variable in SECRETS.items():
        if given.get(name) is not None:
            raise UsageError(
                f"{where}: {name} is a secret, and would be seen where options are shown or written down.\n"
                f"  Put it into an environment variable instead: {variable}."
            )
