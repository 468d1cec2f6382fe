"""T5 models of a chosen shape with random weights that answer as TRUE does: one token, `1` or `0`, then the end.

Speed does not depend on the values of weights, but on the length of answers: a random model would generate until it is
cut off, and the sequential way would look slower than it is. So the output layer of these models is fitted to a few
inputs: after the start token it gives `1` or `0`, by a direction of the hidden state, and after either the end of the
text.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundeval.errors import DataError, MissingExtra
from groundeval.records import Pair

VOCABULARY = 32_128
"""Rows of T5's embedding. The tokenizer has fewer tokens, but the last layer must cost as much as T5's."""
PIECES = 8_000
FITTED_ON = 48
"""Number of pairs that the output layer is fitted to."""
LEAST_PAIRS = 8
LABEL_LOGIT, SPREAD, REST = 8.0, 8.0, 0.1
"""Mean logit of the labels, standard deviation of their difference, and that of other logits."""
END_LOGIT = 24.0
"""Mean logit of the end of the text after a label: above the labels' in the most extreme of a thousand pairs."""
SHARE_OF_ONES = 0.75
"""Roughly the share of good answers. Nearer to a half, more pairs would be close calls with random weights."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a T5."""

    d_model: int
    d_ff: int
    layers: int
    """Number of layers of the encoder, and of the decoder."""
    heads: int
    d_kv: int = 64
    gated: bool = False
    """T5 1.1 (TRUE is one) has gated feed-forward layers, the first T5 has not."""
    vocabulary: int = VOCABULARY


SHAPES = {
    "t5-tiny": Shape(256, 1_024, 4, 4),
    "t5-small": Shape(512, 2_048, 6, 8),
    "t5-base": Shape(768, 3_072, 12, 12),
    "t5-large": Shape(1_024, 4_096, 24, 16),
    "t5-xxl": Shape(4_096, 10_240, 24, 64, gated=True),
}
"""T5's shapes by name; `t5-xxl` is that of TRUE."""


def write_random_t5(
    shape: Shape, pairs: Sequence[Pair], folder: Path, *, device: str = "cpu", dtype: str = "float32", seed: int = 0
) -> Path:
    """Create a model and its tokenizer and write them to a folder, from which any verifier loads them.

    `pairs`: the pairs to judge; the tokenizer is trained on their text and the output layer fitted to a sample. The
    weights are created on `device`. Raises MissingExtra without the extra `hf`, DataError for too little text.
    """
    try:
        import sentencepiece  # noqa: F401
        import torch
        from transformers import T5Config, T5ForConditionalGeneration
    except ImportError as error:
        raise MissingExtra("A model with random weights", "hf") from error
    from groundeval.nli.spec import PREMISE_HYPOTHESIS
    from groundeval.nli.verifiers.seq2seq import label_tokens

    if len(pairs) < LEAST_PAIRS:
        raise DataError(f"there are {len(pairs)} NLI pairs to fit random weights to; at least {LEAST_PAIRS} are needed")
    tokenizer = _tokenizer(pairs, folder)
    if len(tokenizer) > shape.vocabulary:
        raise DataError(f"a tokenizer of {len(tokenizer)} tokens does not fit a model of {shape.vocabulary}")
    settings: dict[str, Any] = {
        "vocab_size": shape.vocabulary,
        "d_model": shape.d_model,
        "d_kv": shape.d_kv,
        "d_ff": shape.d_ff,
        "num_layers": shape.layers,
        "num_decoder_layers": shape.layers,
        "num_heads": shape.heads,
        "feed_forward_proj": "gated-gelu" if shape.gated else "relu",
        "dropout_rate": 0.0,
        "decoder_start_token_id": tokenizer.pad_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "tie_word_embeddings": False,
    }
    torch.manual_seed(seed)
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        with torch.device(device):
            model: Any = T5ForConditionalGeneration(T5Config(**settings))
    finally:
        torch.set_default_dtype(before)
    model.eval()
    sample = random.Random(seed).sample(list(pairs), min(FITTED_ON, len(pairs)))
    inputs = tokenizer(
        [PREMISE_HYPOTHESIS.format(premise=pair.premise, hypothesis=pair.hypothesis) for pair in sample]
    ).input_ids
    _fit_output(model, inputs, label_tokens(tokenizer, "1")[0], label_tokens(tokenizer, "0")[0])
    model.save_pretrained(folder)
    return folder


def _tokenizer(pairs: Sequence[Pair], folder: Path) -> Any:
    import sentencepiece
    from transformers import T5Tokenizer

    texts = dict.fromkeys(text for pair in pairs for text in pair if text.strip())
    folder.mkdir(parents=True, exist_ok=True)
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(["premise: hypothesis: 0 1 2 3 4 5 6 7 8 9", *texts]),
            model_prefix=str(folder / "spiece"),
            vocab_size=PIECES,
            hard_vocab_limit=False,
            character_coverage=1.0,
            max_sentence_length=1 << 16,
            pad_id=0,
            eos_id=1,
            unk_id=2,
            bos_id=-1,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise DataError(f"no tokenizer can be trained on {len(texts)} texts: {error}") from error
    tokenizer = T5Tokenizer.from_pretrained(folder, extra_ids=0)
    tokenizer.save_pretrained(folder)
    return tokenizer


def _fit_output(model: Any, inputs: Sequence[Sequence[int]], one: int, zero: int) -> None:
    """Set the deciding rows of the output layer: `1`, `0` and the end of the text."""
    import torch

    start, end = model.config.decoder_start_token_id, model.config.eos_token_id
    # Hidden states before `1` or `0`, after `1`, and after `0`.
    states = torch.stack([_hidden(model, ids, start, (one, zero)) for ids in inputs], dim=1)
    means = states.mean(1)
    first = states[0] - means[0]
    # Three vectors, one for each of these steps: its product with a hidden state is 1 at this step on average and 0
    # at the others, and varies between inputs as little as can be (Fisher's discriminant).
    deviations = (states - means[:, None]).flatten(0, 1)
    covariance = deviations.T @ deviations / len(deviations)
    covariance += torch.eye(len(covariance), device=covariance.device) * covariance.diagonal().mean() / 10
    sought = torch.linalg.solve(covariance, means.T).T
    at = torch.linalg.solve(sought @ means.T, sought)
    direction = torch.linalg.svd(first, full_matrices=False).Vh[0]
    said = first @ direction
    offsets = means @ direction
    offsets[0] += torch.quantile(said, 1 - SHARE_OF_ONES)
    difference = (direction - offsets @ at) * SPREAD / said.std()
    rows = torch.randn_like(model.lm_head.weight, dtype=torch.float32) * (REST * model.config.d_model**-0.5)
    rows[one] = LABEL_LOGIT * at[0] + difference / 2
    rows[zero] = LABEL_LOGIT * at[0] - difference / 2
    rows[end] = END_LOGIT * (at[1] + at[2])
    # A new parameter: the existing one is shared with the embedding.
    model.lm_head.weight = torch.nn.Parameter(rows.to(model.lm_head.weight.dtype), requires_grad=False)


def _hidden(model: Any, ids: Sequence[int], start: int, labels: Sequence[int]) -> Any:
    """The decoder's last hidden states as float32: after the start token, and after each label."""
    import torch

    decoded = torch.tensor([[start, label] for label in labels], device=model.device)
    with torch.inference_mode():
        encoded = model.encoder(input_ids=torch.tensor([ids], device=model.device)).last_hidden_state
        states = model.decoder(
            input_ids=decoded, encoder_hidden_states=encoded.expand(len(decoded), -1, -1)
        ).last_hidden_state
    return torch.cat([states[:1, 0], states[:, 1]]).float()
