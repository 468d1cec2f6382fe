"""Precision: hardware support for bfloat16, and the precision of a stage's arithmetic."""

from __future__ import annotations

from typing import Any

BFLOAT16_UNITS = ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16")
"""CPU capabilities, by torch's names, that multiply bfloat16 in hardware."""


def multiplies_bfloat16() -> bool:
    """Whether this machine multiplies bfloat16 in hardware: a GPU, or a CPU with AVX512-BF16, AMX or the like.

    Others convert every number, several times slower than float32.
    """
    import torch

    if torch.cuda.is_available():
        return True
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in BFLOAT16_UNITS)


def computed_in(config: Any, weights: str) -> str:
    """The precision of a trainer's arithmetic: that of its autocast, else that of the weights."""
    return "bfloat16" if config.bf16 else "float16" if config.fp16 else weights
