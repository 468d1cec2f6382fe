"""The first decoder steps of a T5 model for many inputs at once, without padding or repeated work.

The same function of the same weights as transformers' forward pass, in another order of summation:

- The inputs' tokens are concatenated; only attention treats one input at a time. So nothing is computed for padding, no
  mask is made, and the relative position bias is built once for all layers.
- The decoder's few positions attend to the encoder's output without projecting every token to keys and values: the
  queries are projected to the encoder's space instead. This saves a sixth of all the work.

This module imports torch: import it only when a model is being loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

MODEL_TYPES = ("t5", "mt5")
BIAS_STEP = 64
"""Position biases are built for lengths rounded up to a multiple of this: aligned, and rarely rebuilt."""


class FirstSteps:
    """The decoder's first positions of a T5 model of transformers."""

    def __init__(self, model: Any) -> None:
        self._encoder = model.encoder
        self._decoder = model.decoder
        self._head = model.lm_head
        self._heads = model.config.num_heads
        self._scale = model.config.d_model**-0.5 if model.config.scale_decoder_outputs else 1.0
        self._start = start_token(model)
        self._biases: dict[torch.device, Tensor] = {}

    def states(self, inputs: Sequence[Sequence[int]], answer: Sequence[int] = ()) -> Tensor:
        """The decoder's last states, (inputs, 1 + len(answer), d_model), when each answer begins with these tokens.

        The state at position 0 predicts the first token, that at position 1 the token after `answer[0]`, and so on.
        """
        lengths = [len(ids) for ids in inputs]
        encoded = self._encode(torch.tensor([token for ids in inputs for token in ids]), lengths)
        return self._decode(encoded, lengths, (self._start, *answer))

    def logits(self, states: Tensor) -> Tensor:
        """Next-token logits as float32, from states at any positions."""
        logits: Tensor = self._head(states.to(self._head.weight.device))
        return logits.float()

    def _encode(self, tokens: Tensor, lengths: list[int]) -> Tensor:
        """Hidden states of all inputs' tokens, concatenated."""
        embed = self._encoder.embed_tokens
        hidden = embed(tokens.to(embed.weight.device))
        for block in self._encoder.block:
            attend, forward = block.layer[0], block.layer[-1]
            hidden = hidden.to(forward.layer_norm.weight.device)
            hidden = hidden + self._self_attention(attend.SelfAttention, _norm(attend.layer_norm, hidden), lengths)
            hidden = hidden + forward.DenseReluDense(_norm(forward.layer_norm, hidden))
        return _norm(self._encoder.final_layer_norm, hidden.to(self._encoder.final_layer_norm.weight.device))

    def _self_attention(self, attention: Any, normed: Tensor, lengths: list[int]) -> Tensor:
        bias = self._bias(max(lengths), normed.device)
        query, key, value = (project(normed) for project in (attention.q, attention.k, attention.v))
        mixed = torch.empty_like(query)
        start = 0
        # Neighbours of equal length share a call.
        for length, same in groupby(lengths):
            count = len(list(same))
            rows = slice(start, start + count * length)
            shape = (count, length, self._heads, -1)
            queries, keys, values = (part[rows].view(shape).transpose(1, 2) for part in (query, key, value))
            heads = functional.scaled_dot_product_attention(
                queries,
                keys,
                values,
                attn_mask=bias[:, :, :length, :length].expand(count, -1, -1, -1),
                scale=1.0,
            )
            mixed[rows].view(shape).copy_(heads.transpose(1, 2))
            start = rows.stop
        projected: Tensor = attention.o(mixed)
        return projected

    def _bias(self, length: int, device: torch.device) -> Tensor:
        """Relative position bias, (1, heads, n, n) with n >= length; that of a shorter input is a part of it."""
        bias = self._biases.get(device)
        if bias is None or bias.shape[-1] < length:
            rounded = -(-length // BIAS_STEP) * BIAS_STEP
            table = self._encoder.block[0].layer[0].SelfAttention
            bias = table.compute_bias(rounded, rounded).contiguous().to(device)
            self._biases[device] = bias
        return bias

    def _decode(self, encoded: Tensor, lengths: list[int], answer: Sequence[int]) -> Tensor:
        longest, width = max(lengths), encoded.shape[-1]
        # Attention scores and their sums are kept in float32, as fused attention keeps them.
        memory = encoded.new_zeros((len(lengths), longest, width), dtype=torch.float32)
        padding = torch.zeros((len(lengths), 1, longest), dtype=torch.bool, device=encoded.device)
        start = 0
        for row, length in enumerate(lengths):
            memory[row, :length] = encoded[start : start + length]
            padding[row, 0, length:] = True
            start += length
        embed = self._decoder.embed_tokens
        hidden = embed(torch.tensor(answer, device=embed.weight.device).expand(len(lengths), -1))
        bias = self._answer_bias(len(answer))
        for block in self._decoder.block:
            attend, cross, forward = block.layer
            device = forward.layer_norm.weight.device
            hidden, memory, padding = hidden.to(device), memory.to(device), padding.to(device)
            own = attend.SelfAttention
            hidden = hidden + self._own_attention(own, _norm(attend.layer_norm, hidden), bias.to(device))
            normed = _norm(cross.layer_norm, hidden)
            hidden = hidden + self._cross_attention(cross.EncDecAttention, normed, memory, padding)
            hidden = hidden + forward.DenseReluDense(_norm(forward.layer_norm, hidden))
        final = self._decoder.final_layer_norm
        return _norm(final, hidden.to(final.weight.device)) * self._scale

    def _answer_bias(self, places: int) -> Tensor:
        """Bias of the decoder's self-attention; no position sees a later one."""
        bias: Tensor = self._decoder.block[0].layer[0].SelfAttention.compute_bias(places, places)
        later = torch.ones((places, places), dtype=torch.bool, device=bias.device).triu(1)
        return bias.masked_fill(later, -torch.inf)

    def _own_attention(self, attention: Any, normed: Tensor, bias: Tensor) -> Tensor:
        rows, places, _ = normed.shape
        query, key, value = (
            project(normed).view(rows, places, self._heads, -1).transpose(1, 2)
            for project in (attention.q, attention.k, attention.v)
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=1.0)
        projected: Tensor = attention.o(mixed.transpose(1, 2).reshape(rows, places, -1))
        return projected

    def _cross_attention(self, attention: Any, normed: Tensor, memory: Tensor, padding: Tensor) -> Tensor:
        rows, places, _ = normed.shape
        width = memory.shape[-1]
        key = attention.k.weight.view(self._heads, -1, width)
        value = attention.v.weight.view(self._heads, -1, width)
        query = attention.q(normed).view(rows * places, self._heads, -1)
        # (heads, rows, d_kv) x (heads, d_kv, d_model): each head's queries, in the encoder's space.
        sought = torch.bmm(query.transpose(0, 1), key).transpose(0, 1).reshape(rows, places * self._heads, width)
        scores = torch.bmm(sought.float(), memory.transpose(1, 2)).masked_fill(padding, -torch.inf)
        seen = torch.bmm(scores.softmax(-1), memory).to(normed.dtype).view(rows * places, self._heads, width)
        mixed = torch.bmm(seen.transpose(0, 1), value.transpose(1, 2)).transpose(0, 1).reshape(rows, places, -1)
        projected: Tensor = attention.o(mixed)
        return projected


def fits(model: Any) -> bool:
    """Whether `FirstSteps` can run this model: a T5 or mT5 whose weights are all in memory."""
    return model.config.model_type in MODEL_TYPES and not any(weight.is_meta for weight in model.parameters())


def start_token(model: Any) -> int:
    """The decoder's start token."""
    for config in (model.generation_config, model.config):
        start = getattr(config, "decoder_start_token_id", None)
        if start is not None:
            return int(start)
    return int(model.config.pad_token_id or 0)


def _norm(layer: Any, hidden: Tensor) -> Tensor:
    """T5's layer norm, rounded where transformers rounds: after the root mean square, and after the weight."""
    weight: Tensor = layer.weight
    if hidden.dtype == weight.dtype:
        return functional.rms_norm(hidden, (hidden.shape[-1],), None, layer.variance_epsilon) * weight
    normed: Tensor = layer(hidden)
    return normed
