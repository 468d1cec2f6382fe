"""Clients that are silent, slow, gone or too many do not keep a server from answering the others."""

from __future__ import annotations

import socket
import threading
import time

import httpx
import pytest
from frames import Echo, answer_on, connect, running

from groundeval.http.bodies import parse
from groundeval.http.connections import SPARE
from groundeval.http.server import Limits, Refusal, demand_short
from groundeval.nli.server import Pairs

SHORT = Limits(head=0.4, body=0.4, idle=1, unread=0.4)


@pytest.fixture(scope="module")
def hasty():
    """A server that waits for nothing longer than half a second."""
    with running(Echo(limits=SHORT)) as address:
        yield address


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /he",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: ",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nGET /he",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{",
        b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{",
        b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["silent", "line", "head", "second head", "body", "body nobody reads", "body of GET", "chunk", "idle"],
)
def test_a_connection_that_stops_in_the_middle_is_closed(hasty: str, sent: bytes):
    with connect(hasty, sent) as line:
        answer_on(line)


def test_bytes_that_trickle_do_not_extend_the_time_for_a_head(hasty: str):
    with connect(hasty, b"GET /health HTTP/1.1\r\nHost: localhost\r\n") as line:
        line.settimeout(0.05)
        assert any(is_closed_after(line, b"X: y\r\n") for _ in range(200))


def is_closed_after(line: socket.socket, sent: bytes) -> bool:
    """Whether a connection is closed that something more is sent on."""
    try:
        line.sendall(sent)
        return not line.recv(100)
    except TimeoutError:
        return False
    except OSError:
        return True


def test_an_answer_that_nobody_reads_is_given_up():
    with running(Echo(max_bytes=16_000_000, limits=SHORT)) as address:
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(20)
        line.connect(("127.0.0.1", int(address.rpartition(":")[2])))
        body = b'{"a": "%s"}' % (b"x" * 15_000_000)
        head = f"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        line.sendall(head.encode() + body)
        time.sleep(1.5)
        assert len(answer_on(line)) < len(body)


def test_a_request_that_takes_longer_than_every_deadline_is_answered():
    with running(Echo(before=lambda: time.sleep(1.2), limits=SHORT)) as address:
        assert httpx.post(f"{address}/echo", json={"a": 1}, timeout=20).json() == {"a": 1}


def test_connections_are_reused_and_pipelined_requests_answered_in_order(hasty: str):
    with httpx.Client() as client:
        for number in range(5):
            assert client.post(f"{hasty}/echo", json={"a": number}).json() == {"a": number}
    one = 'POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8\r\n\r\n{"a": %d}'
    with connect(hasty, "".join(one % number for number in range(5)).encode()) as line:
        answers = answer_on(line)
    assert [answers.find(b'{"a": %d}' % number) > 0 for number in range(5)] == [True] * 5


def test_silent_connections_make_room_for_others_and_busy_ones_do_not():
    gate = threading.Event()
    with running(Echo(before=lambda: gate.wait(20), limits=Limits(connections=8))) as address:
        silent = [connect(address) for _ in range(8)]
        got: list[int] = []
        asking = [
            threading.Thread(target=lambda: got.append(httpx.post(f"{address}/echo", json={}, timeout=20).status_code))
            for _ in range(8)
        ]
        for each in asking:
            each.start()
        # Every silent connection is closed once the eight others are there.
        for line in silent:
            assert answer_on(line) == b""
        refused = httpx.post(f"{address}/echo", json={})
        assert (refused.status_code, refused.json()) == (503, {"error": "too many connections"})
        assert int(refused.headers["Retry-After"]) >= 1
        assert httpx.get(f"{address}/health").status_code == 200
        crowd = [connect(address) for _ in range(SPARE + 40)]
        assert httpx.get(f"{address}/health").status_code == 200
        gate.set()
        for each in asking:
            each.join(20)
        assert got == [200] * 8
        for line in crowd:
            line.close()


def test_the_longest_unused_connection_goes_first_and_its_client_gets_a_new_one():
    with running(Echo(limits=Limits(connections=4))) as address, httpx.Client() as client:
        assert client.get(f"{address}/health").status_code == 200
        used = []
        for _ in range(6):
            line = connect(address, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert line.recv(100)
            used.append(line)
        assert client.get(f"{address}/health").status_code == 200
        for line in used[:2]:
            line.settimeout(20)
            answer_on(line)
        for line in used:
            line.close()


def test_a_client_that_goes_away_is_worked_for_no_longer_and_leaves_no_traceback(
    capfd: pytest.CaptureFixture[str],
):
    gate = threading.Event()
    frame = Echo(before=lambda: gate.wait(20))
    with running(frame) as address:
        head = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
        gone = [connect(address, head % 2 + b"{}") for _ in range(3)]
        gone += [connect(address, head % 20 + b"{}") for _ in range(3)]
        gone += [connect(address, b"\x16\x03\x01 not HTTP at all\r\n\r\n") for _ in range(3)]
        for line in gone:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            line.close()
        until(lambda: frame.requests[499] == 6)
        gate.set()
        assert httpx.post(f"{address}/echo", json={"a": 1}, timeout=20).json() == {"a": 1}
    assert capfd.readouterr().err == ""


def until(holds, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


def test_health_is_answered_while_the_work_takes_long():
    gate = threading.Event()
    with running(Echo(before=lambda: gate.wait(20))) as address:
        asking = threading.Thread(target=lambda: httpx.post(f"{address}/echo", json={}, timeout=20))
        asking.start()
        for _ in range(20):
            assert httpx.get(f"{address}/health", timeout=20).status_code == 200
        assert asking.is_alive()
        gate.set()
        asking.join(20)


def test_a_client_that_says_how_long_it_waits_hears_before():
    gate = threading.Event()
    with running(Echo(before=lambda: gate.wait(20))) as address:
        answer = httpx.post(f"{address}/echo", json={}, timeout=20, headers={"Prefer": "respond-async, wait=1"})
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        gate.set()


def test_bodies_of_all_requests_together_are_bounded():
    gate = threading.Event()
    frame = Echo(before=lambda: gate.wait(20), max_bytes=2_000, limits=Limits(held=3_000))
    with running(frame) as address:
        text = {"a": "x" * 1_500}
        first = threading.Thread(target=lambda: httpx.post(f"{address}/echo", json=text, timeout=20))
        first.start()
        until(lambda: frame._reader._held > 1_500)
        second = httpx.post(f"{address}/echo", json=text, timeout=20)
        assert (second.status_code, second.headers["Retry-After"]) == (429, "1")
        gate.set()
        first.join(20)
        assert httpx.post(f"{address}/echo", json=text, timeout=20).status_code == 200
        assert frame._reader._held == 0


def test_a_body_whose_parsing_would_take_seconds_is_refused():
    with running(Echo(max_bytes=32_000_000)) as address:
        for unit in ("[],", '{"a":1},', "1,", '["a","b"],'):
            body = '{"a": [' + unit * (16_000_000 // len(unit)) + "0]}"
            answer = httpx.post(f"{address}/echo", content=body, timeout=20)
            assert answer.status_code == 413
            assert "commas and brackets" in answer.json()["error"]
        prose = '{"a": "' + "One, two. " * 900_000 + '"}'
        assert httpx.post(f"{address}/echo", content=prose, timeout=60).status_code == 200


@pytest.mark.parametrize("target", ["/health", "/echo", "/nowhere"])
@pytest.mark.parametrize("before", [b"", b"2\r\n{}\r\n"])
def test_a_malformed_body_is_no_traceback(target: str, before: bytes, caplog: pytest.LogCaptureFixture):
    """Also where nothing reads it, or where the answer has been sent already."""
    method = "POST" if target == "/echo" else "GET"
    head = f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    with running(Echo()) as address:
        with connect(address, head + before + b"ZZZ\r\n") as line:
            answer_on(line)
        with connect(address, head + before) as line:
            time.sleep(0.2)
            line.sendall(b"ZZZ\r\n")
            answer_on(line)
        assert httpx.get(f"{address}/health").status_code == 200
    assert caplog.text == ""


def test_a_list_that_is_too_long_is_refused_before_its_entries_are_looked_at(monkeypatch: pytest.MonkeyPatch):
    """Every wrong entry is an error: half a million of them held other threads up for seconds."""
    monkeypatch.setattr(Pairs, "model_validate", lambda found: pytest.fail("was looked at"))
    with pytest.raises(Refusal, match="400001 pairs; a request may hold 4096") as refused:
        parse(b'{"pairs": [' + b"1," * 400_000 + b"1]}", Pairs, 4_096)
    assert refused.value.status == 413


def test_one_long_text_is_refused():
    with pytest.raises(Refusal, match="1000001 characters") as refused:
        demand_short(["", "a" * 1_000_001])
    assert refused.value.status == 413
    demand_short(["a" * 1_000_000, "b"])
    demand_short([])
