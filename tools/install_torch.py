"""Install PyTorch into the running environment: a CPU build where there is no NVIDIA GPU, else the default build.

The default build for Linux brings gigabytes of CUDA packages. Where pip would fetch those in vain, uv is asked for the
CPU build instead, since it knows where PyTorch keeps it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REQUIREMENT = "torch>=2.11,<2.14"


def install(requirement: str = REQUIREMENT) -> None:
    """Install torch, unless some version of it is there already."""
    if importlib.util.find_spec("torch") is not None:
        return
    if has_nvidia_gpu() or not brings_cuda(requirement):
        pip("install", "--quiet", "--no-compile", requirement)
        return
    pip("install", "--quiet", "--no-compile", "uv")
    uv = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "install",
        "--python",
        sys.executable,
        "--torch-backend",
        "cpu",
        requirement,
    ]
    subprocess.run(uv, check=True)


def has_nvidia_gpu() -> bool:
    """Does the driver's own tool list a GPU."""
    tool = shutil.which("nvidia-smi")
    return tool is not None and subprocess.run([tool, "-L"], capture_output=True, check=False).returncode == 0


def brings_cuda(requirement: str) -> bool:
    """Would pip install CUDA packages along with torch. Asks pip for its plan, which downloads nothing big."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        pip("install", "--quiet", "--dry-run", "--report", str(report), requirement)
        planned = json.loads(report.read_text())["install"]
    return any(package["metadata"]["name"].lower().startswith("nvidia-") for package in planned)


def pip(*arguments: str) -> None:
    """Run pip of this environment; its messages about places that hold nothing are left out."""
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments], check=True)


if __name__ == "__main__":
    # `--help` says what it does, and installs nothing.
    argparse.ArgumentParser(description=__doc__).parse_args()
    install()
