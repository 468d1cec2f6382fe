"""Speed of a T5 of a given shape on a device: pairs per second by premise length, batched and single.

Meant for the shape of TRUE on a GPU; it runs on any device. The weights are random and created on the device.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from groundeval.bench.random_t5 import Shape, write_random_t5
from groundeval.errors import UsageError
from groundeval.nli import connect
from groundeval.records import Pair
from groundeval.tasks import load_task

LENGTHS = (350, 500, 1_000)
"""Tokens of a premise."""
HYPOTHESIS_TOKENS = 20
MATMUL_SIZE = {"cpu": 1_024, "cuda": 8_192}
MATMUL_SECONDS = 1.0
WARM_UP = 4


@dataclass(frozen=True, slots=True)
class AtLength:
    """The rates for pairs of one length."""

    premise_tokens: int
    tokens_per_pair: float
    """The template and the hypothesis included."""
    pairs: int
    pairs_per_second: float
    sequential_pairs_per_second: float
    speedup: float
    tflops: float
    """Operations of the encoder's matrix products achieved by batches, in 10^12 per second."""
    share_of_matmul: float
    """Percentage of the rate of a large matrix product on the same device."""
    rechecked: int
    same_verdicts: float
    """Percentage of equal verdicts, of the pairs judged both ways."""
    peak_gib: float | None
    """Peak GPU memory of batches, in GiB; None on a CPU."""


@dataclass(frozen=True, slots=True)
class DeviceSpeed:
    """The rates of one model on one device."""

    device: str
    shape: str
    dtype: str
    parameters: int
    matmul_tflops: float
    lengths: tuple[AtLength, ...]


def measure(
    name: str,
    shape: Shape,
    folder: Path,
    *,
    device: str = "cuda",
    lengths: Sequence[int] = LENGTHS,
    pairs: int = 256,
    sequential_pairs: int = 24,
    dtype: str = "bfloat16",
    seed: int = 0,
) -> DeviceSpeed:
    """Create the model, write it to `folder` (2 bytes per parameter), and measure it as the service runs it.

    Both ways take texts and include tokenizing. Raises UsageError for a device that this machine does not have.
    """
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(f"--device {device}: this machine has no CUDA device. Use --device cpu.")
    texts = _texts()
    write_random_t5(shape, _plain_pairs(texts), folder, device=device, dtype=dtype, seed=seed)
    cut = _Cutter(folder, texts)
    rate = matmul_tflops(device, dtype)
    sets = [cut.pairs(length, pairs) for length in lengths]
    options: dict[str, Any] = {"device": device, "dtype": dtype, "cache": False}
    with connect(str(folder), exact="generate", **options) as nli:
        nli.judge(cut.pairs(lengths[0], WARM_UP, first=pairs))
        alone = [_timed(nli, some[:sequential_pairs], device) for some in sets]
    rows = []
    with connect(str(folder), **options) as nli:
        nli.judge(cut.pairs(max(lengths), WARM_UP, first=pairs))
        for length, some, (seconds_alone, verdicts_alone) in zip(lengths, sets, alone, strict=True):
            before = nli.stats.rechecked
            if device.startswith("cuda"):
                torch.cuda.reset_peak_memory_stats()
            seconds, verdicts = _timed(nli, some, device)
            peak = torch.cuda.max_memory_allocated() / 2**30 if device.startswith("cuda") else None
            tokens = [cut.length(pair) for pair in some]
            achieved = sum(operations(shape, each) for each in tokens) / seconds / 1e12
            sequential = len(verdicts_alone) / seconds_alone
            same = sum(a == b for a, b in zip(verdicts, verdicts_alone, strict=False))
            rows.append(
                AtLength(
                    premise_tokens=length,
                    tokens_per_pair=sum(tokens) / len(tokens),
                    pairs=len(some),
                    pairs_per_second=len(some) / seconds,
                    sequential_pairs_per_second=sequential,
                    speedup=len(some) / seconds / sequential,
                    tflops=achieved,
                    share_of_matmul=100 * achieved / rate,
                    rechecked=nli.stats.rechecked - before,
                    same_verdicts=100 * same / len(verdicts_alone),
                    peak_gib=peak,
                )
            )
    return DeviceSpeed(device_name(device), name, dtype, parameters(shape), rate, tuple(rows))


def operations(shape: Shape, tokens: int) -> int:
    """Multiplications and additions of the encoder for one input: projections, attention, feed-forward.

    The decoder's single step is not counted, so the rate is slightly underestimated.
    """
    inner = shape.heads * shape.d_kv
    projections = 4 * 2 * tokens * shape.d_model * inner
    attention = 2 * 2 * tokens * tokens * inner
    forward = (3 if shape.gated else 2) * 2 * tokens * shape.d_model * shape.d_ff
    return shape.layers * (projections + attention + forward)


def parameters(shape: Shape) -> int:
    """Weights of the matrices: embedding, output layer, encoder and decoder."""
    attention = 4 * shape.d_model * shape.heads * shape.d_kv
    forward = (3 if shape.gated else 2) * shape.d_model * shape.d_ff
    return 2 * shape.vocabulary * shape.d_model + shape.layers * (3 * attention + 2 * forward)


def matmul_tflops(device: str, dtype: str) -> float:
    """The rate of a large square matrix product, in 10^12 operations per second: the practical peak of the hardware."""
    import torch

    size = MATMUL_SIZE["cuda" if device.startswith("cuda") else "cpu"]
    left, right = (torch.randn(size, size, device=device, dtype=getattr(torch, dtype)) for _ in range(2))
    for _ in range(3):
        torch.matmul(left, right)
    _wait(device)
    begun, times, block = time.perf_counter(), 0, 10
    while time.perf_counter() - begun < MATMUL_SECONDS:
        for _ in range(block):
            torch.matmul(left, right)
        _wait(device)
        times += block
    return times * 2 * size**3 / (time.perf_counter() - begun) / 1e12


def device_name(device: str) -> str:
    """The hardware's name of a GPU; otherwise the device's name."""
    import torch

    return str(torch.cuda.get_device_name(device)) if device.startswith("cuda") else device


def _timed(nli: Any, pairs: Sequence[Pair], device: str) -> tuple[float, list[bool]]:
    _wait(device)
    begun = time.perf_counter()
    verdicts = [verdict.entailed for verdict in nli.judge(pairs)]
    _wait(device)
    return time.perf_counter() - begun, verdicts


def _wait(device: str) -> None:
    """Wait until the GPU has finished its work."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)


def _texts() -> list[str]:
    """The documents of the embedded data."""
    examples = [
        example for task in ("asqa", "qampari", "eli5") for example in load_task(task).load("embedded").examples
    ]
    return list(dict.fromkeys(doc.text for example in examples for doc in example.docs or ()))


def _plain_pairs(texts: Sequence[str]) -> list[Pair]:
    return [Pair(text, " ".join(other.split()[:HYPOTHESIS_TOKENS])) for text, other in pairwise(texts)]


class _Cutter:
    """Cuts running text into pairs whose premise has a given number of tokens."""

    def __init__(self, folder: Path, texts: Sequence[str]) -> None:
        from transformers import AutoTokenizer

        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._tokens: list[int] = self._tokenizer("\n".join(texts), add_special_tokens=False).input_ids

    def pairs(self, length: int, count: int, first: int = 0) -> list[Pair]:
        """`count` distinct pairs; premises may be a few tokens off, since they end at words."""
        return [
            Pair(self._text(7 * number, length), self._text(13 * number + length, HYPOTHESIS_TOKENS))
            for number in range(first, first + count)
        ]

    def length(self, pair: Pair) -> int:
        """Tokens of the model's input."""
        from groundeval.nli.spec import PREMISE_HYPOTHESIS

        return len(
            self._tokenizer(PREMISE_HYPOTHESIS.format(premise=pair.premise, hypothesis=pair.hypothesis)).input_ids
        )

    def _text(self, start: int, length: int) -> str:
        tokens = [self._tokens[(start + place) % len(self._tokens)] for place in range(length)]
        return str(self._tokenizer.decode(tokens))
