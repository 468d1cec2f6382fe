"""A byte-level tokenizer to which reasoning tags are special tokens, which trainers drop; and a tiny model."""

from __future__ import annotations

from typing import Any

from tiny_models import byte_level

SPECIAL = ["<s>", "</s>", "<|turn|>", "<|over|>", "<think>", "</think>", "<answer>", "</answer>"]
TEMPLATE = (
    "{% for message in messages %}<|turn|>{{ message['role'] }}\n{{ message['content'] }}<|over|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)


def tag_tokenizer(template: str | None = TEMPLATE) -> Any:
    """Any text becomes ids and the same text again."""
    from transformers import PreTrainedTokenizerFast

    tokens = byte_level(SPECIAL)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokens, bos_token="<s>", eos_token="<|over|>", pad_token="</s>")
    fast.chat_template = template
    return fast


def tiny_model() -> Any:
    """A random Llama of one layer for this tokenizer."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=256 + len(SPECIAL),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=4096,
        bos_token_id=256,
        eos_token_id=259,
        pad_token_id=257,
    )
    return LlamaForCausalLM(config)
