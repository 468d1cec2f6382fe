"""Refusing secrets in a verifier's options, which appear in manifests, recipes and reports: use the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundeval.errors import UsageError

SECRETS = {
    "token": "GROUNDEVAL_NLI_TOKEN for `serve-nli`, OPENAI_API_KEY for causal:MODEL@ADDRESS, HF_TOKEN for the hub",
    "use_auth_token": "HF_TOKEN",
    "api_key": "OPENAI_API_KEY",
}
"""Secret options, with the environment variables to use instead."""


def refuse_secrets(options: Mapping[str, Any], where: str) -> None:
    """Raise UsageError for a token among a verifier's options or their `model_args`; the message does not repeat it."""
    further = options.get("model_args")
    given = {**(further if isinstance(further, Mapping) else {}), **options}
    for name, variable in SECRETS.items():
        if given.get(name) is not None:
            raise UsageError(
                f"{where}: {name} is a secret, and options are printed and written to files.\n"
                f"  Put it into an environment variable instead: {variable}."
            )
