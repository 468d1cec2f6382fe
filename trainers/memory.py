"""Returning freed memory of a training process to the system, where the C library would keep it."""

from __future__ import annotations

import ctypes
from typing import Any


def return_unused() -> None:
    """Return freed memory to the system (glibc only; elsewhere it does nothing).

    Training and an engine in one process allocate tensors of ever-changing sizes. glibc keeps the freed memory in
    fragments that fit later tensors badly, so the process grows.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def free() -> None:
    """Release the memory of a deleted model: torch keeps a device's memory, which vLLM would find in use."""
    from accelerate.utils.memory import clear_device_cache

    clear_device_cache(garbage_collection=True)
    return_unused()


def bounding_callback() -> Any:
    """A callback that returns memory after each step, so that a process training on the CPU does not grow."""
    from transformers import TrainerCallback

    class Bounding(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if args.device.type == "cpu":
                return_unused()

    return Bounding()
