from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from run_cases import Cli, Counting, Ran, records, write

from groundeval.cli.app import main
from groundeval.metrics.metric import METRICS


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """`cli("score", path, "--json")` runs the command in this process."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run


@pytest.fixture(autouse=True)
def registered_metrics_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric that a test adds would otherwise be among the defaults of all tests after it."""
    METRICS.names()
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS._entries))


@pytest.fixture
def counting() -> Iterator[type[Counting]]:
    """The backend `counting`, with nothing counted yet."""
    Counting.reset()
    yield Counting
    Counting.reset()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Five examples, outputs included."""
    return write(tmp_path / "data.json", records(5))
