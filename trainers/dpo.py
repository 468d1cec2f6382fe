"""DPO: TRL's DPOTrainer on tokenized pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundeval.trainers.data.datasets import Rows
from groundeval.trainers.policy import Policy, peft_config
from groundeval.trainers.recipe_stage import Lora


def dpo_trainer(
    policy: Policy, model: Any, config: Any, rows: Rows, lora: Lora | None, callbacks: Sequence[Any]
) -> Any:
    """A trainer that learns to prefer the chosen answers of the rows (`dpo_rows`) to the rejected ones."""
    from trl import DPOTrainer

    class TokenizedDPOTrainer(DPOTrainer):  # type: ignore[misc]
        """Uses the token ids of the rows; DPOTrainer itself would tokenize texts differently."""

        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            return dataset

    return TokenizedDPOTrainer(
        model=model,
        args=config,
        train_dataset=rows.dataset(),
        processing_class=policy.tokenizer,
        peft_config=peft_config(lora),
        callbacks=list(callbacks),
    )
