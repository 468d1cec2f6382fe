"""Sampling tokens row by row: each sample has its own seed, so its text does not depend on its batch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from groundeval.errors import UsageError, option
from groundeval.generation.interface import SamplingParams

if TYPE_CHECKING:
    import torch


def sample_seed(seed: int | None, sample_id: str) -> int:
    """A sample's own seed, in [0, 2^63): a hash of the run's seed and the sample's id.

    If a sample is drawn several times, the draw's number is part of the id.
    """
    digest = hashlib.sha256(f"{seed}\n{sample_id}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def check_sampling(params: SamplingParams, *, has_defaults: bool = False) -> None:
    """Raise a UsageError for parameters outside their ranges.

    `has_defaults`: a parameter may be None, since whoever generates has a default of its own.
    """
    for name in () if has_defaults else params.left_out:
        raise UsageError(
            f"{option('sampling', **{name: None})}: only a server ({option('backend', 'openai')}) has a default of its "
            "own; give a number"
        )
    rules = (
        ("temperature", params.temperature is None or params.temperature >= 0, "0 (greedy) or more"),
        ("top_p", params.top_p is None or 0 < params.top_p <= 1, "more than 0 and at most 1"),
        ("top_k", params.top_k >= 0, "0 (all tokens) or more"),
        ("max_new_tokens", params.max_new_tokens >= 1, "1 or more"),
        ("stop", all(params.stop), "strings that are not empty"),
    )
    for name, right, allowed in rules:
        if not right:
            raise UsageError(f"{option('sampling', **{name: getattr(params, name)})}: must be {allowed}")


class RowSampler:
    """Chooses each row's next token by the row's own random numbers (a logits processor for greedy decoding).

    Called with the tokens so far (rows, length) and the logits (rows, vocabulary), it leaves one token per row. The
    numbers are drawn on the CPU when the sampler is created, so they are the same on every device.
    """

    def __init__(self, params: SamplingParams, seeds: Sequence[int], prompt_length: int) -> None:
        import torch

        self._params = params
        self._prompt_length = prompt_length
        self._uniform = torch.stack(
            [
                torch.rand(params.max_new_tokens, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
                for seed in seeds
            ]
        )

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        import torch

        probabilities = _probabilities(scores, self._params)
        step = input_ids.shape[1] - self._prompt_length
        cumulated = probabilities.cumsum(-1)
        # Inverse transform sampling. The first token whose sum exceeds the target has a probability above 0.
        target = self._uniform[:, step : step + 1].to(cumulated) * cumulated[:, -1:]
        chosen = torch.searchsorted(cumulated, target, right=True).clamp(max=scores.shape[1] - 1)
        return torch.full_like(scores, -torch.inf).scatter(1, chosen, 0.0)


def _probabilities(scores: torch.Tensor, params: SamplingParams) -> torch.Tensor:
    """Softmax at the temperature, cut to the `top_k` likeliest tokens and then to the `top_p` nucleus."""
    import torch

    assert params.temperature is not None
    assert params.top_p is not None
    precise = torch.float32 if scores.device.type == "mps" else torch.float64
    # Subtracting the maximum first keeps a tiny temperature from overflowing.
    logits = (scores.to(precise) - scores.max(-1, keepdim=True).values) / params.temperature
    if 0 < params.top_k < logits.shape[1]:
        threshold = logits.topk(params.top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < threshold, -torch.inf)
    probabilities = logits.softmax(-1)
    if params.top_p < 1:
        ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
        # A token is kept if the likelier ones do not yet reach top_p: the nucleus always contains the likeliest.
        outside = ordered.cumsum(-1) - ordered >= params.top_p
        probabilities = probabilities.masked_fill(outside.gather(1, order.argsort(-1)), 0.0)
    return probabilities
