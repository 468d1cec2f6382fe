"""Verifiers that give a probability of entailment: long premises in chunks, combined scores, a threshold."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from groundeval.errors import SampleError
from groundeval.models.device import import_torch
from groundeval.nli.batches import run_in_batches
from groundeval.nli.model import valid_unicode
from groundeval.nli.verifiers.local import LocalVerifier, verdicts_of
from groundeval.records import Pair, Verdict

OVERLAP = 8
"""Each window shares this fraction of its length with the one before, so that no sentence is cut in both."""
LEAST_ROOM = 16
"""Least number of tokens of the premise that must fit into an input."""


class Input(NamedTuple):
    """One model input: token ids, and for pair classifiers the text that each belongs to."""

    ids: list[int]
    types: list[int] | None = None


class ProbabilityVerifier(LocalVerifier):
    """A model that gives every input a probability of entailment; a proxy for TRUE."""

    @abstractmethod
    def inputs(self, premise: str, hypothesis: str) -> list[Input]:
        """The inputs that cover a premise. Raises SampleError for a hypothesis that leaves it no room."""

    @abstractmethod
    def probabilities(self, model: Any, batch: Sequence[Input]) -> Sequence[float | SampleError]:
        """The model's probability of entailment for each input, in [0, 1]; a SampleError for one without."""

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict for each pair, in order. Raises PartialFailure for pairs that cannot be judged."""
        self.load()
        covering = [self._covering(pair) for pair in pairs]
        inputs = [each for some in covering if not isinstance(some, SampleError) for each in some]
        scores = run_in_batches([len(each.ids) for each in inputs], self._budget, self._forwards(inputs))
        found = iter(scores)
        return verdicts_of(
            [some if isinstance(some, SampleError) else self._joined([next(found) for _ in some]) for some in covering]
        )

    def _covering(self, pair: Pair) -> list[Input] | SampleError:
        premise, hypothesis = (valid_unicode(text) for text in pair)
        try:
            return [each for part in self.spec.parts(premise) for each in self.inputs(part, hypothesis)]
        except SampleError as error:
            return error

    def _forwards(self, inputs: Sequence[Input]) -> list[Callable[[list[int]], list[float | SampleError]]]:
        def runs(model: Any) -> Callable[[list[int]], list[float | SampleError]]:
            def forward(batch: list[int]) -> list[float | SampleError]:
                with import_torch().inference_mode():
                    return list(self.probabilities(model, [inputs[item] for item in batch]))

            return forward

        return [runs(model) for model in self._replicas]

    def _joined(self, scores: Sequence[float | SampleError]) -> Verdict | SampleError:
        known = [score for score in scores if not isinstance(score, SampleError)]
        if len(known) == len(scores):
            return self.spec.verdict(known)
        return next(score for score in scores if isinstance(score, SampleError))
