"""Encoder-decoder models judged by the probability of their answer's first token, such as MiniCheck."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundeval.errors import UsageError
from groundeval.models.device import import_torch
from groundeval.nli.model import fill
from groundeval.nli.verifiers.scored import Input, ProbabilityVerifier
from groundeval.nli.verifiers.seq2seq import first_steps
from groundeval.records import Pair


class FirstToken(ProbabilityVerifier):
    """Probability of the first token of `yes` against that of `no`, at the first position of the answer."""

    auto_class = "AutoModelForSeq2SeqLM"

    def understand(self) -> None:
        """Find both tokens. Raises UsageError if they are the same in the vocabulary."""
        self._yes, self._no = ([self._first_of(word) for word in words] for words in (self.spec.yes, self.spec.no))
        if set(self._yes) & set(self._no):
            raise UsageError(
                f"NLI model {self.source}: {' and '.join((*self.spec.yes, *self.spec.no))} begin with the same token "
                "of its vocabulary, so the first token cannot tell them apart."
            )

    def load(self) -> None:
        """Load the weights. Raises UsageError if the model cannot be loaded."""
        if self._replicas:
            return
        super().load()
        self._steps = {id(model): first_steps(model, self.tokenizer) for model in self._replicas}

    def inputs(self, premise: str, hypothesis: str) -> list[Input]:
        """The filled template, whole."""
        return [Input(self.tokenizer(fill(self.spec.template, Pair(premise, hypothesis))).input_ids)]

    def probabilities(self, model: Any, batch: Sequence[Input]) -> list[float]:
        """Softmax over the tokens of both words."""
        torch = import_torch()
        steps = self._steps[id(model)]
        logits = steps.logits(steps.states([each.ids for each in batch])[:, 0])
        yes, no = (torch.logsumexp(logits[:, tokens], -1) for tokens in (self._yes, self._no))
        scores: list[float] = (yes - no).sigmoid().tolist()
        return scores

    def _first_of(self, word: str) -> int:
        return int(self.tokenizer(word, add_special_tokens=False).input_ids[0])
