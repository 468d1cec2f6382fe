"""Optional dependencies: checking that the packages of an extra are installed, without importing them."""

from __future__ import annotations

import importlib.util

from groundeval.errors import MissingExtra

MODULES = {
    "bench": ("matplotlib",),
    "hf": ("torch", "transformers"),
    "leaderboard": ("plotly", "itables"),
    "mauve": ("mauve", "torch", "transformers"),
    "ray": ("ray", "pyarrow", "pandas"),
    "server": ("fastapi", "uvicorn"),
    "tables": ("pyarrow",),
    "train": ("trl", "peft", "datasets", "accelerate", "torch", "transformers"),
}
"""The modules that represent an extra of `pyproject.toml`."""


def require(extra: str, feature: str) -> None:
    """Raises MissingExtra, with the command to install it, if a package of the extra is missing."""
    if any(importlib.util.find_spec(module) is None for module in MODULES.get(extra, ())):
        raise MissingExtra(feature, extra)
