"""A chat model behind an OpenAI-compatible server: P(yes) from its first token's probabilities, and failures."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from groundeval.errors import BackendError, SampleError, UsageError
from groundeval.nli import connect
from groundeval.records import Pair

Reply = tuple[int, dict[str, Any]]
FAILURES = [{"status": status, "error": {"message": "poison"}} for status in (400, 403, 404, 500, 502, 503)]
PAIRS = [Pair(f"Rome is {'old' if n % 3 else 'new'}, number {n}.", f"Rome is old, number {n}.") for n in range(30)]


def completion(probabilities: dict[str, float]) -> Reply:
    """An answer whose first token has these probabilities."""
    top = [{"token": token, "logprob": math.log(p)} for token, p in probabilities.items()]
    first = {**top[0], "top_logprobs": top}
    return 200, {"choices": [{"message": {"content": top[0]["token"]}, "logprobs": {"content": [first]}}]}


def old_or_new(body: dict[str, Any]) -> Reply:
    """Says yes to what is old, in several spellings, and wastes some probability."""
    asked = body["messages"][0]["content"]
    yes = 0.7 if "is old, number" in asked.split("Claim")[0] or "capital" in asked else 0.1
    return completion({"Yes": yes - 0.05, " yes": 0.05, "No": 0.8 - yes, "Maybe": 0.2})


class Chat:
    """A server that answers with what a function makes of each request."""

    def __init__(self, reply: Callable[[dict[str, Any]], Reply], models: list[str]) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.address = ""
        self.reply = reply
        self.models = models


@contextmanager
def chat_server(reply: Callable[[dict[str, Any]], Reply] = old_or_new, *models: str) -> Iterator[Chat]:
    chat = Chat(reply, list(models or ("judge",)))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.answer(200, {"data": [{"id": name} for name in chat.models]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            chat.requests.append(body)
            chat.keys.append(self.headers.get("Authorization"))
            self.answer(*chat.reply(body))

        def answer(self, status: int, found: dict[str, Any]) -> None:
            content = json.dumps(found).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    chat.address = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield chat
    finally:
        server.shutdown()
        server.server_close()


def test_the_score_is_the_probability_of_yes_against_no():
    with chat_server() as chat, connect(f"causal:judge@{chat.address}") as nli:
        verdicts = nli.judge(PAIRS)
    assert [v.score for v in verdicts] == pytest.approx([0.7 / 0.8 if n % 3 else 0.1 / 0.8 for n in range(30)])
    assert [v.entailed for v in verdicts] == [n % 3 != 0 for n in range(30)]
    asked = chat.requests[-1]
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("judge", 0, 1)
    assert asked["logprobs"] is True


def test_a_server_with_one_model_needs_no_name_and_the_results_have_it():
    with chat_server() as chat, connect(f"causal@{chat.address}") as nli:
        identity = nli.identity()
    assert (identity["name"], identity["kind"], identity["fidelity"]) == ("judge", "causal", "proxy")
    assert "127.0.0.1" in identity["server"]
    assert not chat.requests


def test_a_model_that_is_not_served_is_refused_with_the_nearest_before_anything_is_asked():
    with chat_server(old_or_new, "judge-large", "other") as chat:
        with pytest.raises(UsageError, match='Did you mean "judge-large"'):
            connect(f"causal:judge-lage@{chat.address}").check()
        with pytest.raises(UsageError, match="which of its models"):
            connect(f"causal@{chat.address}").check()
    assert not chat.requests


@pytest.mark.parametrize("status", [429, 500])
def test_an_answer_that_may_be_better_next_time_is_asked_for_again(status: int):
    failed: set[str] = set()

    def stumbling(body: dict[str, Any]) -> Reply:
        asked = body["messages"][0]["content"]
        if asked not in failed:
            failed.add(asked)
            return status, {"error": {"message": "busy"}}
        return old_or_new(body)

    with chat_server(stumbling) as chat, connect(f"causal:judge@{chat.address}") as nli:
        assert [v.entailed for v in nli.judge(PAIRS[:4])] == [False, True, True, False]


def test_a_server_that_tells_no_probabilities_is_refused():
    def silent(body: dict[str, Any]) -> Reply:
        return 200, {"choices": [{"message": {"content": "Yes"}, "logprobs": None}]}

    def strict(body: dict[str, Any]) -> Reply:
        return 400, {"error": {"message": "logprobs is not supported"}}

    for reply in (silent, strict):
        with chat_server(reply) as chat, connect(f"causal:judge@{chat.address}") as nli:
            for use in (nli.check, nli.load):
                with pytest.raises(UsageError, match="top_logprobs"):
                    use()


def test_the_question_that_shows_what_a_server_tells_is_asked_once():
    with chat_server() as chat, connect(f"causal:judge@{chat.address}") as nli:
        for use in (nli.check, nli.check, nli.load, nli.identity):
            use()
        assert len(chat.requests) == 1
        nli.judge(PAIRS[:3])
        assert len(chat.requests) == 4


def test_a_model_that_thinks_first_is_refused_with_what_it_said():
    with (
        chat_server(lambda body: completion({"<think>": 0.99, "Well": 0.01})) as chat,
        pytest.raises(UsageError, match="began its answer with '<think>'"),
    ):
        connect(f"causal:judge@{chat.address}").load()


@pytest.mark.parametrize(
    ("first", "message"),
    [({"The": 0.99, "Yes": 1e-6}, "probability 1e-06; at least 0.1 is required"), ({"Yes": math.nan}, "nan")],
)
def test_an_answer_in_which_yes_and_no_are_only_noise_is_no_verdict(first: dict[str, float], message: str):
    with chat_server() as chat, connect(f"causal:judge@{chat.address}") as nli:
        nli.load()
        chat.reply = lambda body: completion(first)
        [outcome] = nli.outcomes(PAIRS[:1])
    assert isinstance(outcome, SampleError)
    assert message in str(outcome)


def test_a_pair_that_the_server_does_not_take_fails_alone():
    def picky(body: dict[str, Any]) -> Reply:
        if len(body["messages"][0]["content"]) > 2_000:
            return 400, {"error": {"message": "too many tokens"}}
        return old_or_new(body)

    with chat_server(picky) as chat, connect(f"causal:judge@{chat.address}") as nli:
        outcomes = nli.outcomes([PAIRS[0], Pair("long " * 1_000, "x"), PAIRS[1]])
    assert [isinstance(outcome, SampleError) for outcome in outcomes] == [False, True, False]
    assert "too many tokens" in str(outcomes[1])


@pytest.mark.parametrize(
    "answer",
    [{"choices": 5}, {"choices": [None]}, {"choices": [{"logprobs": {"content": [5]}}]}, {"choices": [{"logprobs": 1}]},
     {"choices": [{"logprobs": {"content": [{"top_logprobs": [{"token": "Yes", "logprob": 10**400}]}]}}]},
     {"choices": [{"logprobs": {"content": [{"top_logprobs": 7}]}}]}, *FAILURES],
)  # fmt: skip
def test_a_pair_that_is_never_answered_readably_fails_alone(answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch):
    status = answer.get("status", 200)
    monkeypatch.setattr("groundeval.http.client.LONGEST_PAUSE", 0.01)
    monkeypatch.setattr("groundeval.http.client.FIRST_PAUSE", 0.01)

    def poisoned(body: dict[str, Any]) -> Reply:
        return (status, answer) if "number 4." in body["messages"][0]["content"] else old_or_new(body)

    with chat_server(poisoned) as server, connect(f"causal:judge@{server.address}") as nli:
        outcomes = nli.outcomes(PAIRS[:8])
    assert [number for number, each in enumerate(outcomes) if isinstance(each, SampleError)] == [4]


def test_a_server_that_breaks_stops_the_run_resumably():
    with chat_server() as chat:
        nli = connect(f"causal:judge@{chat.address}", patience=0.2)
        nli.load()
        chat.reply = lambda body: (503, {"error": {"message": "out of order"}})
        with pytest.raises(BackendError, match="out of order"):
            nli.judge(PAIRS[:2])


def test_a_wrong_key_is_told_with_the_variable_that_holds_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sesame")
    with chat_server() as chat, connect(f"causal:judge@{chat.address}") as nli:
        nli.load()
        assert chat.keys == ["Bearer sesame"]
        assert "sesame" not in str(nli.identity())
    with (
        chat_server(lambda body: (401, {"error": {"message": "no"}})) as chat,
        pytest.raises(UsageError, match="OPENAI_API_KEY"),
    ):
        connect(f"causal:judge@{chat.address}").load()


def test_verdicts_of_a_server_are_kept_on_disk_only_where_a_version_was_named_for_its_weights():
    with chat_server() as chat:
        assert not connect(f"causal:judge@{chat.address}").traits.persistent
        assert connect(f"causal:judge@{chat.address}", revision="2026-01").traits.persistent


@pytest.mark.parametrize("spec", ["true@http://127.0.0.1:9/v1", "classifier:x/y@http://127.0.0.1:9/v1"])
def test_only_a_chat_model_is_asked_at_such_a_server(spec: str):
    with pytest.raises(UsageError, match="only a causal verifier"):
        connect(spec).check()


@pytest.mark.parametrize("name", ["max_tokens", "temperature"])
def test_what_a_server_takes_is_learnt_from_its_first_refusal(name: str):
    def strict(body: dict[str, Any]) -> Reply:
        if name in body:
            return 400, {"error": {"message": f"Unsupported parameter: '{name}'", "param": name}}
        return old_or_new(body)

    with chat_server(strict) as chat, connect(f"causal:judge@{chat.address}") as nli:
        assert [v.entailed for v in nli.judge(PAIRS[:4])] == [False, True, True, False]
    assert [name in body for body in chat.requests] == [True, *[False] * 5]
    assert all(("max_completion_tokens" in body) == (name == "max_tokens") for body in chat.requests[1:])


def test_a_parameter_can_be_left_out_or_added():
    args = {"temperature": "none", "top_p": 0.5}
    with chat_server() as chat, connect(f"causal:judge@{chat.address}", model_args=args) as nli:
        nli.load()
        assert nli.identity()["model_args"] == args
    [asked] = chat.requests
    assert "temperature" not in asked
    assert asked["top_p"] == 0.5


def test_a_refused_parameter_of_the_users_is_named_with_how_to_leave_it_out():
    def strict(body: dict[str, Any]) -> Reply:
        return 400, {"error": {"message": "Unrecognized request argument supplied: top_k"}}

    with (
        chat_server(strict) as chat,
        pytest.raises(UsageError, match=r"Leave out top_k: .*model_args.*'top_k': None"),
    ):
        connect(f"causal:judge@{chat.address}", model_args={"top_k": 5}).load()
