"""A pair that ends the server whenever it is judged, or is never judged in time: it costs its own sample only."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import ExitStack, suppress

import pytest
from nli_servers import IDENTITY, Judging, client, http

from groundeval.errors import SampleError
from groundeval.nli.model import PartialFailure
from groundeval.records import Pair, Verdict

AWAY = 0.2
"""Seconds for which a server is away until something starts it again."""


class Crashing(Judging):
    """A server that ends at a pair, with everything that is in flight, and is started again at the same port."""

    def __init__(self) -> None:
        super().__init__(lambda line, pairs: b"")
        self.crashes = 0
        self._lines: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_away = False

    def _answer(self, line: socket.socket) -> None:
        with line, suppress(OSError):
            line.settimeout(10)
            with self._lock:
                if self._is_away:
                    return
                self._lines.add(line)
            asked = self._read(line)
            if asked is None:
                line.sendall(IDENTITY)
                return
            pairs = json.loads(asked)["pairs"]
            if any(hypothesis == "poison" for _, hypothesis in pairs):
                self._crash()
            else:
                time.sleep(0.02)
                line.sendall(http({"model": "m", "verdicts": [{"entailed": True, "score": 0.75}] * len(pairs)}))
                with self._lock:
                    self._lines.discard(line)

    def _crash(self) -> None:
        with self._lock:
            self.crashes += 1
            self._is_away = True
            for line in self._lines:
                with suppress(OSError):
                    line.shutdown(socket.SHUT_RDWR)
            self._lines.clear()
        time.sleep(AWAY)
        self._is_away = False


def pairs_with_poison(count: int, *places: int) -> list[Pair]:
    return [Pair("premise", "poison" if number in places else f"hypothesis {number}") for number in range(count)]


@pytest.mark.parametrize("servers", [1, 2])
def test_a_pair_that_ends_the_server_fails_alone(servers: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("groundeval.http.client.LONGEST_PAUSE", 0.1)
    monkeypatch.setattr("groundeval.nli.fleet.LONGEST_PAUSE", 0.1)
    monkeypatch.setattr("groundeval.nli.remote.CHUNK_PAIRS", 10)
    with ExitStack() as stack:
        made = [stack.enter_context(Crashing()) for _ in range(servers)]
        with pytest.raises(PartialFailure) as caught:
            client(",".join(each.address for each in made), patience=600).score(pairs_with_poison(150, 70))
    failed = [number for number, each in enumerate(caught.value.outcomes) if not isinstance(each, Verdict)]
    assert failed == [70]
    assert isinstance(caught.value.outcomes[70], SampleError)
    assert "'poison'" in str(caught.value.outcomes[70])
    assert sum(each.crashes for each in made) < 20


@pytest.mark.parametrize("servers", [1, 2])
def test_a_pair_that_is_never_judged_in_time_fails_alone_while_others_are_judged(
    servers: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("groundeval.http.client.LONGEST_PAUSE", 0.1)
    monkeypatch.setattr("groundeval.nli.fleet.LONGEST_PAUSE", 0.1)
    monkeypatch.setattr("groundeval.nli.remote.CHUNK_PAIRS", 4)
    ended = threading.Event()

    def answer(line: socket.socket, pairs: list[list[str]]) -> bytes:
        if any(hypothesis == "poison" for _, hypothesis in pairs):
            ended.wait(20)
        return http({"model": "m", "verdicts": [{"entailed": True, "score": 0.75}] * len(pairs)})

    with ExitStack() as stack:
        address = ",".join(stack.enter_context(Judging(answer)).address for _ in range(servers))
        with pytest.raises(PartialFailure) as caught:
            client(address, patience=600, timeout=0.2).score(pairs_with_poison(40, 7))
        ended.set()
    failed = [number for number, each in enumerate(caught.value.outcomes) if not isinstance(each, Verdict)]
    assert failed == [7]
    assert isinstance(caught.value.outcomes[7], SampleError)
