"""GRPO's forward pass with every prompt computed once, however many completions of it are in the batch.

The completions of a group have the same prompt, and with documents it is most of their tokens. A first pass computes
the attention cache of each prompt, a second one the completions on copies of it; gradients flow through both. The
log-probabilities are those of TRL's pass up to rounding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class SharedPrompts:
    """Mixin for TRL's GRPOTrainer. Not for gradient checkpointing, which keeps no cache."""

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: Tensor,
        attention_mask: Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        compute_aux_loss: bool = False,
        **images: Any,
    ) -> Any:
        """Log-probabilities of the completions' tokens, their entropies, and a loss of experts, each None if it is not
        wanted. With images or experts TRL computes them."""
        given = (model, input_ids, attention_mask, logits_to_keep, batch_size, compute_entropy, compute_aux_loss)
        if compute_aux_loss or any(each is not None for each in images.values()):
            return super()._get_per_token_logps_and_entropies(*given, **images)  # type: ignore[misc]
        together = batch_size or len(input_ids)
        outputs = []
        for ids, mask in zip(torch.split(input_ids, together), torch.split(attention_mask, together), strict=True):
            with self.accelerator.autocast():  # type: ignore[attr-defined]
                outputs.append(completions_scored(model, ids, mask, logits_to_keep))
        entropies = torch.cat([each.entropy for each in outputs]) if compute_entropy else None
        return torch.cat([each.log_probs for each in outputs]), entropies, None


def completions_scored(model: Any, ids: Tensor, mask: Tensor, kept: int) -> Any:
    """The output of TRL's fused head for the last `kept` tokens of every row, with equal prompts computed once."""
    # The last token of a prompt goes with the completion, whose first token it predicts.
    start = ids.size(1) - kept - 1
    seen = torch.stack([ids[:, :start], mask[:, :start]], dim=1)
    prompts, row_of = torch.unique(seen, dim=0, return_inverse=True)
    cache = model(
        input_ids=prompts[:, 0], attention_mask=prompts[:, 1], use_cache=True, logits_to_keep=1
    ).past_key_values
    cache.batch_select_indices(row_of)
    labels = ids[:, start:].masked_fill(mask[:, start:] == 0, -100)
    return model(
        input_ids=ids[:, start:], attention_mask=mask, past_key_values=cache, labels=labels, fused_lm_head=True
    )
