"""The model that the NLI tests share, built once and kept in pytest's cache."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_t5 as recipe


@pytest.fixture(scope="session")
def tiny_t5(request: pytest.FixtureRequest) -> Path:
    """The folder of a T5 that says both 1 and 0; about a minute to train when its recipe has changed."""
    pytest.importorskip("torch")
    pytest.importorskip("sentencepiece")
    return recipe.cached(Path(request.config.cache.mkdir("groundeval")))
