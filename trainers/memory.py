"""Memory of a training process: given back to the system where the C library would keep it."""

from __future__ import annotations

import ctypes
from typing import Any


def return_unused() -> None:
    """Return to the system what was freed (glibc; elsewhere nothing happens).

    Training and an engine in one process allocate tensors of ever other sizes. glibc keeps what they free, in pieces
    that fit the next ones badly, and the process grows.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def free() -> None:
    """Give back what a model that is gone held: torch keeps the memory of a device, which vllm then finds in use."""
    from accelerate.utils.memory import clear_device_cache

    clear_device_cache(garbage_collection=True)
    return_unused()


def bounding_callback() -> Any:
    """A callback that keeps a process that trains on the processor from growing: after each step it returns memory."""
    from transformers import TrainerCallback

    class Bounding(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if args.device.type == "cpu":
                return_unused()

    return Bounding()
