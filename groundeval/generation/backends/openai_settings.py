"""The settings of the `openai` backend that `--model-args` takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from groundeval.errors import UsageError, option

MODEL_ARGS = {
    "base_url": "the server's address, for instance http://localhost:8000/v1 (default: OPENAI_BASE_URL)",
    "api_key_env": "the environment variable that holds the key (default: OPENAI_API_KEY)",
    "concurrency": "concurrent requests (default: 16)",
    "timeout": "timeout of a request in seconds (default: 600)",
    "max_retries": "number of retries of a request (default: 6)",
    "backoff": "seconds before the first retry; doubles each time (default: 1)",
    "max_tokens_field": "max_tokens or max_completion_tokens (default: the one that the server accepts)",
    "tokenizer": "a hub name or folder of the model's tokenizer, to count tokens and find its template's prefill",
    "max_model_len": "longest prompt and answer together, in tokens; needs tokenizer (default: from the server)",
}


def base_url(given: object) -> str:
    """The address of a server, with `/v1` where it has no path. Raises UsageError for one that is missing or wrong."""
    if not given:
        raise UsageError(
            f"{option('backend', 'openai')} needs the server's address: "
            f"{option('model_args', base_url='http://localhost:8000/v1')} "
            "(or the environment variable OPENAI_BASE_URL)"
        )
    url = str(given).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{option('model_args', base_url=url)}: must be an address such as http://localhost:8000/v1")
    if parts.username or parts.password:
        raise UsageError(
            f"{option('model_args')}: base_url contains a password. Keys are read only from the environment."
        )
    return url if parts.path else f"{url}/v1"


def number(args: Mapping[str, Any], name: str, default: float, *, at_least: float) -> float:
    """A model argument that is a number. Raises UsageError for anything else."""
    value = args.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= at_least:
        raise UsageError(f"{option('model_args', **{name: value})}: must be a number, {at_least:g} or more")
    return float(value)
