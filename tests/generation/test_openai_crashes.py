"""A prompt that ends the server whenever it is completed: it costs its own sample only."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import suppress
from typing import Any

import pytest
from openai_server import Handler, Server, client, completions, server  # noqa: F401  a fixture

from groundeval.errors import BackendError
from groundeval.generation.backends import openai_outages
from groundeval.records import Prompt

AWAY = 1.0
"""Seconds for which a server is away until something starts it again: longer than the attempts of a prompt take."""


class Crashes:
    """Answers like a server that ends at a prompt, with everything that is in flight, and is started again."""

    def __init__(self) -> None:
        self.count = 0
        self._in_flight: set[Handler] = set()
        self._lock = threading.Lock()
        self._is_away = False

    def __call__(self, handler: Handler, body: dict[str, Any], attempt: int) -> None:
        with self._lock:
            if self._is_away:
                return self._cut(handler)
            self._in_flight.add(handler)
        if body["messages"][-1]["content"] == "poison":
            self._end()
        else:
            time.sleep(0.02)
            with self._lock:
                is_in_flight = handler in self._in_flight
                self._in_flight.discard(handler)
            if is_in_flight:
                handler.reply_text(body)
        return None

    def _end(self) -> None:
        with self._lock:
            self.count += 1
            self._is_away = True
            for handler in self._in_flight:
                self._cut(handler)
            self._in_flight.clear()
        time.sleep(AWAY)
        self._is_away = False

    def _cut(self, handler: Handler) -> None:
        handler.close_connection = True
        with suppress(OSError):
            handler.connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.slow
def test_a_prompt_that_ends_the_server_fails_alone(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setattr(openai_outages, "RESTART_SECONDS", 20.0)
    crashes = Crashes()
    server.answer = crashes
    prompts = [Prompt(f"s{number}", "poison" if number == 4 else f"question {number}") for number in range(60)]
    found = completions(client(server), prompts)
    assert [each for each in found if found[each].error] == ["s4"]
    assert "for this prompt" in str(found["s4"].error)
    assert crashes.count < 6


def test_a_server_that_ends_and_stays_away_stops_the_run_resumably(
    server: Server,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openai_outages, "RESTART_SECONDS", 0.3)
    server.answer = lambda handler, body, attempt: handler.connection.shutdown(socket.SHUT_RDWR)
    with pytest.raises(BackendError, match="the same command resumes") as raised:
        completions(client(server), [Prompt("s0", "question 0")])
    assert '"s0"' in str(raised.value)


@pytest.mark.slow
def test_the_error_names_what_a_server_was_asked_that_never_comes_back(
    server: Server,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openai_outages, "RESTART_SECONDS", 0.3)
    monkeypatch.setattr(f"{__name__}.AWAY", 30.0)
    crashes = Crashes()
    server.answer = crashes
    prompts = [Prompt(f"s{number}", "poison" if number == 4 else f"question {number}") for number in range(6)]
    with pytest.raises(BackendError, match="the same command resumes") as raised:
        completions(client(server, model_args={"concurrency": 1}), prompts)
    assert re.findall('"(.*?)"', str(raised.value)) == ["s4"]
