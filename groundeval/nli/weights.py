"""Where a model's weights come from and where they go: device, dtype, revision, and errors a user can act on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from groundeval.errors import MissingExtra, UsageError
from groundeval.nli.model import NLIOptions

SAMPLED_BLOCKS = 64
BLOCK = 65_536


def devices(options: NLIOptions) -> list[str]:
    """The devices to put a copy of the model on; `["auto"]` for one model spread over all GPUs.

    Raises UsageError for a device that this machine does not have.
    """
    torch = import_torch()
    wanted = options.device
    count = torch.cuda.device_count()
    if wanted is None:
        return ["cuda:0" if count else "cpu"]
    if wanted == "auto":
        return ["auto"] if count > 1 else ["cuda:0" if count else "cpu"]
    if wanted == "replicas":
        return [f"cuda:{index}" for index in range(count)] or ["cpu"]
    names = [name.strip() for name in wanted.split(",")]
    for name in names:
        kind, _, index = name.partition(":")
        if kind not in ("cpu", "cuda") or (index and not index.isdigit()):
            raise UsageError(
                f'NLI device "{name}": allowed are cpu, cuda, cuda:N, several of them joined by commas, auto, replicas.'
            )
        if kind == "cuda" and int(index or 0) >= count:
            raise UsageError(f'NLI device "{name}": this machine has {count} CUDA devices.')
    return names


def dtype_name(options: NLIOptions) -> str:
    """`bfloat16` or `float32`: what was asked for, or bfloat16 where the hardware computes in it."""
    if options.dtype is not None:
        return options.dtype
    torch = import_torch()
    if devices(options)[0] != "cpu":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    has = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return "bfloat16" if has.get("avx512_bf16") or has.get("amx_bf16") or has.get("bf16") else "float32"


def import_torch() -> Any:
    """The torch module. Raises MissingExtra when it is not installed."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtra("An NLI model in this process", "hf") from error
    return torch


def revision_of(source: str, revision: str | None) -> str:
    """The version of a model: a fingerprint of a folder's files, or the hub's commit. Raises UsageError."""
    folder = Path(source).expanduser()
    if folder.is_dir():
        return fingerprint(folder)
    config = read_config(source, revision)
    return str(getattr(config, "_commit_hash", None) or revision or "main")


@lru_cache(maxsize=16)
def read_config(source: str, revision: str | None, trust_remote_code: bool = False) -> Any:
    """A model's configuration. Raises UsageError when there is none, or when it would run code of its own."""
    try:
        from transformers import AutoConfig
    except ModuleNotFoundError as error:
        raise MissingExtra("An NLI model in this process", "hf") from error
    return _loading(
        lambda: AutoConfig.from_pretrained(source, revision=revision, trust_remote_code=trust_remote_code),
        source,
        revision,
    )


def fingerprint(folder: Path) -> str:
    """A hash of a model folder: names, sizes and content; of a large file, evenly spaced blocks."""
    seen = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")):
        size = file.stat().st_size
        seen.update(f"{file.name}:{size}\n".encode())
        for block in _blocks(file, size):
            seen.update(block)
    return f"files-{seen.hexdigest()[:16]}"


def _blocks(file: Path, size: int) -> Iterator[bytes]:
    with file.open("rb") as stream:
        if size <= SAMPLED_BLOCKS * BLOCK:
            yield stream.read()
            return
        for index in range(SAMPLED_BLOCKS):
            stream.seek((size - BLOCK) * index // (SAMPLED_BLOCKS - 1))
            yield stream.read(BLOCK)


def load_tokenizer(source: str, options: NLIOptions) -> Any:
    """A model's tokenizer, with no limit on length: what is too long is the model's own business."""
    from transformers import AutoTokenizer

    tokenizer = _loading(
        lambda: AutoTokenizer.from_pretrained(
            source, revision=options.revision, trust_remote_code=options.trust_remote_code
        ),
        source,
        options.revision,
    )
    tokenizer.model_max_length = 1 << 40
    return tokenizer


def load_model(auto_class: Any, source: str, options: NLIOptions, device: str) -> Any:
    """A model's weights on a device (`auto`: spread over all GPUs), ready to score. Raises UsageError."""
    torch = import_torch()
    arguments: dict[str, Any] = {
        "revision": options.revision,
        "dtype": getattr(torch, dtype_name(options)),
        "trust_remote_code": options.trust_remote_code,
        **options.model_args,
    }
    if device == "auto":
        arguments["device_map"] = "auto"
    elif device != "cpu":
        arguments["device_map"] = {"": device}
    model = _loading(lambda: auto_class.from_pretrained(source, **arguments), source, options.revision)
    return model.eval()


def _loading(load: Callable[[], Any], source: str, revision: str | None) -> Any:
    version = f" (revision {revision})" if revision else ""
    try:
        return load()
    except ImportError as error:
        raise MissingExtra(f"NLI model {source}: {error}; it", "hf") from error
    except (OSError, ValueError, KeyError) as error:
        text = str(error)
        if "trust_remote_code" in text:
            raise UsageError(
                f"NLI model {source}{version} runs code of its own, which is refused by default.\n"
                "  Read that code; if you trust it, add --trust-remote-code."
            ) from error
        hint = "" if os.path.isdir(source) else "\n  Without a network, give a folder that holds the model."
        raise UsageError(f"NLI model {source}{version} cannot be loaded: {text}{hint}") from error
