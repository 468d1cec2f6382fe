"""Random classifiers and chat models of a few thousand weights, with own tokenizers, for tests of the mechanics."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from groundeval.records import Pair

TEXT = (
    "the port of lisbon lies on tagus and was opened to larger ships in it is old new blue red far near river sea city "
    "yes no document claim answer with one word or does support say only if everything stated follows from :"
)
WORDS = TEXT.split()


def random_pairs(count: int, longest: int = 40, seed: int = 0) -> list[Pair]:
    """Pairs of random words; one in ten premises has several sentences of more words than a tiny model can read."""
    rng = random.Random(seed)

    def text(most: int) -> str:
        return " ".join(rng.choices(WORDS, k=rng.randint(1, most)))

    made = []
    for number in range(count):
        sentences = 6 if number % 10 == 9 else 1
        made.append(Pair(" . ".join(text(longest) for _ in range(sentences)), text(8)))
    return made


def word_tokenizer(kind: type, special: dict[str, str], **options: Any) -> Any:
    """A tokenizer whose tokens are words."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {word: index for index, word in enumerate([*special.values(), *dict.fromkeys(WORDS), "."])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=special["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return kind(tokenizer_object=tokenizer, **special, **options)


def write_classifier(folder: Path, labels: Sequence[str], *, order: Sequence[int] | None = None) -> Path:
    """A BERT of 64 positions. `order`: which of the original's classes each class of this model is."""
    import torch
    from tokenizers.processors import BertProcessing
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    tokenizer = word_tokenizer(PreTrainedTokenizerFast, special, model_max_length=64)
    tokenizer._tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    torch.manual_seed(0)
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=48,
            max_position_embeddings=64,
            num_labels=len(labels),
            initializer_range=0.6,
        )
    )
    if order is not None:
        with torch.no_grad():
            for part in (model.classifier.weight, model.classifier.bias):
                part.copy_(part[list(order)].clone())
    model.config.id2label = dict(enumerate(labels))
    model.config.label2id = {label: index for index, label in enumerate(labels)}
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_chat_model(folder: Path, *, positions: int = 128) -> Path:
    """A Llama with a chat template, for whom `yes` and `no` are words, and likely ones behind `answer :`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    tokenizer = word_tokenizer(PreTrainedTokenizerFast, special)
    tokenizer.chat_template = (
        "<s>{% for message in messages %}{{ message['content'] }}</s>{% endfor %}"
        "{% if add_generation_prompt %}answer :{% endif %}"
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=48,
            max_position_embeddings=positions,
            initializer_range=0.4,
        )
    )
    yes_no, colon = (tokenizer.convert_tokens_to_ids(words) for words in (["yes", "no"], ":"))
    with torch.no_grad():
        model.lm_head.weight[yes_no] += 3 * model.model.embed_tokens.weight[colon]
        model.model.embed_tokens.weight[colon] *= 20
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
