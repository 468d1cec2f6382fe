"""A sentence encoder for tests: a random BERT of one layer that knows a few words."""

from __future__ import annotations

from pathlib import Path

WORDS = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]",
    "tea", "leaves", "coffee", "beans", "cocoa", "made", "from", "is", "the", ".",
]  # fmt: skip


def make_encoder(folder: Path) -> Path:
    """Write the model and its tokenizer into an existing folder; texts are cut at 16 tokens."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    (folder / "vocab.txt").write_text("\n".join(WORDS))
    BertTokenizerFast(vocab=str(folder / "vocab.txt"), model_max_length=16).save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=16,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder
