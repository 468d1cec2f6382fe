"""The `seq2seq` verifier: TRUE, and any T5-style model that answers `1` for entailed, exactly and in batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from groundeval.errors import BackendError, SampleError, UsageError
from groundeval.models.device import import_torch, is_out_of_memory
from groundeval.nli import weights
from groundeval.nli.batches import run_in_batches
from groundeval.nli.model import NLIOptions, Traits, fill
from groundeval.nli.spec import Spec
from groundeval.nli.verifiers.local import LocalVerifier, verdicts_of
from groundeval.records import Pair, Verdict

NEW_TOKENS = 10
"""Length limit of generation in the original evaluators, in tokens."""
NOISE_MARGIN = 2.0
"""A batched result is accepted if its margin exceeds this multiple of the largest noise seen."""
LEAST_NOISE = {"float32": 2.0**-18, "bfloat16": 2.0**-7}
"""Least noise assumed, as a share of the largest logit (two bfloat16 roundings of it)."""


class End(NamedTuple):
    """Reading of the second token's logits, after a first token that decodes to `1`."""

    margin: float
    """Logit of the end of the answer minus the best other logit: negative if the answer continues."""
    size: float
    """Absolute value of the end's logit."""


class Answer(NamedTuple):
    """Reading of the first token's logits."""

    label: bool | None
    """What the most likely token decodes to: `1`, `0`, or neither (None)."""
    margin: float
    """Its logit minus that of the best token outside its label."""
    score: float
    """Probability of `1` against `0`."""
    size: float
    """Larger absolute value of the two labels' logits, which rounding is relative to."""
    end: End | None = None
    """Reading of the second token; None if the first token is not the usual `1`."""


class Seq2Seq(LocalVerifier):
    """Entailed iff the model's greedy answer decodes to `1` (TRUE; Honovich et al. 2022). Nothing is truncated.

    The verdict is read from the logits of the first two tokens, in batches: `0` first, or `1` and then the end. A pair
    whose margin is within the numeric noise between batched and single scoring, or with any other answer, is scored
    again by generating alone, as the original evaluators do. The noise is measured when the model is loaded, and again
    at every such pair.
    """

    auto_class = "AutoModelForSeq2SeqLM"

    def __init__(self, spec: Spec, options: NLIOptions, name: str) -> None:
        super().__init__(spec, options, name)
        self.noise = 0.0
        """Largest difference seen between a batched and a single margin, in logits."""
        self._steps: list[Any] = []

    @property
    def traits(self) -> Traits:
        """The traits that the verifier declares."""
        # The reference must compute every verdict, not read it from a cache.
        return self.spec.traits(persistent=self._options.exact == "batch")

    def identity(self) -> dict[str, Any]:
        """Everything that determines the verdicts, `exact` included, so that reference results are kept apart."""
        way = self._options.exact
        return {**super().identity(), **({} if way == "batch" else {"exact": way})}

    def understand(self) -> None:
        """Find the labels' tokens. Raises UsageError for a vocabulary without `1`."""
        [one], [zero] = self.spec.yes, self.spec.no
        self._ones, self._zeros = (label_tokens(self.tokenizer, label) for label in (one, zero))
        if not self._ones:
            raise UsageError(
                f"NLI model {self.source}: no token of its vocabulary decodes to {one}, so it cannot judge."
            )
        usual = self.tokenizer(one, add_special_tokens=False).input_ids[0]
        self._one = usual if usual in self._ones else self._ones[0]

    def load(self) -> None:
        """Load the weights and measure the noise. Raises UsageError if the model cannot be loaded."""
        if self._replicas:
            return
        super().load()
        self._least_noise = LEAST_NOISE[weights.dtype_name(self._options)]
        self._ends = self._end_tokens()
        if self._options.exact == "batch":
            self._steps = [first_steps(model, self.tokenizer) for model in self._replicas]
            self._measure_noise()

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict for each pair, in order. Raises PartialFailure for pairs that do not fit into memory."""
        self.load()
        texts = [fill(self.spec.template, pair) for pair in pairs]
        inputs: list[list[int]] = self.tokenizer(texts).input_ids
        outcomes: list[Verdict | SampleError]
        if self._options.exact == "generate":
            outcomes = [self._alone(ids)[0] for ids in inputs]
        else:
            answers = self._first_tokens(inputs)
            outcomes = [
                answer if isinstance(answer, SampleError) else self._decide(answer, ids)
                for answer, ids in zip(answers, inputs, strict=True)
            ]
        return verdicts_of(outcomes)

    def close(self) -> None:
        """Free the weights."""
        self._steps = []
        super().close()

    def _decide(self, answer: Answer, ids: list[int]) -> Verdict | SampleError:
        if self._stands(answer):
            return Verdict(bool(answer.label), answer.score)
        try:
            verdict, alone = self._alone(ids)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return SampleError(f"an NLI pair of {len(ids)} tokens does not fit into memory when scored alone.")
        self._learn(answer, alone)
        return Verdict(verdict.entailed, verdict.score, rechecked=True)

    def _stands(self, answer: Answer) -> bool:
        """Whether single scoring would give the same verdict, by the noise measured so far."""
        if answer.label is None or not self._is_firm(answer.margin, answer.size):
            return False
        return not answer.label or (answer.end is not None and self._is_firm(*answer.end))

    def _is_firm(self, margin: float, size: float) -> bool:
        return margin > NOISE_MARGIN * max(self.noise, self._least_noise * size)

    def _learn(self, batched: Answer, alone: Answer) -> None:
        """Update the noise from a pair that was scored both ways."""
        if batched.label is not None and alone.label is not None:
            differs = batched.label != alone.label
            self.noise = max(self.noise, abs(batched.margin - (-alone.margin if differs else alone.margin)))
        if batched.end is not None and alone.end is not None:
            self.noise = max(self.noise, abs(batched.end.margin - alone.end.margin))

    def _first_tokens(self, inputs: list[list[int]]) -> list[Answer | SampleError]:
        def runs(steps: Any) -> Any:
            return lambda batch: self._answers(steps, [inputs[item] for item in batch])

        return run_in_batches([len(ids) for ids in inputs], self._budget, [runs(steps) for steps in self._steps])

    def _answers(self, steps: Any, inputs: list[list[int]]) -> list[Answer]:
        """The answers to a batch: the first tokens, and the second for those that begin with the usual `1`."""
        with import_torch().inference_mode():
            states = steps.states(inputs, [self._one])
            first = steps.logits(states[:, 0])
            answers = self._read(first)
            begun = (first.argmax(-1) == self._one).nonzero()[:, 0]
            if self._ends and len(begun):
                rows = begun.to(states.device)
                for row, end in zip(begun.tolist(), self._read_ends(steps.logits(states[rows, 1])), strict=True):
                    answers[row] = answers[row]._replace(end=end)
        return answers

    def _read(self, logits: Any) -> list[Answer]:
        """The answers from rows of first-token logits."""
        torch = import_torch()
        ones, zeros = logits[:, self._ones], logits[:, self._zeros]
        best_one = ones.amax(-1)
        best_zero = zeros.amax(-1) if self._zeros else torch.full_like(best_one, -math.inf)
        rest = logits.clone()
        rest[:, self._ones + self._zeros] = -math.inf
        best_rest = rest.amax(-1)
        rows = torch.stack((best_one, best_zero, best_rest), -1).tolist()
        return [_answer(*row) for row in rows]

    def _read_ends(self, logits: Any) -> list[End]:
        """The ends from rows of second-token logits."""
        rest = logits.clone()
        rest[:, self._ends] = -math.inf
        ends = logits[:, self._ends].amax(-1)
        return [End(*row) for row in zip((ends - rest.amax(-1)).tolist(), ends.abs().tolist(), strict=True)]

    def _end_tokens(self) -> list[int]:
        """Tokens that end an answer and add nothing to its text."""
        configured = getattr(self._replicas[0].generation_config, "eos_token_id", None)
        ends = configured if isinstance(configured, list) else [configured]
        return [end for end in ends if end is not None and self._says_one([self._one, end])]

    def _says_one(self, tokens: Any) -> bool:
        return bool(self.tokenizer.decode(tokens, skip_special_tokens=True) == self.spec.yes[0])

    def _alone(self, ids: list[int]) -> tuple[Verdict, Answer]:
        """Score one pair as the original evaluators do: generate, decode, compare with `1`."""
        torch = import_torch()
        model = self._replicas[0]
        with torch.inference_mode():
            made = model.generate(
                torch.tensor([ids], device=model.device),
                max_new_tokens=NEW_TOKENS,
                return_dict_in_generate=True,
                output_logits=True,
            )
        [answer] = self._read(made.logits[0].float())
        if self._ends and len(made.logits) > 1 and int(made.logits[0].argmax()) == self._one:
            [end] = self._read_ends(made.logits[1].float())
            answer = answer._replace(end=end)
        return Verdict(self._says_one(made.sequences[0]), answer.score), answer

    def _measure_noise(self) -> None:
        """Compare batched and single margins on probe pairs of different lengths."""
        inputs: list[list[int]] = self.tokenizer([fill(self.spec.template, probe) for probe in PROBES]).input_ids
        for batched, ids in zip(self._first_tokens(inputs), inputs, strict=True):
            if isinstance(batched, SampleError):
                raise BackendError(f"NLI model {self.name}: the probe pairs cannot be judged: {batched}")
            self._learn(batched, self._alone(ids)[1])


def first_steps(model: Any, tokenizer: Any) -> Any:
    """The implementation of the decoder's first steps: our own for T5, transformers' for other models."""
    from groundeval.nli.verifiers import t5_step

    return t5_step.FirstSteps(model) if t5_step.fits(model) else _Padded(model, tokenizer.pad_token_id or 0)


class _Padded:
    """The first steps of any encoder-decoder model, by transformers' own forward pass on a padded batch."""

    def __init__(self, model: Any, padding: int) -> None:
        from groundeval.nli.verifiers.t5_step import start_token

        self._model = model
        self._padding = padding
        self._start = start_token(model)

    def states(self, inputs: Sequence[Sequence[int]], answer: Sequence[int] = ()) -> Any:
        """Next-token logits at the decoder's first positions, when each answer begins with these tokens."""
        import torch

        longest = max(map(len, inputs))
        ids = torch.tensor([[*row, *[self._padding] * (longest - len(row))] for row in inputs])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in inputs])
        device = self._model.device
        begun = torch.tensor([self._start, *answer], device=device).expand(len(inputs), -1)
        return self._model(
            input_ids=ids.to(device), attention_mask=mask.to(device), decoder_input_ids=begun, use_cache=False
        ).logits

    def logits(self, states: Any) -> Any:
        """The states, which are logits already, as float32."""
        return states.float()


def _answer(one: float, zero: float, rest: float) -> Answer:
    label = None if rest >= max(one, zero) else one > zero
    own, others = {None: (rest, max(one, zero)), True: (one, max(zero, rest)), False: (zero, max(one, rest))}[label]
    difference = max(-700.0, min(700.0, one - zero))
    size = max(abs(logit) for logit in (one, zero) if math.isfinite(logit))
    return Answer(label, own - others, 1 / (1 + math.exp(-difference)), size)


def label_tokens(tokenizer: Any, label: str) -> list[int]:
    """The ids of all tokens that decode to a label, word-initial and word-internal forms included."""
    vocabulary = tokenizer.get_vocab()
    likely = (token for piece, token in vocabulary.items() if label in piece and len(piece) <= len(label) + 6)
    return sorted(token for token in likely if tokenizer.decode([token], skip_special_tokens=True) == label)


_FACTS = "Title: Harbours\nThe port of Lisbon lies on the Tagus, and was opened to larger ships in 1887. "
_CLAIMS = (
    "Lisbon's port lies on the Tagus.",
    "The port of Lisbon was opened to larger ships in 1901.",
    "Bananas are yellow.",
    "The port lies on a river.",
    "No ship has ever reached Lisbon.",
    "Larger ships could enter from 1887 on.",
    "The Tagus is in Peru.",
    "It was opened.",
)
PROBES = [
    Pair(_FACTS * times, claim)
    for claim, lengths in zip(_CLAIMS, ((1, 8), (2, 5), (3, 1), (4, 2), (6, 1), (8, 3), (12, 2), (1, 4)), strict=True)
    for times in lengths
]
"""Pairs on which the noise of batched scoring is measured."""
