"""Builds the T5 in `models/tiny_t5`: its own sentencepiece vocabulary, trained on containment, says both 1 and 0.

No public NLI model is needed to test how verdicts are computed: what matters is a model whose answer depends on premise
and hypothesis and is sometimes close. This one is trained on the embedded data to say `1` when a hypothesis's words are
in the premise. Its weights are kept, because training gives another model on every machine. To make it again (about two
minutes): `python tests/nli/tiny_t5.py tests/nli/models/tiny_t5`.
"""

from __future__ import annotations

import importlib.resources
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEMPLATE = "premise: {} hypothesis: {}"
VOCABULARY = 3000
SEED = 1
SHORT_STEPS = 600
LONG_STEPS = 500
TRIAL_PAIRS = 400
UNSUPPORTED = 0.78
"""The share of documents, among those of a question, that the model shall not take as support for a sentence."""


def embedded_records() -> Iterator[dict[str, Any]]:
    """The questions of the embedded data."""
    folder = importlib.resources.files("groundeval.tasks") / "data"
    for task in ("asqa", "eli5", "qampari", "expertqa"):
        for split in ("train", "test"):
            for line in (folder / task / f"{split}.jsonl").read_text("utf-8").splitlines():
                yield json.loads(line)


def shown(doc: dict[str, Any]) -> str:
    """A document as the citation metrics show it to a verifier."""
    return f"Title: {doc['title']}\n{doc['text']}"


def embedded_texts() -> list[str]:
    """The documents of the embedded data; those of one question are neighbours."""
    return list(dict.fromkeys(shown(doc) for record in embedded_records() for doc in record["docs"]))


def embedded_claims() -> list[tuple[str, str]]:
    """Each document with each sentence of the answer to its question: the kind of pairs that citation metrics ask."""
    return [
        (shown(doc), f"{sentence}.")
        for record in embedded_records()
        for sentence in record["answer"].rstrip(".").split(". ")
        for doc in record["docs"]
    ]


def containment_pairs(
    texts: list[str],
    rng: random.Random,
    premise_words: tuple[int, int],
    claim_words: tuple[int, int],
    swapped: float = 0.1,
) -> Iterator[tuple[str, str, bool]]:
    """Endless (premise, hypothesis, label): words of the premise or of another text; some are swapped."""
    words = [text.split() for text in texts]

    def stretch(source: list[str], length: int) -> list[str]:
        start = rng.randrange(max(1, len(source) - length))
        return source[start : start + length]

    while True:
        at, other = rng.sample(range(len(words)), 2)
        if premise_words[1] > 60 and rng.random() < 0.6:
            other = (at + rng.choice((-2, -1, 1, 2))) % len(words)
        premise = stretch(words[at], rng.randint(*premise_words))
        contained = rng.random() < 0.5
        hypothesis = stretch(premise if contained else words[other], rng.randint(*claim_words))
        hypothesis = [rng.choice(rng.choice(words)) if rng.random() < swapped else word for word in hypothesis]
        yield " ".join(premise), " ".join(hypothesis), contained


def train_tokenizer(folder: Path, texts: list[str]) -> Any:
    """A unigram vocabulary whose labels and markers are single tokens."""
    import sentencepiece
    from transformers import T5Tokenizer

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*texts, "0 1 2 3 4 5 6 7 8 9"]),
        model_prefix=str(folder / "spiece"),
        vocab_size=VOCABULARY,
        character_coverage=1.0,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        user_defined_symbols=["\u25811", "\u25810", "\u2581hypothesis:", "premise:"],
        num_threads=1,
        minloglevel=2,
    )
    return T5Tokenizer.from_pretrained(folder, extra_ids=0)


def new_model(vocabulary: int) -> Any:
    """An untrained T5 whose first layer already looks for equal words further back, so that a minute suffices."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    model = T5ForConditionalGeneration(
        T5Config(
            vocab_size=vocabulary,
            d_model=64,
            d_kv=16,
            num_heads=4,
            d_ff=96,
            num_layers=2,
            num_decoder_layers=1,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu",
            decoder_start_token_id=0,
            pad_token_id=0,
            eos_token_id=1,
        )
    )
    with torch.no_grad():
        attention = model.encoder.block[0].layer[0].SelfAttention
        torch.nn.init.orthogonal_(attention.q.weight)
        attention.k.weight.copy_(attention.q.weight)
        torch.nn.init.orthogonal_(attention.v.weight)
        attention.o.weight.copy_(-attention.v.weight.T)
        bias = attention.relative_attention_bias.weight
        bias.zero_()
        bias[16:] = -8
        bias[0] = -12
        bias[1:4] = -2
    return model


def centre(model: Any, tokenizer: Any, pairs: list[tuple[str, str]], one: int, zero: int) -> None:
    """Put the border between `1` and `0` where most of some pairs are `0`, and the two labels' logits around zero.

    The first makes sure that both are said. The second takes one vector from all output weights, which changes no
    probability, but keeps bfloat16's roundings small beside the margins, as the z-loss of real T5 training does.
    """
    import torch

    output = model.lm_head.weight.detach().clone()
    inputs = tokenizer([TEMPLATE.format(*pair) for pair in pairs], return_tensors="pt", padding=True)
    start = torch.zeros((len(pairs), 1), dtype=torch.long)
    with torch.no_grad():
        hidden = model(**inputs, decoder_input_ids=start, output_hidden_states=True).decoder_hidden_states[-1][:, 0]
        if model.config.scale_decoder_outputs:
            hidden = hidden * model.config.d_model**-0.5
        mean = hidden.mean(0)
        margins = hidden @ (output[one] - output[zero])
        output[one] -= margins.quantile(UNSUPPORTED) * mean / mean.square().sum()
        output -= (output[one] + output[zero]) / 2
        model.config.tie_word_embeddings = False
        model.lm_head.weight = torch.nn.Parameter(output)


def build(folder: Path) -> dict[str, float]:
    """Train the model and its tokenizer and save both; says what came out."""
    import torch

    begun = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    texts = embedded_texts()
    tokenizer = train_tokenizer(folder, texts)
    one, zero = (tokenizer(label, add_special_tokens=False).input_ids[0] for label in "10")
    torch.manual_seed(SEED)
    model = new_model(len(tokenizer))
    rng = random.Random(SEED)
    short = containment_pairs(texts, rng, (15, 45), (4, 9))
    long = containment_pairs(texts, rng, (60, 120), (6, 16))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.0)
    steps = SHORT_STEPS + LONG_STEPS
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=steps + 1, pct_start=0.1)
    right: list[float] = []
    model.train()
    for step in range(steps):
        batch = [next(short) for _ in range(32)] if step < SHORT_STEPS else [next(long) for _ in range(16)]
        inputs = tokenizer([TEMPLATE.format(p, h) for p, h, _ in batch], return_tensors="pt", padding=True)
        labels = tokenizer(["1" if label else "0" for *_, label in batch], return_tensors="pt").input_ids
        output = model(**inputs, labels=labels)
        first = output.logits[:, 0]
        wanted = (labels[:, 0] == one).float()
        decision = torch.nn.functional.binary_cross_entropy_with_logits(first[:, one] - first[:, zero], wanted)
        # Which label, first of all; that nothing but a label is said, and then the end, comes with it.
        (decision + (0.1 if step < SHORT_STEPS else 1.0) * output.loss).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        right.append(float((first.argmax(-1) == labels[:, 0]).float().mean()))
    model.eval()
    centre(model, tokenizer, rng.sample(embedded_claims(), TRIAL_PAIRS), one, zero)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for file in folder.glob("spiece.*"):  # all of it is in tokenizer.json
        file.unlink()
    return {"seconds": time.monotonic() - begun, "accuracy": sum(right[-LONG_STEPS:]) / LONG_STEPS}


if __name__ == "__main__":
    import sys

    print(build(Path(sys.argv[1])))
