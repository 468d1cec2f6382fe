"""The client of an NLI server, with servers that are busy, garbled, slow, gone or replaced by another."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nli_servers import Containment, Hostile, Judging, client, http, ready, serving, verdict

from groundeval.errors import BackendError, SampleError, UsageError
from groundeval.nli import NLI, NLI_MODELS, PartialFailure, connect, remote
from groundeval.nli.remote import CHUNK_CHARACTERS, CHUNK_PAIRS, chunks
from groundeval.records import Pair, Verdict

GOOD = http({"model": "m", "verdicts": [{"entailed": True, "score": 0.75, "rechecked": False}]})
PAIR = [Pair("premise", "hypothesis")]


def cut(line: socket.socket) -> None:
    """Close in the middle of an answer."""
    line.sendall(GOOD[:-20])


def hang(line: socket.socket) -> None:
    time.sleep(1.0)


def drip(line: socket.socket) -> None:
    """An answer that never ends, a byte at a time."""
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(40):
        line.sendall(b" ")
        time.sleep(0.05)


def flood(line: socket.socket) -> None:
    """An answer without end, as fast as it goes."""
    line.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    for _ in range(1000):
        line.sendall(b" " * 65536)


BAD: dict[str, bytes | Callable[[socket.socket], None]] = {
    "garbage instead of JSON": http(b"<html>"),
    "JSON that is no object": http([1]),
    "deeply nested JSON": http(b"[" * 100_000),
    "no HTTP at all": b"\x00\x01\x02\r\n\r\n",
    "nothing": b"",
    "an internal error": http({"error": "oops"}, "500 Internal Server Error"),
    "a gateway's error": http(b"<html>bad gateway</html>", "502 Bad Gateway"),
    "too few verdicts": http({"model": "m", "verdicts": []}),
    "a verdict without a score": http({"model": "m", "verdicts": [{"entailed": True}]}),
    "a verdict that is no truth value": http({"model": "m", "verdicts": [{"entailed": 1, "score": 1.0}]}),
    "a score beyond all floats": http(
        b'{"model": "m", "verdicts": [{"entailed": true, "score": 1' + b"0" * 400 + b"}]}"
    ),
    "a score that is no number": http(b'{"model": "m", "verdicts": [{"entailed": true, "score": NaN}]}'),
    "an encoding that was not asked for": http(b"{}", "200 OK\r\nContent-Encoding: br"),
    "a pause of ages": http({}, "503 Busy\r\nRetry-After: Mon, 01 Jan 100000000000000000000 00:00:00 GMT"),
    "a cut connection": cut,
    "an answer without end": flood,
    "an answer that drips": drip,
    "no answer": hang,
}


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave short pauses only between the attempts of a request."""
    for name in ("http.client.FIRST_PAUSE", "http.client.LONGEST_PAUSE", "nli.fleet.FIRST_UNREADABLE_PAUSE"):
        monkeypatch.setattr(f"groundeval.{name}", 0.01)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_answer_costs_a_repetition_and_nothing_else(bad: bytes | Callable[[socket.socket], None]):
    with Hostile(bad, bad, GOOD) as server:
        assert client(server.address, timeout=0.4).score(PAIR) == [Verdict(True, 0.75)]
        assert server.asked == 3


@pytest.mark.parametrize("bad", ["garbage instead of JSON", "an internal error", "a cut connection", "no answer"])
def test_a_server_that_never_answers_well_is_given_up_when_patience_is_over(bad: str):
    with Hostile(BAD[bad]) as server:
        begun = time.monotonic()
        with pytest.raises(PartialFailure, match="the same command resumes"):
            client(server.address, timeout=0.2, patience=0.6).score(PAIR)
        assert 0.5 < time.monotonic() - begun < 6
        assert server.asked > 1


POISON = {
    "garbage": http(b"[" * 100_000),
    "an internal error": http({"error": "poison"}, "500 Internal Server Error"),
    "a gateway that fails": http(b"<html>", "502 Bad Gateway"),
    "a cut connection": b"",
    "half an answer": http({}, length=1_000),
    "a bad request": http({"error": "poison"}, "400 Bad Request"),
    "a firewall": http(b"blocked", "403 Forbidden"),
}


@pytest.mark.parametrize("bad", POISON.values(), ids=POISON.keys())
@pytest.mark.parametrize("servers", [1, 2])
def test_a_pair_that_a_server_never_answers_fails_alone(
    bad: bytes, servers: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    quick(monkeypatch)

    def answer(line: socket.socket, pairs: list[list[str]]) -> bytes:
        if any(hypothesis == "poison" for _, hypothesis in pairs):
            return bad
        return http({"model": "m", "verdicts": [{"entailed": True, "score": 0.75}] * len(pairs)})

    # The first of a request that is halved again and again: nothing else is answered before all halvings are done.
    pairs = [Pair("premise", "poison" if number == 0 else f"hypothesis {number}") for number in range(300)]
    with ExitStack() as stack:
        address = ",".join(stack.enter_context(Judging(answer)).address for _ in range(servers))
        with pytest.raises(PartialFailure) as caught:
            client(address, patience=600).score(pairs)
    failed = [number for number, each in enumerate(caught.value.outcomes) if not isinstance(each, Verdict)]
    assert failed == [0]
    assert isinstance(caught.value.outcomes[0], SampleError)
    assert "'poison'" in str(caught.value.outcomes[0])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("bad", ["an internal error", "a cut connection", "a bad request", "a firewall"])
@pytest.mark.parametrize("servers", [1, 2])
def test_servers_that_fail_for_every_pair_stop_the_run_resumably(
    bad: str, servers: int, monkeypatch: pytest.MonkeyPatch
):
    quick(monkeypatch)
    with ExitStack() as stack:
        address = ",".join(stack.enter_context(Hostile(POISON[bad])).address for _ in range(servers))
        with pytest.raises(PartialFailure) as caught:
            client(address, patience=0.5).score([Pair("premise", f"hypothesis {number}") for number in range(4)])
    assert all(isinstance(each, BackendError) for each in caught.value.outcomes)


def test_an_outage_is_waited_for_and_costs_no_pair(monkeypatch: pytest.MonkeyPatch):
    quick(monkeypatch)
    until = time.monotonic() + 0.5

    def answer(line: socket.socket, pairs: list[list[str]]) -> bytes:
        if time.monotonic() < until:
            return POISON["an internal error"]
        return http({"model": "m", "verdicts": [{"entailed": True, "score": 0.75}] * len(pairs)})

    with Judging(answer) as server:
        pairs = [Pair("premise", f"hypothesis {number}") for number in range(40)]
        assert client(server.address).score(pairs) == [Verdict(True, 0.75)] * 40


def test_a_server_whose_answers_are_all_unreadable_stops_the_run_resumably(monkeypatch: pytest.MonkeyPatch):
    quick(monkeypatch)
    with Judging(lambda line, pairs: http([1])) as server:
        pairs = [Pair("premise", f"hypothesis {number}") for number in range(40)]
        with pytest.raises(PartialFailure) as caught:
            client(server.address, patience=600).score(pairs)
    assert any(isinstance(each, BackendError) for each in caught.value.outcomes)


def test_once_given_up_the_next_batch_does_not_wait_the_whole_patience_again():
    with Hostile(b"") as server:
        given_up = client(server.address, patience=1.0)
        asked = []
        for _ in range(2):
            with pytest.raises(BackendError):
                given_up.score(PAIR)
            asked.append(server.asked)
        assert asked[0] > 1
        assert asked[1] - asked[0] == 1


def test_an_address_where_nobody_listens_is_a_backend_error_that_names_it():
    address = _nobody()
    begun = time.monotonic()
    with pytest.raises(BackendError, match=address) as caught:
        client(address, patience=0.3).check()
    assert caught.value.exit_code == 3
    assert time.monotonic() - begun < 5


def test_waiting_for_a_server_is_said_once_on_stderr(capsys: pytest.CaptureFixture[str]):
    with Hostile(*[http({"error": "busy starting"}, "503 Service Unavailable")] * 10, GOOD) as server:
        client(server.address, patience=3.0).score(PAIR)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert server.address in said[0]
    assert "busy starting" in said[0]
    assert "answers again" in said[1]


def test_a_retry_after_is_waited_for():
    busy = http({"error": "later"}, "429 Too Many Requests\r\nRetry-After: 1")
    with Hostile(busy, GOOD) as server:
        begun = time.monotonic()
        assert client(server.address).score(PAIR) == [Verdict(True, 0.75)]
        assert time.monotonic() - begun >= 0.95


@pytest.mark.parametrize(("status", "words"), [("404 Not Found", "serve-nli"), ("400 Bad Request", "no such thing")])
def test_a_request_that_the_server_calls_wrong_is_not_repeated(status: str, words: str):
    with Hostile(http({"error": "no such thing"}, status)) as server:
        with pytest.raises(BackendError, match=words):
            client(server.address).score(PAIR)
        # Once for the pair, once to see whether the pair is at fault.
        assert server.asked == 2


def test_a_token_that_is_refused_in_mid_run_stops_the_run_resumably():
    with Hostile(http({"error": "token"}, "401 Unauthorized")) as server, NLI(client(server.address)) as nli:
        [outcome] = nli.outcomes(PAIR)
        assert isinstance(outcome, BackendError)
        assert server.asked == 2


def test_another_model_behind_the_same_address_is_an_error_and_what_came_before_is_kept():
    with serving(NLI(Containment(revision="1"))) as address:
        nli = NLI(client(address))
        before = nli.judge([Pair("a", "a")])
    port = int(address.rpartition(":")[2])
    with serving(NLI(Containment(revision="2")), port):
        with pytest.raises(BackendError, match="another model than containment"):
            nli.judge([Pair("b", "b")])
        assert nli.judge([Pair("a", "a")]) == before
    with serving(NLI(Containment(revision="1")), port):
        assert nli.judge([Pair("b", "b")])[0].entailed
    nli.close()


def test_a_slow_server_is_waited_for_as_long_as_it_judges_pairs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remote, "CHUNK_PAIRS", 4)

    class Slow(Containment):
        def cost(self, pair: Pair) -> int:
            return 1_000_000  # One pair a batch.

    with ready(NLI(Slow(seconds=0.25))) as address:
        pairs = [Pair("a" * i, "b") for i in range(12)]
        impatient = client(address, timeout=0.3, patience=0.5)
        assert impatient.score(pairs) == [verdict(pair) for pair in pairs]


def test_requests_that_are_too_large_for_the_server_are_cut_smaller():
    with ready(NLI(Containment()), max_pairs=7, max_bytes=2_000) as address, NLI(client(address)) as nli:
        pairs = [Pair("a" * (i * 10), str(i)) for i in range(60)]
        pairs[20] = Pair("far too long " * 300, "x")
        outcomes = nli.outcomes(pairs)
    assert isinstance(outcomes[20], SampleError)
    assert "3900 characters" in str(outcomes[20])
    assert [o for i, o in enumerate(outcomes) if i != 20] == [verdict(p) for i, p in enumerate(pairs) if i != 20]


def test_several_requests_are_in_flight_at_once():
    class Counting(Containment):
        def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
            waiting.append(served.waiting)
            return super().score(pairs)

    waiting: list[int] = []
    served = NLI(Counting(seconds=0.05))
    with ready(served) as address:
        pairs = [Pair(f"{i} " + "x" * 30_000, f"{i}") for i in range(40)]
        assert client(address).score(pairs) == [verdict(pair) for pair in pairs]
    # Two pairs make a request; one request at a time would leave at most two waiting.
    assert max(waiting) >= 16


@given(st.lists(st.integers(0, 3 * CHUNK_CHARACTERS), max_size=30))
def test_chunks_hold_all_pairs_in_order_and_exceed_the_limit_only_with_a_single_pair(sizes: list[int]):
    pairs = [Pair("x" * size, str(index)) for index, size in enumerate(sizes)]
    parts = list(chunks(pairs))
    assert [pair for part in parts for pair in part] == pairs
    assert all(parts)
    assert all(len(part) == 1 or sum(len(p) + len(h) for p, h in part) <= CHUNK_CHARACTERS for part in parts)
    assert max(map(len, chunks([Pair("", "")] * 2000))) == CHUNK_PAIRS


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://", "must look like"),
        ("http://host:99999", "not an address"),
        ("http://user:word@host:1", "password"),
        ("http://user:word@host:99999", "password"),
        ("http://ho\x00st:1", "not an address"),
        ("http://host:1/?x=1", "must look like"),
        ("http://exa mple:1", "must look like"),
    ],
)
def test_an_address_that_is_none_is_a_usage_error_that_shows_no_password(address: str, message: str):
    with pytest.raises(UsageError, match=message) as caught:
        _ = connect(address).model
    assert "word@" not in str(caught.value)


def test_connecting_to_an_address_reaches_out_to_nobody():
    assert connect(_nobody()).traits.kind == "remote"
    assert "remote" in NLI_MODELS
    with pytest.raises(UsageError, match="http://host:8765"):
        _ = connect("remote").model


def _nobody() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"
