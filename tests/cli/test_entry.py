"""What the command does before its first subcommand: it answers a request to stop, and lets waiting threads sleep."""

from __future__ import annotations

import builtins
import os
import sys
import threading
from typing import Any

import pytest

from groundeval.cli import entry
from groundeval.console.progress import doing, progress, say


def test_a_stop_while_importing_is_said_in_one_line_and_can_be_resumed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    imported = builtins.__import__

    def stopped(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "groundeval.cli.app":
            raise KeyboardInterrupt
        return imported(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", stopped)
    assert entry.main() == 3
    assert capsys.readouterr().err == "interrupted: nothing was begun\n"


@pytest.mark.parametrize(("arguments", "said"), [(["list"], "starting …\n"), (["score", "--quiet"], "")])
def test_a_slow_start_is_said_unless_it_shall_be_quiet(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(entry, "said_something", threading.Event())
    monkeypatch.setattr(entry, "PATIENCE", 0.0)
    monkeypatch.setattr(sys, "argv", ["groundeval", *arguments])
    with entry._patience():
        for thread in threading.enumerate():
            if thread.name == "groundeval start":
                thread.join()
    assert capsys.readouterr().err == said


def test_whatever_is_said_first_takes_the_place_of_it(monkeypatch: pytest.MonkeyPatch):
    def counted() -> None:
        with progress("work", total=1) as advance:
            advance()

    def named() -> None:
        with doing("work"):
            pass

    for speak in (lambda: say("a word"), counted, named):
        said = threading.Event()
        monkeypatch.setattr("groundeval.console.progress.said_something", said)
        speak()
        assert said.is_set()


@pytest.mark.parametrize(
    ("cores", "given", "policy"),
    [(2, None, "PASSIVE"), (64, None, None), (None, None, "PASSIVE"), (2, "ACTIVE", "ACTIVE")],
)
def test_waiting_threads_sleep_on_few_cores_unless_the_user_says_otherwise(
    cores: int | None, given: str | None, policy: str | None, monkeypatch: pytest.MonkeyPatch
):
    from groundeval.cli.app import _let_threads_sleep

    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setenv("OMP_WAIT_POLICY", given or "")
    if given is None:
        monkeypatch.delenv("OMP_WAIT_POLICY")
    _let_threads_sleep()
    assert os.environ.get("OMP_WAIT_POLICY") == policy
