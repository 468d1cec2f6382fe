"""The entry of the command answers a request to stop that comes while the command line is still being imported."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from groundeval.cli import entry


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
