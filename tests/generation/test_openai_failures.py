"""What the client makes of a server that fails, refuses, floods or goes away: no sample gets another's text."""

from __future__ import annotations

import contextlib
import gzip
import json
import resource
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from email.utils import formatdate
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from openai_server import KEY, PROMPTS, Handler, Server, client, completions, server

import groundeval
from groundeval.cli.app import main
from groundeval.errors import BackendError, UsageError
from groundeval.generation.interface import GENERATORS, Completion, SamplingParams
from groundeval.http.retrying import retry_after
from groundeval.models.options import GeneratorOptions

__all__ = ["server"]


def test_a_server_that_misbehaves_still_gives_every_sample_its_own_text(server: Server) -> None:
    given_up = threading.Event()

    def answer(handler: Handler, body: dict[str, Any], attempt: int) -> None:
        text = body["messages"][-1]["content"]
        faults = {0: "429", 1: "500", 2: "hang", 3: "cut", 4: "malformed", 5: "odd"}
        is_one = text.startswith("question") and attempt <= 2
        fault = faults.get(int(text.split()[1]) % 20) if is_one else None
        if fault == "429":
            handler.reply(429, {"error": {"message": "slow down"}}, Retry_After="0.05")
        elif fault == "500":
            handler.reply(500, b"<html>broken</html>")
        elif fault == "hang":
            given_up.wait(60)
        elif fault == "cut":
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b'{"choices": [')
            handler.close_connection = True
        elif fault == "malformed":
            handler.reply(200, b'{"choices": [{"message"')
        elif fault == "odd":
            handler.reply(200, {"choices": [], "note": None})
        else:
            handler.reply_text(body)

    server.answer = answer
    # Long enough for an honest answer on a busy machine.
    found = completions(client(server, model_args={"timeout": 3}))
    given_up.set()
    assert found == {p.id: Completion(p.id, f"answer to {p.user}", "stop", 5, 7) for p in PROMPTS}
    assert {server.attempts[p.user] for p in PROMPTS} == {1, 3}


def test_a_sample_that_keeps_failing_is_an_error_and_no_text(server: Server) -> None:
    def answer(handler: Handler, body: dict[str, Any], attempt: int) -> None:
        if "question 7" in body["messages"][-1]["content"]:
            handler.reply(500, {"error": {"message": f"no memory for {KEY}"}})
        else:
            handler.reply_text(body)

    server.answer = answer
    found = completions(client(server, model_args={"max_retries": 2}), PROMPTS[:10])
    assert found["s7"].error == "500 no memory for ***"
    assert [c.id for c in found.values() if c.error] == ["s7"]
    assert server.attempts["question 7"] == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 500, 502])
def test_prompts_that_a_working_server_refuses_are_their_own_errors(server: Server, status: int) -> None:
    """The first ones, before any answer, and more in a row than a server that is down would be tried with."""
    bad = {prompt.user for prompt in PROMPTS[:12]}

    def answer(handler: Handler, body: dict[str, Any], attempt: int) -> None:
        if body["messages"][-1]["content"] in bad:
            handler.reply(status, {"error": {"message": "unsupported: `max_tokens` of this prompt"}})
        else:
            handler.reply_text(body)

    server.answer = answer
    found = completions(client(server, model_args={"max_retries": 1, "concurrency": 4}), PROMPTS[:20])
    assert {c.id for c in found.values() if c.error} == {p.id for p in PROMPTS[:12]}
    assert all(str(status) in found[p.id].error for p in PROMPTS[:12])


def test_an_answer_that_the_server_broke_off_is_asked_for_again(server: Server) -> None:
    def answer(handler: Handler, body: dict[str, Any], attempt: int) -> None:
        if attempt == 1:
            handler.reply_text(body, content="half an ans", finish_reason="abort")
        else:
            handler.reply_text(body)

    server.answer = answer
    found = completions(client(server), PROMPTS[:2])
    assert {c.text for c in found.values()} == {"answer to question 0", "answer to question 1"}
    assert set(server.attempts.values()) == {2}


@pytest.mark.parametrize("message", [{"content": None}, {"content": ""}, {"content": "half an ans"}, {"role": "x"}])
def test_an_answer_that_a_filter_withheld_is_an_error_and_not_asked_for_again(
    server: Server, message: dict[str, Any]
) -> None:
    server.answer = lambda handler, body, attempt: handler.reply_text(body, **message, finish_reason="content_filter")
    found = completions(client(server), PROMPTS[:20])
    assert {(c.text, c.error) for c in found.values()} == {
        ("", "the server's content filter withheld the answer or part of it")
    }
    assert {server.attempts[prompt.user] for prompt in PROMPTS[:20]} == {1}


@pytest.mark.parametrize("usage", [None, [], "12", {"prompt_tokens": "5", "completion_tokens": None}])
def test_an_answer_without_usable_counts_of_tokens_is_still_an_answer(server: Server, usage: Any) -> None:
    message = {"role": "assistant", "content": "Yes."}
    reply = {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
    server.answer = lambda handler, body, attempt: handler.reply(200, reply)
    [completion] = completions(client(server), PROMPTS[:1]).values()
    assert (completion.text, completion.prompt_tokens, completion.completion_tokens) == ("Yes.", None, None)
    assert len(server.attempts) == 1


def test_a_request_that_the_server_calls_wrong_is_not_repeated(server: Server) -> None:
    server.answer = lambda handler, body, attempt: handler.reply(400, {"error": {"message": "context too long"}})
    found = completions(client(server), PROMPTS[:12])
    assert {c.error for c in found.values()} == {"400 context too long"}
    assert set(server.attempts.values()) == {1}


def test_retry_after_holds_back_all_requests(server: Server) -> None:
    times: list[float] = []

    def answer(handler: Handler, body: dict[str, Any], attempt: int) -> None:
        times.append(time.monotonic())
        if len(times) == 1:
            handler.reply(429, {}, Retry_After="1")
        else:
            handler.reply_text(body)

    server.answer = answer
    completions(client(server, model_args={"concurrency": 1}), PROMPTS[:4])
    assert times[1] - times[0] >= 0.99


def test_retry_after_is_read_as_seconds_or_as_a_date() -> None:
    assert retry_after("3") == 3
    assert retry_after("-1") == 0
    assert 8 < (retry_after(formatdate(time.time() + 10, usegmt=True)) or 0) <= 10
    assert retry_after(formatdate(time.time() - 10, usegmt=True)) == 0
    assert retry_after("soon") is None
    assert retry_after(None) is None


def test_no_more_requests_run_at_a_time_than_allowed(server: Server) -> None:
    five = threading.Event()

    def answer(handler: Handler, body: dict[str, Any], attempt: int) -> None:
        # Nobody is answered before five wait; then a sixth would have the time to come.
        if server.active >= 5:
            five.set()
        assert five.wait(30)
        time.sleep(0.02)
        handler.reply_text(body)

    server.answer = answer
    completions(client(server, model_args={"concurrency": 5}))
    assert server.most_active == 5


def test_a_server_that_goes_down_ends_the_window_with_errors_and_the_run_at_the_next(server: Server) -> None:
    server.answer = lambda handler, body, attempt: handler.reply(503, {"error": "down"})
    generator = client(server, model_args={"max_retries": 1, "concurrency": 4})
    found = completions(generator)
    assert all(c.error for c in found.values())
    assert sum(server.attempts.values()) <= 2 * (8 + 4)
    server.shutdown()
    server.server_close()
    with pytest.raises(BackendError, match="does not answer"):
        list(generator.generate(PROMPTS, SamplingParams()))


def test_an_address_where_nothing_listens_is_a_backend_error() -> None:
    args = {"base_url": "http://127.0.0.1:9/v1", "max_retries": 1, "backoff": 0.01}
    with pytest.raises(BackendError, match=r"http://127\.0\.0\.1:9/v1: the server does not answer"):
        GENERATORS.get("openai")(GeneratorOptions("tiny", model_args=args)).load()


def test_a_refused_key_stops_the_run_and_names_the_variable_but_not_the_key(server: Server) -> None:
    server.answer = lambda handler, body, attempt: handler.reply(401, {"error": {"message": f"bad key {KEY}"}})
    with pytest.raises(UsageError, match=r"OPENAI_API_KEY \(set\)") as caught:
        completions(client(server))
    assert KEY not in str(caught.value)


def test_answers_that_came_before_a_server_refuses_are_kept_and_the_run_can_be_resumed(
    server: Server, tmp_path: Path
) -> None:
    def answer(handler: Handler, body: dict[str, Any], attempt: int) -> None:
        if server.attempts.total() > 5:
            handler.reply(404, {"error": "gone for a moment"})
        else:
            handler.reply_text(body)

    server.answer = answer
    args = {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "concurrency": 1}

    def evaluate() -> None:
        groundeval.evaluate(
            "tiny", "asqa", backend="openai", nli="lexical", data="embedded", model_args=args, output_path=tmp_path
        )

    with pytest.raises(BackendError, match="gone for a moment"):
        evaluate()
    [stored] = tmp_path.rglob("generations.jsonl")
    assert len(stored.read_text().splitlines()) == 5
    server.answer = lambda handler, body, attempt: handler.reply_text(body)
    evaluate()
    assert max(Counter(json.loads(line)["id"] for line in stored.open()).values()) == 1


def test_a_model_that_is_not_served_is_refused_with_the_nearest_match(server: Server) -> None:
    server.models = ["tiny-chat", "large:latest"]
    with pytest.raises(UsageError, match='Did you mean "tiny-chat"'):
        client(server, "tiny-cat").load()
    client(server, "large").load()
    server.models = None
    client(server, "anything").load()


def test_a_wrong_name_among_several_models_is_found_before_the_first_generates(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.models = ["tiny", "large"]
    url = f"base_url=http://127.0.0.1:{server.server_port}/v1"
    what = ("run", "--backend", "openai", "--model-args", url, "--model", "tiny", "--model", "lagre")
    code = main([*what, "--tasks", "asqa", "--data", "embedded", "--nli", "lexical", "--output-path", str(tmp_path)])
    assert code == 2
    assert 'Did you mean "large"' in capsys.readouterr().err
    assert not server.requests


def test_a_check_finds_a_wrong_key_and_leaves_a_server_that_does_not_answer_to_loading(server: Server) -> None:
    def check(generator: Any) -> None:
        generator.check()

    server.get = lambda handler: handler.reply(401, {"error": {"message": f"bad key {KEY}"}})
    with pytest.raises(UsageError, match=r"OPENAI_API_KEY \(set\)"):
        check(client(server))
    tried: list[int] = []

    def starting(handler: Handler) -> None:
        tried.append(503)
        handler.reply(503, {"error": "starting"})

    server.get = starting
    check(client(server))
    assert len(tried) == 1
    check(GENERATORS.get("openai")(GeneratorOptions("tiny", model_args={"base_url": "http://127.0.0.1:9/v1"})))


@lru_cache
def bomb(size: int = 1 << 28) -> bytes:
    """A quarter of a megabyte that gzip makes a quarter of a gigabyte of."""
    packer = zlib.compressobj(1, wbits=31)
    piece = b" " * (1 << 20)
    return b"".join([packer.compress(piece) for _ in range(size >> 20)]) + packer.flush()


def _flood(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    with contextlib.suppress(OSError):
        for _ in range(4_000):
            handler.wfile.write(b" " * 65_536)


NOT_ANSWERS: dict[str, Callable[[Handler], object]] = {
    "deeply nested JSON": lambda handler: handler.reply(200, b"[" * 100_000),
    "nested and closed": lambda handler: handler.reply(200, b'{"choices":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "an unknown charset": lambda handler: handler.reply(200, b"\xff\xfe", Content_Type="text/html; charset=klingon"),
    "a gzip bomb": lambda handler: handler.reply(200, bomb(), Content_Encoding="gzip"),
    "damaged gzip": lambda handler: handler.reply(200, b"\x1f\x8b\x08 what", Content_Encoding="gzip"),
    "an unknown encoding": lambda handler: handler.reply(200, b"{}", Content_Encoding="zstd"),
    "a body without end": _flood,
    "a pause of ages": lambda handler: handler.reply(429, {}, Retry_After="Mon, 01 Jan 100000000000000000000 00:00:00"),
    "a huge number": lambda handler: handler.reply(200, b'{"choices": [{"message": 1' + b"0" * 400 + b"}]}"),
    **{
        f"wrong types: {each}": lambda handler, each=each: handler.reply(200, each)  # type: ignore[misc]
        for each in (
            {"choices": {}}, {"choices": None}, {"choices": 5}, {"choices": [None]}, {"choices": ["text"]}, [],
            {"choices": [{"message": []}]}, {"choices": [{"message": {"content": 5}}]}, {"choices": [{"text": []}]},
            {"choices": [{"message": {"content": "a", "reasoning": {}, "reasoning_content": 3}}]}, "choices", 7, None,
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("fault", NOT_ANSWERS)
def test_a_broken_answer_is_the_error_of_its_sample_and_takes_little_memory(
    server: Server, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("groundeval.http.retrying.Retries.pause", lambda *_: 0.0)

    def answer(handler: Handler, body: dict[str, Any], attempt: int) -> None:
        if body["messages"][-1]["content"] == "question 3":
            NOT_ANSWERS[fault](handler)
        else:
            handler.reply_text(body)

    server.answer = answer
    generator = client(server, model_args={"max_retries": 1, "timeout": 30})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = completions(generator, PROMPTS[:6])
    assert [each.id for each in found.values() if each.error] == ["s3"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes


def test_an_answer_in_gzip_and_one_with_a_strange_charset_are_answers(server: Server) -> None:
    def answer(handler: Handler, body: dict[str, Any], attempt: int) -> None:
        content = json.dumps({"choices": [{"message": {"content": "é"}, "finish_reason": "stop"}]}).encode()
        if "question 1" in body["messages"][-1]["content"]:
            handler.reply(200, gzip.compress(content), Content_Encoding="gzip")
        else:
            handler.reply(200, content, Content_Type="application/json; charset=klingon")

    server.answer = answer
    assert {each.text for each in completions(client(server), PROMPTS[:3]).values()} == {"é"}


@pytest.mark.parametrize(
    "models",
    [b"[" * 100_000, b'{"data": [[]]}', b'{"data": {"a": 1}}', b'{"data": [{"id": "tiny", "max_model_len": -5}]}'],
)
def test_a_broken_list_of_models_is_none(server: Server, models: bytes) -> None:
    server.get = lambda handler: handler.reply(200, models)
    generator = client(server)
    generator.load()
    assert completions(generator, PROMPTS[:2])["s0"].text == "answer to question 0"
