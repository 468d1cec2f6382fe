"""The model that the NLI tests share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_t5() -> Path:
    """The folder of a T5 that says both 1 and 0; `tiny_t5.py` tells how it was made."""
    pytest.importorskip("torch")
    return Path(__file__).parent / "models" / "tiny_t5"
