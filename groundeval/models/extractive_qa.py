"""The extractive QA model behind QA-EM, QA-F1 and QA-Hit (ALCE uses `gaotianyu1350/roberta-large-squad`)."""

from __future__ import annotations

from groundeval.models.local import helper_model

QA_MODEL = "gaotianyu1350/roberta-large-squad"
MAX_TOKENS = 384
STRIDE = 128
MAX_ANSWER_TOKENS = 30


class ExtractiveQA:
    """Extracts the span of a text that best answers a question."""

    def __init__(self, model: str = QA_MODEL) -> None:
        with helper_model(f"QA model {model}") as transformers:
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(model, use_fast=True)
            self._model = transformers.AutoModelForQuestionAnswering.from_pretrained(model).eval()

    def __call__(self, question: str, text: str) -> str:
        """The best span by the sum of start and end logits, at most 30 tokens, over overlapping windows of the text."""
        import torch

        encoded = self._tokenizer(
            question,
            text,
            truncation="only_second",
            max_length=MAX_TOKENS,
            stride=STRIDE,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_tensors="pt",
            padding=True,
        )
        offsets = encoded.pop("offset_mapping")
        encoded.pop("overflow_to_sample_mapping", None)
        with torch.inference_mode():
            output = self._model(**encoded)
        best, answer = float("-inf"), ""
        for window in range(len(offsets)):
            inside = torch.tensor([part == 1 for part in encoded.sequence_ids(window)])
            starts = output.start_logits[window].masked_fill(~inside, float("-inf"))
            ends = output.end_logits[window].masked_fill(~inside, float("-inf"))
            scores = torch.triu(starts[:, None] + ends[None, :]).masked_fill(
                torch.ones(len(starts), len(ends)).triu().tril(MAX_ANSWER_TOKENS - 1) == 0, float("-inf")
            )
            position = int(scores.argmax())
            start, end = divmod(position, len(ends))
            if float(scores[start, end]) > best:
                best = float(scores[start, end])
                answer = text[int(offsets[window][start][0]) : int(offsets[window][end][1])]
        return answer
