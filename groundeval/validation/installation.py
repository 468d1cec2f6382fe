"""Checks of the installation: packages by job, GPU, verifier, hub, caches. Imports no model library unless asked to."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from groundeval.models.hub import cache_folder
from groundeval.nli import NLI_MODELS
from groundeval.nli.cache import default_path
from groundeval.nli.spec import Declared

State = Literal["ok", "missing", "note", "failed"]
"""`failed`: scoring does not work; `missing`: some job does not; `note`: worth knowing."""

JOBS: Mapping[str, str] = {
    "hf": "models and verifiers in this process, data of the hub",
    "vllm": "generating with vLLM",
    "ray": "actors of a Ray cluster",
    "train": "SFT, DPO and GRPO",
    "server": "serve-nli and serve-rewards",
    "tables": "Parquet and Arrow files",
    "leaderboard": "building the site",
    "bench": "plots of benchmarks",
    "mauve": "the metric MAUVE",
}
"""What each extra of the package is for."""

_SECONDS = 1.5
"""The longest wait for a program or for a server of this machine."""
_SECONDS_FOR_THE_HUB = 3.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: State
    detail: str
    advice: str = ""
    """What to do about it; empty where there is nothing to do."""


def examine(nli: str = "true", *, online: bool = False, with_torch: bool = False) -> list[Finding]:
    """Look at everything; `online` also asks the hub, `with_torch` imports torch to see what it can use."""
    return [
        _python(),
        _base(),
        *_jobs(),
        _gpu(),
        *([_torch()] if with_torch else []),
        _verifier(nli),
        *([_hub()] if online else [_hub_settings()]),
        *_caches(),
    ]


def works(findings: Sequence[Finding]) -> bool:
    """Whether scoring works at all."""
    return all(each.state != "failed" for each in findings)


def _python() -> Finding:
    is_known = sys.version_info[:2] >= (3, 10)
    detail = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Finding("Python", "ok" if is_known else "failed", detail, "" if is_known else "install Python 3.10 or later")


def _base() -> Finding:
    """The packages that scoring needs, and a verdict of the verifier that needs no model."""
    missing = _missing(_packages(""))
    if missing:
        return Finding("groundeval", "failed", f"packages are missing: {', '.join(missing)}", "pip install groundeval")
    from groundeval import __version__
    from groundeval.nli.verifiers.lexical import Lexical
    from groundeval.records import Pair

    judge = Lexical().judge
    right = judge(Pair("Verdi wrote Aida.", "Verdi wrote it.")).entailed and not judge(Pair("Verdi.", "Bizet")).entailed
    state: State = "ok" if right else "failed"
    return Finding("groundeval", state, f"{__version__}; scoring with --nli lexical {'works' if right else 'fails'}")


def _packages(extra: str) -> list[str]:
    """The packages that the base (``) or an extra requires, by the metadata of the installed package."""
    try:
        requirements = metadata.requires("groundeval") or []
    except metadata.PackageNotFoundError:
        return []
    found: list[str] = []
    for requirement in requirements:
        marker = re.search(r"""extra\s*==\s*['"]([\w-]+)['"]""", requirement)
        if (marker[1] if marker else "") != extra:
            continue
        inner = re.match(r"groundeval\[([\w,\s-]+)\]", requirement)
        if inner:
            found += [name for each in inner[1].split(",") for name in _packages(each.strip())]
        else:
            found += re.findall(r"^[\w.-]+", requirement)
    return found


def _missing(names: Sequence[str]) -> list[str]:
    return [name for name in names if _version(name) is None]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _jobs() -> Iterator[Finding]:
    for extra, job in JOBS.items():
        needed = _packages(extra)
        missing = _missing(needed)
        if not needed:
            continue
        if missing:
            yield Finding(
                extra,
                "missing",
                f"{job}: without {', '.join(missing)}",
                f"in groundeval's checkout: pip install -e '.[{extra}]'",
            )
        else:
            yield Finding(extra, "ok", f"{job} ({needed[0]} {_version(needed[0])})")


def _gpu() -> Finding:
    program = shutil.which("nvidia-smi")
    if program is None:
        return Finding("GPU", "note", "none of NVIDIA's was found; everything runs on the CPU")
    asked = [program, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader"]
    try:
        ran = subprocess.run(asked, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("GPU", "note", f"nvidia-smi gave no answer ({type(error).__name__})", "try: nvidia-smi")
    cards = "; ".join(line.strip() for line in ran.stdout.splitlines())
    if "+cpu" in (_version("torch") or ""):
        return Finding(
            "GPU", "missing", f"{cards}; the torch that is installed is a CPU build", "install torch for CUDA"
        )
    return Finding("GPU", "ok", f"{cards} (name, memory, free)")


def _torch() -> Finding:
    try:
        import importlib

        torch = importlib.import_module("torch")
    except ImportError as error:
        return Finding(
            "torch", "missing", f"cannot be imported: {error}", "in groundeval's checkout: pip install -e '.[hf]'"
        )
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return Finding("torch", "ok", f"{torch.__version__}, {count} CUDA devices")


def _verifier(nli: str) -> Finding:
    """Whether the verifier can judge at once: a server answers, or the weights of its model are here."""
    what = f"verifier {nli}"
    if nli.startswith(("http://", "https://")):
        return _server(what, nli)
    name, _, model = nli.partition(":")
    if name not in NLI_MODELS.names():
        is_local = Path(nli).expanduser().exists()
        return Finding(what, "ok" if is_local else "note", "a folder" if is_local else "taken for a model of the hub")
    factory = NLI_MODELS.get(name)
    spec = factory.spec if isinstance(factory, Declared) else None
    model = model or (spec.model if spec else None) or ""
    if not model or Path(model).expanduser().exists():
        return Finding(what, "ok", "needs no download")
    folder = hub_folder() / f"models--{model.replace('/', '--')}" / "snapshots"
    if any(folder.glob("*/*")):
        return Finding(what, "ok", f"{model} is in the hub's cache")
    size = f", {spec.parameters:g} billion parameters" if spec and spec.parameters and not nli.partition(":")[2] else ""
    return Finding(
        what,
        "missing",
        f"{model}{size}, is not in the hub's cache: it is fetched when it is first used",
        "use --nli lexical (a proxy), a smaller one (groundeval list nli), or a server: --nli http://host:port",
    )


def _server(what: str, address: str) -> Finding:
    import httpx

    for each in address.split(","):
        try:
            answer = httpx.get(f"{each.strip().rstrip('/')}/health", timeout=_SECONDS)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Finding(
                what, "missing", f"{each}: {error or type(error).__name__}", "groundeval serve-nli --model true"
            )
        if answer.status_code != 200:
            return Finding(what, "missing", f"{each} answers with status {answer.status_code}", "look at its log")
    return Finding(what, "ok", "the server answers")


def hub_folder() -> Path:
    """The folder in which the hub's client keeps models, by its environment variables."""
    own = os.environ.get("HF_HUB_CACHE")
    home = os.environ.get("HF_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    return Path(own or os.path.join(home, "hub")).expanduser()


def _hub_settings() -> Finding:
    is_offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
    if is_offline:
        return Finding("hub", "note", "HF_HUB_OFFLINE is set: only what is in the cache is used")
    return Finding("hub", "note", "was not asked: groundeval doctor --online does")


def _hub() -> Finding:
    import httpx

    address = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    try:
        httpx.head(address, timeout=_SECONDS_FOR_THE_HUB)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Finding("hub", "missing", f"{address}: {error or type(error).__name__}", "use local models, --data FILE")
    return Finding("hub", "ok", f"{address} answers")


def _caches() -> Iterator[Finding]:
    verdicts, folder = default_path(), cache_folder()
    size = f"{_shown(verdicts.stat().st_size)}" if verdicts.is_file() else "empty"
    writable = _is_writable(folder)
    yield Finding(
        "cache of verdicts",
        "ok" if writable else "missing",
        f"{verdicts}: {size}" + ("" if writable else "; the folder cannot be written"),
        "" if writable else "name another folder: GROUNDEVAL_CACHE=...",
    )
    hub = hub_folder()
    yield Finding("cache of the hub", "ok", f"{hub}: {_size(hub) if hub.is_dir() else 'empty'}")


def _is_writable(folder: Path) -> bool:
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return os.access(there, os.W_OK)


def _size(folder: Path) -> str:
    """The size of all files in a folder; `at least` so much where counting takes longer than half a second."""
    total, until, waiting = 0, time.monotonic() + 0.5, [str(folder)]
    while waiting:
        if time.monotonic() > until:
            return f"at least {_shown(total)}"
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return _shown(total)


def _shown(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
