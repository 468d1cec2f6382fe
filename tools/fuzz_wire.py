"""Damaged answers of servers, and damaged requests to ours."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from damage import altered, as_text, torn
from fuzz_ground import RECORD, Ground

from groundeval.generation.backends.openai import OpenAIGenerator
from groundeval.generation.interface import SamplingParams
from groundeval.http.client import Client
from groundeval.models.options import GeneratorOptions
from groundeval.nli import connect
from groundeval.nli.identity import Served
from groundeval.nli.model import NLIOptions
from groundeval.nli.remote import Remote
from groundeval.nli.server import VerdictServer
from groundeval.nli.verifiers.chat_server import _first_token, _names
from groundeval.records import Pair, Prompt
from groundeval.rewards.rollouts import Rewarder
from groundeval.rewards.server import RewardServer

COMPLETION = {
    "choices": [{
        "message": {"content": "It is old [1].", "reasoning": "Hm."}, "finish_reason": "stop",
        "logprobs": {"content": [{"token": "Yes", "top_logprobs": [{"token": "Yes", "logprob": -0.1}]}]},
    }],
    "usage": {"prompt_tokens": 5, "completion_tokens": 7},
}  # fmt: skip
MODELS = {"data": [{"id": "m", "max_model_len": 512}]}
VERDICTS = {"model": "m", "verdicts": [{"entailed": True, "score": 0.5, "rechecked": False}]}
REFUSAL = {
    "error": {"message": "unsupported parameter: top_k", "param": "top_k"},
    "detail": [{"loc": ["body", "top_k"]}],
}
HEADERS = ("Retry-After", "Content-Type", "Content-Encoding", "X-Other")
HEADER_VALUES = (
    "1", "-1", "1e400", "nan", "Mon, 01 Jan 100000000000000000000 00:00:00 GMT", "text/html; charset=klingon", "gzip",
    "br", "deflate", "identity", "x" * 1_000, "",
)  # fmt: skip
PAGE = "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n"


class Wire(Ground):
    """Answers and requests."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.generator = OpenAIGenerator(
            GeneratorOptions("m", model_args={"base_url": "http://localhost:1/v1", "max_retries": 0, "backoff": 0})
        )
        nli = connect("lexical")
        self.servers = [
            (VerdictServer(nli), [("/verdicts", {"pairs": [["p", "h"], ["q", "i"]]})]),
            (RewardServer(Rewarder.of("ground_grpo_stage2", nli="lexical"), nli), self.requests()),
        ]

    def answer(self, rng: random.Random, whole: Any) -> httpx.MockTransport:
        """A server that sends a damaged answer."""
        content = altered(rng.choice([whole, whole, REFUSAL]), rng)
        status = rng.choice([200, 200, 200, 200, 400, 404, 422, 429, 500])
        headers = {rng.choice(HEADERS): rng.choice(HEADER_VALUES)} if rng.random() < 0.3 else {}
        if rng.random() < 0.1:
            content, headers = torn(gzip.compress(content, 1), rng), {"Content-Encoding": "gzip"}
        # Streamed, so that the answer is decoded where it is read and not where it is made.
        return httpx.MockTransport(
            lambda request: httpx.Response(status, headers=headers, stream=httpx.ByteStream(content))
        )

    def generation(self, rng: random.Random) -> None:
        """The `openai` backend."""
        self.generator._answered = rng.random() < 0.5
        transport = self.answer(rng, COMPLETION)

        async def ask() -> None:
            async with httpx.AsyncClient(transport=transport) as client:
                params = SamplingParams(top_k=5, temperature=0.5)
                outages = self.generator._outages(client, params)
                await self.generator._complete(client, Prompt("q0", "What?"), params, outages)

        asyncio.run(ask())

    def verifier(self, rng: random.Random) -> None:
        """The clients of verifiers: `serve-nli` and OpenAI-compatible servers."""
        remote = Remote(NLIOptions(model="http://localhost:1", patience=0.0, timeout=5.0))
        client = remote._client
        assert isinstance(client, Client)
        served = {"name": "m", "revision": None}
        identity = {"model": "m", "identity": served}
        if rng.random() < 0.8:
            remote._served = Served(served, "m")
        uses: list[tuple[Any, Callable[[], object]]] = [
            (VERDICTS, lambda: remote._chunk([Pair("p", "h")])),
            (identity, remote.check),
            (COMPLETION, lambda: client.ask("POST", "/x", {}, read=_first_token, patience=0.0)),
            (MODELS, lambda: client.ask("GET", "/x", read=_names, patience=0.0)),
        ]
        whole, use = rng.choice(uses)
        client._http = httpx.Client(transport=self.answer(rng, whole))
        use()
        remote.close()

    def requests(self) -> list[tuple[str, Any]]:
        """The requests that `serve-rewards` takes."""
        example = {name: each for name, each in RECORD.items() if name != "output"}
        carried = {"task": "trust_asqa", "example": example}
        text = "<think>Hm.</think><answer>It is Paris [1].</answer>"
        message = {"type": "message", "content": [{"type": "output_text", "text": text}]}
        return [
            ("/rewards", {"samples": [{**carried, "text": text, "prefill": "", "finish_reason": "stop"}] * 2}),
            ("/", {"query": [PAGE + text], "prompts": [PAGE], "labels": [json.dumps(carried)]}),
            ("/verify", {**carried, "response": {"output": [message]}}),
        ]

    def request(self, rng: random.Random) -> None:
        """Requests to the servers: none may be answered with a status that means a fault of the server."""
        server, requests = rng.choice(self.servers)
        path, whole = rng.choice(requests)
        body = altered(whole, rng)
        if "labels" in whole and rng.random() < 0.5:
            label = altered(json.loads(whole["labels"][0]), rng).decode("utf-8", "replace")
            body = as_text({**whole, "labels": [label]})
        headers = {b"Content-Type": b"application/json"}
        if rng.random() < 0.1:
            headers[rng.choice([b"Content-Type", b"Origin", b"Prefer", b"Authorization", b"Host"])] = rng.choice(
                ["x", "", "wait=0", "wait=999999999", "text/plain", "null", "http://127.0.0.1", "\xff"]
            ).encode("latin-1")

        async def ask() -> int:
            transport = httpx.ASGITransport(server, client=("127.0.0.1", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return (await client.post(path, content=body, headers=headers)).status_code

        if server.verifier is not None and not server.verifier.ready:
            server.verifier._load()
        status = asyncio.run(ask())
        if status >= 500:
            raise AssertionError(f"{path} answers {status} to {body[:300]!r}")
