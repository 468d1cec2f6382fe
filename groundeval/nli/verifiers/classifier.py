"""The `classifier` verifier: a classifier of pairs of texts with a class for entailment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from groundeval.errors import SampleError, UsageError, excerpt, option
from groundeval.nli import weights
from groundeval.nli.verifiers.scored import LEAST_ROOM, OVERLAP, Input, ProbabilityVerifier


class Classifier(ProbabilityVerifier):
    """Probability of the class that means entailment, whose index is read from the model's `id2label`.

    For a model with one output, that output's sigmoid. A longer pair than the model's input is read in windows.
    """

    auto_class = "AutoModelForSequenceClassification"

    def understand(self) -> None:
        """Find the class. Raises UsageError, which names the classes, if none is called entailment."""
        names = {int(index): str(name) for index, name in self.config.id2label.items()}
        wanted = {word.lower() for word in self.spec.yes}
        self._classes = [index for index, name in names.items() if name.lower() in wanted]
        if not self._classes:
            raise UsageError(
                f"NLI model {self.source}: none of its classes is called entailment: {', '.join(names.values())}.\n"
                f"  If one of them means entailment, name it: {option('nli_options', label='NAME')}."
            )
        if not self.tokenizer.is_fast:
            raise UsageError(f"NLI model {self.source}: has no fast tokenizer, which is needed to cut long premises.")

    @cached_property
    def _limit(self) -> int | None:
        return self.spec.max_length or weights.longest_input(self.config, self.tokenizer)

    def inputs(self, premise: str, hypothesis: str) -> list[Input]:
        """The pair as one input, or as several whose windows cover the premise."""
        cut: dict[str, Any] = {}
        if self._limit is not None:
            fixed = len(self.tokenizer("", hypothesis).input_ids)
            room = self._limit - fixed
            if room < LEAST_ROOM:
                raise SampleError(
                    f"NLI model {self.name}: a hypothesis of {fixed} tokens leaves no room for a premise in its "
                    f"{self._limit}: {excerpt(hypothesis)}"
                )
            cut = {
                "truncation": "only_first",
                "max_length": self._limit,
                "stride": room // OVERLAP,
                "return_overflowing_tokens": True,
            }
        found = self.tokenizer(premise, hypothesis, **cut)
        if not cut:
            found = {name: [row] for name, row in found.items()}
        types = found.get("token_type_ids") or [None] * len(found["input_ids"])
        return [Input(ids, of) for ids, of in zip(found["input_ids"], types, strict=True)]

    def probabilities(self, model: Any, batch: Sequence[Input]) -> list[float]:
        """The softmax probability of the class."""
        rows: dict[str, Any] = {"input_ids": [each.ids for each in batch]}
        if batch[0].types is not None:
            rows["token_type_ids"] = [each.types for each in batch]
        padded = self.tokenizer.pad(rows, return_tensors="pt").to(model.device)
        logits = model(**padded).logits.float()
        shares = logits.sigmoid() if logits.shape[-1] == 1 else logits.softmax(-1)[:, self._classes]
        scores: list[float] = shares.sum(-1).clamp(0, 1).tolist()
        return scores
