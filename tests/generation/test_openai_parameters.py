"""Sampling parameters in requests to a server, and the handling of refused ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from openai_server import PROMPTS, Handler, Server, client, completions, server

import groundeval
from groundeval.cli.app import main
from groundeval.errors import UsageError
from groundeval.generation.backends.openai_requests import sampling_parameters
from groundeval.generation.interface import SamplingParams
from groundeval.http.dialect import refused_parameters

__all__ = ["server"]

Refusal = Callable[[dict[str, Any]], tuple[int, dict[str, Any]] | None]
LENGTHS = ("max_tokens", "max_completion_tokens")


def refuses(server: Server, refusal: Refusal) -> None:
    def answer(handler: Handler, body: dict[str, Any], attempt: int) -> None:
        refused = refusal(body)
        if refused is None:
            handler.reply_text(body)
        else:
            handler.reply(*refused)

    server.answer = answer


def by_param(name: str, message: str = "Unsupported parameter") -> Refusal:
    """As OpenAI says it."""
    error = {"message": message, "type": "invalid_request_error", "param": name, "code": "unsupported_parameter"}
    return lambda body: (400, {"error": error}) if name in body else None


def by_location(name: str) -> Refusal:
    """As servers say it that check requests with pydantic."""
    detail = [{"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted", "input": 1}]
    return lambda body: (422, {"detail": detail}) if name in body else None


def in_words(name: str, words: str) -> Refusal:
    return lambda body: (400, {"object": "error", "message": words, "code": 400}) if name in body else None


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, {"temperature": 0.0, "max_tokens": 300}),
        ({"temperature": 0.7}, {"temperature": 0.7, "top_p": 1.0, "max_tokens": 300, "seed": ...}),
        ({"temperature": 0.7, "top_p": None}, {"temperature": 0.7, "max_tokens": 300, "seed": ...}),
        ({"temperature": 0.7, "seed": None}, {"temperature": 0.7, "top_p": 1.0, "max_tokens": 300}),
        ({"temperature": None}, {"max_tokens": 300, "seed": ...}),
        ({"temperature": None, "seed": None}, {"max_tokens": 300}),
        ({"temperature": None, "top_p": 0.9, "seed": None}, {"top_p": 0.9, "max_tokens": 300}),
        ({"top_p": 0.9}, {"temperature": 0.0, "top_p": 0.9, "max_tokens": 300}),
    ],
)
def test_a_server_is_told_what_changes_the_answer_and_is_not_left_to_it(
    asked: dict[str, Any], told: dict[str, Any]
) -> None:
    found = sampling_parameters(SamplingParams(**asked), "s")
    assert {name: ... if name == "seed" else value for name, value in found.items()} == told


def test_what_names_the_folder_of_a_run_is_what_it_was_before_parameters_could_be_left_out() -> None:
    assert asdict(SamplingParams()) == {
        "temperature": 0.0, "top_p": 1.0, "top_k": 0, "max_new_tokens": 300, "stop": (), "seed": 42,
    }  # fmt: skip


@pytest.mark.parametrize(
    "refusal",
    [
        by_param("max_tokens", "Unsupported parameter: use 'max_completion_tokens' instead."),
        by_location("max_tokens"),
        in_words("max_tokens", "Unrecognized request argument supplied: max_tokens"),
    ],
)
def test_the_name_of_the_longest_answer_is_found_from_the_refusal_and_remembered(
    server: Server, refusal: Refusal
) -> None:
    refuses(server, refusal)
    generator = client(server, model_args={"concurrency": 1})
    found = completions(generator, PROMPTS[:5], max_new_tokens=9)
    assert [c.error for c in found.values()] == [None] * 5
    assert [name for request in server.requests for name in LENGTHS if name in request] == [
        "max_tokens", *["max_completion_tokens"] * 5,
    ]  # fmt: skip
    assert generator.request == {"temperature": 0.0, "max_completion_tokens": 9}  # type: ignore[attr-defined]


def test_many_requests_at_a_time_learn_it_together(server: Server) -> None:
    refuses(server, by_param("max_tokens"))
    assert not any(c.error for c in completions(client(server)).values())


def test_a_name_that_was_asked_for_is_kept_and_its_refusal_is_an_error(server: Server) -> None:
    refuses(server, by_param("max_completion_tokens"))
    with pytest.raises(UsageError, match="'max_tokens_field': 'max_tokens'"):
        completions(client(server, model_args={"max_tokens_field": "max_completion_tokens"}), PROMPTS[:1])


def test_a_server_that_takes_neither_name_is_an_error(server: Server) -> None:
    refuses(server, lambda body: next(filter(None, (by_param(name)(body) for name in LENGTHS)), None))
    with pytest.raises(UsageError, match="does not take max_completion_tokens"):
        completions(client(server), PROMPTS[:3])


@pytest.mark.parametrize(
    "words",
    [
        "'max_tokens' or 'max_completion_tokens' is too large: 300. This model's maximum context length is 512 tokens.",
        "This model's maximum context length is 4096 tokens. However, you requested 5000. Please reduce max_tokens.",
    ],
)
def test_a_prompt_that_leaves_no_room_is_the_error_of_its_sample(server: Server, words: str) -> None:
    refuses(server, lambda body: (400, {"message": words}) if "7" in body["messages"][-1]["content"] else None)
    found = completions(client(server), PROMPTS[:10])
    assert [c.id for c in found.values() if c.error] == ["s7"]
    assert str(found["s7"].error).startswith("400 ")
    assert not any("max_completion_tokens" in request for request in server.requests)


CASES: dict[str, tuple[Refusal, dict[str, Any], str]] = {
    "temperature": (
        by_param("temperature", "Unsupported value: 'temperature' does not support 0.0 with this model."),
        {},
        "temperature=None",
    ),
    "temperature in words": (in_words("temperature", "temperature must be 1 for this model"), {}, "temperature=None"),
    "seed": (by_location("seed"), {"temperature": 0.7}, "seed=None"),
    "stop": (by_param("stop"), {"stop": ("\n",)}, "no stop in"),
    "stop in quotes": (in_words("stop", "`stop` is not supported by reasoning models"), {"stop": ("a",)}, "no stop in"),
    "top_k": (in_words("top_k", "Unrecognized request argument supplied: top_k"), {"top_k": 5}, "top_k=0"),
    "top_p": (by_param("top_p"), {"temperature": 0.7, "top_p": 0.9}, "top_p=None"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_parameter_that_the_server_refuses_stops_the_run_and_says_how_to_leave_it_out(
    case: str, server: Server
) -> None:
    refusal, asked, advice = CASES[case]
    refuses(server, refusal)
    with pytest.raises(UsageError) as raised:
        completions(client(server), **asked)
    said = str(raised.value)
    assert f"does not take {case.split()[0]} (" in said
    assert advice in said
    assert "It says: 4" in said
    assert len(server.requests) <= 17


def test_both_of_two_that_exclude_each_other_are_named(server: Server) -> None:
    words = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
    refuses(server, in_words("top_p", words))
    with pytest.raises(UsageError, match=r"temperature \(0\.7\) and top_p \(0\.9\)"):
        completions(client(server), PROMPTS[:2], temperature=0.7, top_p=0.9)
    # The whole distribution is also what the server draws from when it is not told.
    assert not any(c.error for c in completions(client(server), PROMPTS[:2], temperature=0.7).values())


@pytest.mark.parametrize(
    "message",
    [
        "Your request was flagged: the temperature of the seed bank may only stop rising",
        "the prompt is not allowed",
        "context too long",
    ],
)
def test_a_refusal_of_a_text_is_the_error_of_its_sample(server: Server, message: str) -> None:
    sent = {"temperature": 0.7, "top_p": 0.9, "seed": 1, "stop": ["x"], "max_tokens": 9}
    assert refused_parameters(sent, 400, json.dumps({"error": {"message": message}}).encode()) == ()
    refuses(server, lambda body: (400, {"error": {"message": message}}))
    [completion] = completions(client(server), PROMPTS[:1], temperature=0.7, stop=("x",)).values()
    assert completion.error == f"400 {message}"


def test_what_a_server_took_before_and_refuses_now_is_the_error_of_a_sample(server: Server) -> None:
    refuses(server, lambda body: by_param("temperature")(body) if "7" in body["messages"][-1]["content"] else None)
    found = completions(client(server, model_args={"concurrency": 1}), PROMPTS[:10])
    assert [c.id for c in found.values() if c.error] == ["s7"]


def test_only_a_server_has_defaults_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"temperature=None\): only a server"):
        groundeval.evaluate(
            "smollm2", "asqa", data="embedded", nli="lexical", sampling=SamplingParams(temperature=None)
        )


def run(server: Server, folder: Path, *flags: str) -> int:
    url = f"base_url=http://127.0.0.1:{server.server_port}/v1"
    what = ("run", "--backend", "openai", "--model-args", url, "--model", "tiny", "--tasks", "asqa", "--limit", "3")
    return main([*what, "--data", "embedded", "--nli", "lexical", "--output-path", str(folder), *flags])


def test_from_the_command_line_a_parameter_is_left_out_and_the_manifest_says_what_was_sent(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refuses(server, by_param("temperature"))
    assert run(server, tmp_path) == 2
    assert "--gen-kwargs temperature=none" in capsys.readouterr().err
    assert run(server, tmp_path, "--gen-kwargs", "temperature=none,seed=none") == 0
    [manifest] = [
        found for path in tmp_path.rglob("manifest.json") if (found := json.loads(path.read_text())).get("sessions")
    ]
    assert manifest["identity"]["sampling"]["temperature"] is None
    assert manifest["identity"]["sampling"]["seed"] is None
    assert manifest["sessions"][0]["request"] == {"max_tokens": 300}


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (r"stop=\n", ["\n"]),
        ("stop=:", [":"]),
        (r'stop=["\n",":"]', ["\n", ":"]),
        (r'stop=["]", ",", "a\"b"],temperature=0', ["]", ",", 'a"b']),
        (r"stop=['\n', 'Q:']", ["\n", "Q:"]),
        (r"stop=[\n, Q]", ["\n", "Q"]),
        ("stop=###", ["###"]),
        (r"stop=\\n", ["\\n"]),
        (r"temperature=0,stop=\n\nQuestion:", ["\n\nQuestion:"]),
        ('{"stop": ["\\n", ":"]}', ["\n", ":"]),
    ],
)
def test_stop_strings_from_the_command_line_reach_the_server_as_they_were_meant(
    written: str, sent: list[str], server: Server, tmp_path: Path
) -> None:
    assert run(server, tmp_path, "--gen-kwargs", written) == 0
    assert {tuple(request["stop"]) for request in server.requests} == {tuple(sent)}


def test_answers_that_the_server_cut_are_counted(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answer = lambda handler, body, attempt: handler.reply_text(body, content="Half an", finish_reason="length")
    assert run(server, tmp_path, "--gen-kwargs", "max_new_tokens=5") == 0
    assert "3 of 3 answers were cut at max_new_tokens=5" in capsys.readouterr().err
