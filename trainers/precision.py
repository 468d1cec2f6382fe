"""In which precision a machine trains fast, and in which a stage computes."""

from __future__ import annotations

from typing import Any

BFLOAT16_UNITS = ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16")
"""What processors call the instructions that multiply bfloat16, by torch's names."""


def multiplies_bfloat16() -> bool:
    """Does this machine multiply bfloat16 by itself: a GPU, or a processor with AVX512-BF16, AMX or the like.

    One without converts every number, several times slower than float32.
    """
    import torch

    if torch.cuda.is_available():
        return True
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in BFLOAT16_UNITS)


def computed_in(config: Any, weights: str) -> str:
    """The precision of a trainer's arithmetic: that of its autocast, else of the weights."""
    return "bfloat16" if config.bf16 else "float16" if config.fp16 else weights
