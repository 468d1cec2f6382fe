"""The client, against a server of real sockets; real engines are in `test_vllm_generator.py`."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai_server import PROMPTS, Handler, Server, client, completions, server

from groundeval.errors import UsageError
from groundeval.generation.interface import GENERATORS, Completion, SamplingParams
from groundeval.models.options import GeneratorOptions
from groundeval.parsing.reasoning import ReasoningTags
from groundeval.records import Example, Prompt, Response

__all__ = ["server"]


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER_KEY", "sk-other")
    generator = client(server, model_args={"api_key_env": "OTHER_KEY"})
    completions(generator, PROMPTS[:1])
    assert server.requests[0]["headers"]["Authorization"] == "Bearer sk-other"
    assert "sk-other" not in json.dumps([dict(generator.identity()), generator.render(PROMPTS[0]).text])


def test_the_request_says_what_was_asked_for(server: Server) -> None:
    generator = client(server, chat_template_kwargs={"enable_thinking": False})
    prompt = [Prompt("x", "Hi", system="Be kind.")]
    completions(generator, prompt, temperature=0.5, top_p=0.9, top_k=3, max_new_tokens=9, stop=("\n",))
    [sent] = server.requests
    seed = sent.pop("seed")
    assert 0 <= seed < 2**31
    assert {key: sent[key] for key in sent if key not in ("headers", "path")} == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 3,
        "max_tokens": 9,
        "stop": ["\n"],
        "chat_template_kwargs": {"enable_thinking": False},
    }
    completions(generator, prompt)
    assert "seed" not in server.requests[1]


def test_without_a_chat_template_the_completions_endpoint_is_used(server: Server) -> None:
    found = completions(client(server, apply_chat_template=False), PROMPTS[:1])
    assert found["s0"].text == "plain question 0"
    assert server.requests[0]["path"] == "/v1/completions"


@pytest.mark.parametrize(
    ("message", "answer", "status"),
    [
        ({"reasoning_content": "hm", "content": "Yes."}, "Yes.", "ok"),
        ({"reasoning": "hm", "content": "Yes."}, "Yes.", "ok"),
        ({"content": "<think>hm</think>Yes."}, "Yes.", "ok"),
        ({"reasoning_content": "hm", "content": None, "finish_reason": "length"}, "", "unclosed_reasoning"),
        ({"reasoning_content": "hm", "content": None}, "", "empty"),
        ({"content": None}, "", "empty"),
        ({"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Yes."}]}, "Yes.", "ok"),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "h"}, {"type": "text", "text": "m"}]},
                    {"type": "text", "text": "Ye"},
                    "s.",
                ]
            },
            "Yes.",
            "ok",
        ),
        ({"content": [{"type": "reasoning", "text": "hm"}, {"type": "output_text", "text": "Yes."}]}, "Yes.", "ok"),
        ({"content": [{"type": "thinking", "thinking": "hm"}], "finish_reason": "length"}, "", "unclosed_reasoning"),
        ({"reasoning_content": [{"type": "summary_text", "text": "hm"}], "content": "Yes."}, "Yes.", "ok"),
        ({"content": []}, "", "empty"),
    ],
)
def test_reasoning_that_the_server_split_off_is_put_back_in_front(
    server: Server, message: dict[str, Any], answer: str, status: str
) -> None:
    server.answer = lambda handler, body, attempt: handler.reply_text(body, **message)
    [completion] = completions(client(server), PROMPTS[:1]).values()
    response = Response.build(Example("s0", "q"), completion.text)
    assert (response.text, response.status) == (answer, status)
    assert response.reasoning == (None if completion.text == "" else "hm")


@pytest.mark.parametrize(
    ("message", "answer", "status"),
    [
        ({"content": "analysisIt is old.assistantfinalYes [1]."}, "Yes [1].", "ok"),
        ({"content": "analysisIt is old. Let me", "finish_reason": "length"}, "", "unclosed_reasoning"),
        ({"reasoning_content": "It is old.", "content": "Yes [1]."}, "Yes [1].", "ok"),
        ({"reasoning_content": "It is", "content": None, "finish_reason": "length"}, "", "unclosed_reasoning"),
        ({"content": "Yes [1]."}, "Yes [1].", "ok"),
    ],
)
def test_the_name_of_a_model_suggests_how_its_reasoning_is_read(
    server: Server, message: dict[str, Any], answer: str, status: str
) -> None:
    server.answer = lambda handler, body, attempt: handler.reply_text(body, **message)
    server.models = ["openai/gpt-oss-20b"]
    generator = client(server, "openai/gpt-oss-20b")
    assert generator.guesses_reasoning_tags
    [completion] = completions(generator, PROMPTS[:1]).values()
    response = Response.build(Example("s0", "q"), completion.text, tags=generator.reasoning_tags)
    assert (response.text, response.status) == (answer, status)
    named = client(server, "openai/gpt-oss-20b", reasoning_tags=ReasoningTags("<a>", "</a>"))
    assert (named.guesses_reasoning_tags, named.reasoning_tags) == (False, ReasoningTags("<a>", "</a>"))


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "Yes"}, {"type": "text", "text": " [1]."}], "Yes [1]."),
        ([{"type": "refusal", "refusal": "No."}], "No."),
        ([{"type": "redacted_thinking", "data": "x7"}, {"type": "text", "text": "Yes."}], "Yes."),
        (["Y", "es."], "Yes."),
    ],
)
def test_content_in_parts_is_one_text(server: Server, content: list[Any], text: str) -> None:
    server.answer = lambda handler, body, attempt: handler.reply_text(body, content=content)
    [completion] = completions(client(server), PROMPTS[:1]).values()
    assert (completion.text, completion.error) == (text, None)


@pytest.mark.parametrize("content", [[{"type": "image_url", "image_url": {}}], [3], {"type": "audio"}, 7])
def test_content_that_is_no_text_is_a_malformed_answer(server: Server, content: Any) -> None:
    server.answer = lambda handler, body, attempt: handler.reply_text(body, content=content)
    [completion] = completions(client(server, model_args={"max_retries": 0}), PROMPTS[:1]).values()
    assert str(completion.error).startswith("malformed answer")


def test_without_tags_the_answer_of_the_server_is_the_text(server: Server) -> None:
    server.answer = lambda handler, body, attempt: handler.reply_text(body, reasoning_content="hm", content="Yes.")
    [completion] = completions(client(server, reasoning_tags=ReasoningTags.none()), PROMPTS[:1]).values()
    assert completion.text == "Yes."


def test_it_works_where_an_event_loop_runs_already(server: Server) -> None:
    async def inside() -> dict[str, Completion]:
        return completions(client(server), PROMPTS[:3])

    assert asyncio.run(inside())["s2"].text == "answer to question 2"


def test_leaving_early_stops_the_requests(server: Server) -> None:
    left = threading.Event()

    def answer(handler: Handler, body: dict[str, Any], attempt: int) -> None:
        if body["messages"][-1]["content"] != "question 0":
            left.wait(60)
        handler.reply_text(body)

    server.answer = answer
    running = client(server, model_args={"concurrency": 2}).generate(PROMPTS, SamplingParams())
    next(running)
    running.close()  # type: ignore[attr-defined]
    left.set()
    assert sum(server.attempts.values()) <= 3


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"base_url": "localhost:8000"}, "must be an address"),
        ({"base_url": "http://me:pw@host/v1"}, "contains a password"),
        ({"base_url": "http://x/v1", "concurrency": 0}, "'concurrency': 0}: must be a number, 1 or more"),
        ({"base_url": "http://x/v1", "timeout": "long"}, "'timeout': 'long'"),
        ({"base_url": "http://x/v1", "max_tokens_field": "max_len"}, "unknown max_tokens_field"),
        ({"base_url": "http://x/v1", "max_model_len": 5}, "needs tokenizer"),
        ({"url": "http://x"}, "Did you mean"),
    ],
)
def test_wrong_arguments_are_refused(args: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        GENERATORS.get("openai")(GeneratorOptions("tiny", model_args=args))
    assert "pw" not in str(caught.value)


def test_without_an_address_there_is_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(UsageError, match="'base_url': 'http://localhost:8000/v1'"):
        GENERATORS.get("openai")(GeneratorOptions("tiny"))
    monkeypatch.setenv("OPENAI_BASE_URL", "http://somewhere:1")
    assert GENERATORS.get("openai")(GeneratorOptions("tiny")).url == "http://somewhere:1/v1"  # type: ignore[attr-defined]


def test_a_named_tokenizer_counts_tokens_and_knows_what_the_template_begins(
    server: Server, tiny: Callable[..., Any]
) -> None:
    from tiny_models import REASONING

    generator = client(server, model_args={"tokenizer": str(tiny(REASONING))})
    assert generator.context_length == 512  # type: ignore[attr-defined]
    rendered = generator.render(Prompt("x", "Hi"))
    assert rendered.prefill == "<think>\n"
    assert rendered.tokens is not None
    server.answer = lambda handler, body, attempt: handler.reply_text(body, reasoning_content="hm", content="Yes.")
    [completion] = completions(generator, PROMPTS[:1]).values()
    assert completion.text == "hm</think>Yes."


def test_a_tokenizer_that_cannot_be_loaded_is_named_as_such(server: Server, tmp_path: Path) -> None:
    missing = str(tmp_path / "no-tokenizer")
    with pytest.raises(UsageError) as raised:
        client(server, model_args={"tokenizer": missing}).render(PROMPTS[0])
    assert str(raised.value).startswith(f"model_args={{'tokenizer': {missing!r}}}: ")
    assert "tiny" not in str(raised.value)


def test_the_length_that_prompts_are_cut_to_is_part_of_the_identity(server: Server, tiny: Callable[..., Any]) -> None:
    from tiny_models import REASONING

    named = {"tokenizer": str(tiny(REASONING))}
    shorter = client(server, model_args={**named, "max_model_len": 128}).identity()
    assert shorter["context_length"] == 128
    assert client(server, model_args=named).identity() == {**shorter, "context_length": 512}
    assert "context_length" not in client(server).identity()
