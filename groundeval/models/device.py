"""Hardware of models: devices, precision, memory."""

from __future__ import annotations

import gc
from typing import Any

from groundeval.errors import MissingExtra, UsageError


def import_torch() -> Any:
    """The torch module. Raises MissingExtra when it is not installed."""
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtra("A model in this process", "hf") from error
    return torch


def devices(wanted: str | None) -> list[str]:
    """The devices to put a copy of a model on; `["auto"]` for one model spread over all GPUs.

    Raises UsageError for a device that this machine does not have.
    """
    count = import_torch().cuda.device_count()
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


def fastest_dtype(device: str) -> str:
    """`bfloat16` where the device supports it, `float32` elsewhere."""
    torch = import_torch()
    if device != "cpu":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    has = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return "bfloat16" if has.get("avx512_bf16") or has.get("amx_bf16") or has.get("bf16") else "float32"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error is a failed allocation, on a GPU or in main memory."""
    text = str(error).lower()
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or any(each in text for each in ("out of memory", "can't allocate memory", "cannot allocate memory"))
    )


def free_memory() -> None:
    """Return unused memory to the device."""
    gc.collect()
    torch = import_torch()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
