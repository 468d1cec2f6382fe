"""A real T5 that says both 1 and 0, made in about a minute: its own sentencepiece vocabulary, trained on containment.

No public NLI model is needed to test how verdicts are computed: what matters is a model whose answer depends on premise
and hypothesis and is sometimes close. This one is trained on the embedded data to say `1` when a hypothesis's words are
in the premise. It is cached by a hash of its recipe: the source of this file and the texts it learns from.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

TEMPLATE = "premise: {} hypothesis: {}"
VOCABULARY = 1200
STEPS = 500
BATCH = 24


def embedded_texts() -> list[str]:
    """The documents of the embedded data."""
    folder = importlib.resources.files("groundeval.tasks") / "data"
    texts: dict[str, None] = {}
    for task in ("asqa", "eli5", "qampari", "expertqa"):
        for split in ("train", "test"):
            file = folder / task / f"{split}.jsonl"
            for line in file.read_text("utf-8").splitlines():
                for doc in json.loads(line)["docs"]:
                    texts[f"Title: {doc['title']}\n{doc['text']}"] = None
    return list(texts)


def recipe_hash() -> str:
    """Changes when the fixture would become another model."""
    recipe = Path(__file__).read_text("utf-8") + "".join(embedded_texts())
    return hashlib.sha256(recipe.encode()).hexdigest()[:16]


def containment_pairs(texts: list[str], rng: random.Random) -> Iterator[tuple[str, str, bool]]:
    """Endless (premise, hypothesis, label): a stretch of words from the premise, from another text, or of both."""
    words = [text.split() for text in texts]
    while True:
        premise_at, other_at = rng.sample(range(len(texts)), 2)
        premise = [premise_at] if rng.random() < 0.7 else [premise_at, *rng.sample(range(len(texts)), 1)]
        length = rng.randint(5, 18)
        contained = rng.random() < 0.5
        source = words[premise_at if contained else other_at]
        start = rng.randrange(max(1, len(source) - length))
        hypothesis = source[start : start + length]
        for place in range(len(hypothesis)):
            if rng.random() < 0.15:
                hypothesis[place] = rng.choice(words[rng.randrange(len(words))])
        yield "\n".join(texts[at] for at in premise), " ".join(hypothesis), contained


def build(folder: Path, seconds: float = 80.0) -> dict[str, float]:
    """Train the model and its tokenizer and save both; says what came out. Stops after `seconds` of training."""
    import sentencepiece
    import torch
    from transformers import T5Config, T5ForConditionalGeneration, T5Tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    texts = embedded_texts()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*texts, "premise: hypothesis: 0 1 2 3 4 5 6 7 8 9"]),
        model_prefix=str(folder / "spiece"),
        vocab_size=VOCABULARY,
        character_coverage=1.0,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        user_defined_symbols=["\u25811", "\u25810"],
        num_threads=1,
        minloglevel=2,
    )
    tokenizer = T5Tokenizer.from_pretrained(folder, extra_ids=0)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    torch.set_num_threads(max(1, torch.get_num_threads()))
    model = T5ForConditionalGeneration(
        T5Config(
            vocab_size=len(tokenizer),
            d_model=64,
            d_kv=16,
            num_heads=4,
            d_ff=128,
            num_layers=2,
            num_decoder_layers=2,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu",
            decoder_start_token_id=0,
            pad_token_id=0,
            eos_token_id=1,
        )
    )
    # Queries like keys to begin with: attention starts out on equal words, and learning takes a minute, not an hour.
    with torch.no_grad():
        for block in model.encoder.block:
            attention = block.layer[0].SelfAttention
            torch.nn.init.orthogonal_(attention.q.weight)
            attention.q.weight.mul_(1.0)
            attention.k.weight.copy_(attention.q.weight)
    pairs = containment_pairs(texts, random.Random(0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=STEPS + 1, pct_start=0.1)
    begun = time.monotonic()
    model.train()
    right: list[float] = []
    for step in range(STEPS):
        batch = [next(pairs) for _ in range(BATCH)]
        inputs = tokenizer([TEMPLATE.format(p, h) for p, h, _ in batch], return_tensors="pt", padding=True)
        labels = tokenizer(["1" if label else "0" for *_, label in batch], return_tensors="pt").input_ids
        output = model(**inputs, labels=labels)
        output.loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        right.append(float((output.logits[:, 0].argmax(-1) == labels[:, 0]).float().mean()))
        if step % 50 == 49:
            print(step, float(output.loss.detach()), sum(right[-50:]) / 50, round(time.monotonic() - begun, 1))
        if time.monotonic() - begun > seconds:
            break
    model.eval().save_pretrained(folder)
    return {"steps": step + 1, "seconds": time.monotonic() - begun, "accuracy": sum(right[-50:]) / len(right[-50:])}


def cached(folder: Path) -> Path:
    """The model's folder below a cache folder, built if it is not there."""
    target = folder / f"tiny-t5-{recipe_hash()}"
    if not (target / "config.json").exists():
        import shutil

        making = folder / f"making-{recipe_hash()}"
        shutil.rmtree(making, ignore_errors=True)
        build(making)
        shutil.rmtree(target, ignore_errors=True)
        making.rename(target)
    return target


if __name__ == "__main__":
    import sys

    print(build(Path(sys.argv[1])))
