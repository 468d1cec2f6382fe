"""Requests to an OpenAI-compatible server: messages and sampling parameters, and advice if it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from groundeval.errors import UsageError, option
from groundeval.generation.interface import SamplingParams
from groundeval.generation.sampling import sample_seed
from groundeval.http.body import read_body
from groundeval.http.dialect import LENGTH_FIELDS
from groundeval.http.retrying import NoAnswer, refusal
from groundeval.parsing.normalize import printable
from groundeval.records import Prompt

MOST_BYTES = 32 << 20
"""Of an answer: several times the longest text that is kept."""


class Answer(NamedTuple):
    """A server's answer."""

    status: int
    body: bytes
    refusal: NoAnswer
    """What it says where the status is an error's."""


async def asked(client: httpx.AsyncClient, method: str, url: str, body: Mapping[str, Any] | None) -> Answer:
    """One request. Raises NoAnswer for an answer of more than `MOST_BYTES`."""
    async with client.stream(method, url, json=body) as response:
        read = await read_body(response, MOST_BYTES)
        return Answer(response.status_code, read, refusal(response, read))


def sampling_parameters(params: SamplingParams, sample_id: str) -> dict[str, Any]:
    """The sampling parameters of one request: no more than what changes the answer and is not left to the server."""
    found: dict[str, Any] = {}
    if params.temperature is not None:
        found["temperature"] = params.temperature
    # Where nothing is drawn, or by a temperature of the server's own, `top_p` is told only where it was asked for.
    if params.top_p is not None and (params.top_p < 1 or params.temperature):
        found["top_p"] = params.top_p
    found["max_tokens"] = params.max_new_tokens
    if not params.is_greedy and params.seed is not None:
        # 31 bits: some servers keep the seed in a signed 32-bit number.
        found["seed"] = sample_seed(params.seed, sample_id) & 0x7FFFFFFF
    if params.top_k > 0:
        found["top_k"] = params.top_k
    if params.stop:
        found["stop"] = list(params.stop)
    return found


def dispensable(params: SamplingParams) -> tuple[str, ...]:
    """Parameters that a server may refuse without effect: by default it samples from the whole distribution too."""
    return ("top_p",) if params.top_p == 1 else ()


def parameter_refused(url: str, refused: Mapping[str, Any], said: str) -> UsageError:
    """The error for parameters that a server does not take, by name with what was sent: how to leave each out."""
    return UsageError(
        f"{url}: the server does not take {' and '.join(f'{name} ({each!r})' for name, each in refused.items())}.\n"
        f"  It says: {said}\n"
        f"  Leave out what it does not take: {'; or '.join(map(_without, refused))}"
    )


def _without(name: str) -> str:
    """The option that leaves a parameter out."""
    if name in LENGTH_FIELDS:
        other = next(each for each in LENGTH_FIELDS if each != name)
        return f"{option('model_args', max_tokens_field=other)}, the other name of the longest answer"
    if name == "temperature":
        return f"{option('sampling', temperature=None)} (it then draws by its own temperature)"
    if name == "top_k":
        return option("sampling", top_k=0)
    if name == "stop":
        return f"no stop in {option('sampling')}"
    if name == "chat_template_kwargs":
        return f"no {option('chat_template_kwargs')}"
    return option("sampling", **{name: None})


def messages(prompt: Prompt) -> list[dict[str, str]]:
    """A prompt as the turns of a chat."""
    turns = [] if prompt.system is None else [{"role": "system", "content": printable(prompt.system)}]
    return [*turns, {"role": "user", "content": printable(prompt.user)}]


def plain(prompt: Prompt) -> str:
    """A prompt as one text, for the completions endpoint."""
    return printable(prompt.user if prompt.system is None else f"{prompt.system}\n\n{prompt.user}")
