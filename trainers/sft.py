"""SFT: TRL's SFTTrainer on tokenized rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundeval.trainers.data.datasets import Rows
from groundeval.trainers.policy import Policy, peft_config
from groundeval.trainers.recipe_stage import Lora


def sft_trainer(
    policy: Policy, model: Any, config: Any, rows: Rows, lora: Lora | None, callbacks: Sequence[Any]
) -> Any:
    """A trainer that learns the answers of the rows (`sft_rows`), not their prompts."""
    from trl import SFTTrainer

    return SFTTrainer(
        model=model,
        args=config,
        train_dataset=rows.dataset(),
        processing_class=policy.tokenizer,
        peft_config=peft_config(lora),
        callbacks=list(callbacks),
    )
