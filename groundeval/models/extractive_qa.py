"""The extractive QA model behind QA-EM, QA-F1 and QA-Hit (ALCE uses `gaotianyu1350/roberta-large-squad`)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from groundeval.models.downloads import announce_model
from groundeval.models.local import helper_model

QA_MODEL = "gaotianyu1350/roberta-large-squad"
MAX_TOKENS = 384
STRIDE = 128
MAX_ANSWER_TOKENS = 15
_NEVER = -10_000.0


class ExtractiveQA:
    """Extracts the span of a text that best answers a question."""

    def __init__(self, model: str = QA_MODEL) -> None:
        with helper_model(f"QA model {model}") as transformers:
            announce_model(model)
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(model, use_fast=True)
            self._model = transformers.AutoModelForQuestionAnswering.from_pretrained(model).eval()

    def __call__(self, question: str, text: str) -> str:
        """The best span of at most 15 tokens of a text, widened to whole words; empty if "no answer" is likelier.

        As ALCE uses transformers' question-answering pipeline: overlapping windows, a probability of each token as
        start and as end, the product of the two, `handle_impossible_answer`.
        """
        import torch

        encoded = self._tokenizer(
            question,
            text,
            truncation="only_second",
            max_length=MAX_TOKENS,
            stride=STRIDE,
            return_overflowing_tokens=True,
            return_tensors="pt",
            padding=True,
        )
        encoded.pop("overflow_to_sample_mapping", None)
        with torch.inference_mode():
            output = self._model(**encoded)
        found: list[tuple[float, str]] = []
        impossible = float("inf")
        for window in range(len(output.start_logits)):
            inside = np.array([part == 1 for part in encoded.sequence_ids(window)])
            first = np.flatnonzero(encoded["input_ids"][window].numpy() == self._tokenizer.cls_token_id)[:1]
            allowed = inside.copy()
            allowed[first] = True
            starts, ends = (
                _probabilities(logits[window].float().numpy(), allowed)
                for logits in (output.start_logits, output.end_logits)
            )
            impossible = min(impossible, float(starts[0] * ends[0]))
            starts[0] = ends[0] = 0.0
            start, end, score = best_span(starts, ends)
            if inside[start] and inside[end]:
                words = [encoded.token_to_word(window, token) for token in (start, end)]
                spans = [encoded.word_to_chars(window, word, sequence_index=1) for word in words]
                found.append((score, text[spans[0].start : spans[1].end]))
        # Of equal scores the first: an answer goes before none.
        return max([*found, (impossible, "")], key=lambda each: each[0])[1]


def best_span(starts: NDArray[np.float64], ends: NDArray[np.float64]) -> tuple[int, int, float]:
    """The most likely span of at most 15 tokens: first token, last token, product of their probabilities."""
    scores = np.tril(np.triu(np.outer(starts, ends)), MAX_ANSWER_TOKENS - 1)
    start, end = divmod(int(scores.argmax()), len(ends))
    return start, end, float(scores[start, end])


def _probabilities(logits: NDArray[np.float32], allowed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Softmax over the tokens that are allowed."""
    masked = np.where(allowed, logits.astype(np.float64), _NEVER)
    likely = np.exp(masked - masked.max())
    return np.asarray(likely / likely.sum())
