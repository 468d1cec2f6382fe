"""The `seq2seq` verifier: TRUE, and any T5-style model that answers `1` for entailed, exactly and in batches."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from groundeval.errors import BackendError, SampleError, UsageError
from groundeval.nli import weights
from groundeval.nli.batches import TokenBudget, default_budget, free_memory, out_of_memory, run_in_batches
from groundeval.nli.model import NLIOptions, PartialFailure, Traits, fill, register_nli
from groundeval.records import Pair, Verdict

TRUE_MODEL = "google/t5_xxl_true_nli_mixture"
TEMPLATE = "premise: {premise} hypothesis: {hypothesis}"
NEW_TOKENS = 10
"""How far the original evaluators let the model generate."""
NOISE_MARGIN = 2.0
"""A batched result stands if its margin exceeds the largest noise that was seen this many times over."""
LEAST_NOISE = {"float32": 2.0**-18, "bfloat16": 2.0**-7}
"""The noise that is assumed in any case, as a share of the largest logit (two roundings of it in bfloat16)."""

logger = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What the logits of the first token say."""

    label: bool | None
    """The most likely token is one that decodes to `1`, to `0`, or to neither (None)."""
    margin: float
    """Its logit minus that of the best token outside its label."""
    score: float
    """Probability of `1` against `0`."""
    size: float
    """The larger of the two labels' logits, without sign: what rounding is relative to."""


class Seq2Seq:
    """Entailed iff the model's greedy answer decodes to `1` (TRUE; Honovich et al. 2022). Nothing is truncated.

    The verdict is read from the first token's logits, in batches. A pair whose margin lies within the numeric noise
    between a batch and a lone pair, or whose first token is no label, is scored again by generating alone, as the
    original evaluators do. The noise is measured when the model is loaded, and again at every such pair.
    """

    def __init__(self, options: NLIOptions, name: str) -> None:
        self.name = name
        self.source = options.model or TRUE_MODEL
        self.noise = 0.0
        """The largest difference seen between a batched margin and a lone one, in logits."""
        self._options = options
        self._replicas: list[Any] = []
        self._steps: list[Any] = []
        self._answers_are_one_token = True
        self._revision: str | None = None

    @property
    def revision(self) -> str | None:
        """The hub's commit, or a fingerprint of the folder."""
        if self._revision is None:
            self._revision = weights.revision_of(self.source, self._options.revision)
        return self._revision

    @property
    def traits(self) -> Traits:
        """What the verifier declares of itself."""
        return Traits(
            kind="seq2seq",
            fidelity="exact" if self.source.endswith(TRUE_MODEL.partition("/")[2]) else "proxy",
            template=TEMPLATE,
            licence="Apache-2.0" if self.source == TRUE_MODEL else None,
            # The yardstick shall measure, not remember.
            persistent=self._options.exact == "batch",
        )

    def identity(self) -> dict[str, Any]:
        """What determines the verdicts. Batches and lone pairs give the same, so the mode is not part of it."""
        return {
            "name": self.name,
            "model": Path(self.source).name if Path(self.source).is_dir() else self.source,
            "revision": self.revision,
            "kind": "seq2seq",
            "fidelity": self.traits.fidelity,
            "dtype": weights.dtype_name(self._options),
            "template": TEMPLATE,
        }

    def cost(self, pair: Pair) -> int:
        """Characters; tokens are counted when the pair is scored."""
        return len(pair.premise) + len(pair.hypothesis) + 32

    def load(self) -> None:
        """Load tokenizer and weights and measure the noise. Raises UsageError when the model cannot be had."""
        if self._replicas:
            return
        weights.import_torch()
        from transformers import AutoModelForSeq2SeqLM

        self._tokenizer = weights.load_tokenizer(self.source, self._options)
        self._ones, self._zeros = (label_tokens(self._tokenizer, label) for label in ("1", "0"))
        if not self._ones:
            raise UsageError(f"NLI model {self.source}: no token of its vocabulary decodes to 1, so it cannot judge.")
        devices = weights.devices(self._options)
        replicas = [weights.load_model(AutoModelForSeq2SeqLM, self.source, self._options, place) for place in devices]
        self._budget = TokenBudget(self._options.token_budget or default_budget(devices[0]))
        self._least_noise = LEAST_NOISE[weights.dtype_name(self._options)]
        if self._options.exact == "batch":
            self._steps = [self._first_step(model) for model in replicas]
        self._replicas = replicas
        if self._options.exact == "batch":
            self._measure_noise()

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict for each pair, in order. Raises PartialFailure for pairs that do not fit into memory."""
        self.load()
        texts = [fill(TEMPLATE, pair) for pair in pairs]
        inputs: list[list[int]] = self._tokenizer(texts).input_ids
        outcomes: list[Verdict | SampleError]
        if self._options.exact == "generate":
            outcomes = [self._alone(ids)[0] for ids in inputs]
        else:
            answers = self._first_tokens(inputs)
            outcomes = [
                answer if isinstance(answer, SampleError) else self._decide(answer, ids)
                for answer, ids in zip(answers, inputs, strict=True)
            ]
        if any(isinstance(outcome, SampleError) for outcome in outcomes):
            raise PartialFailure(outcomes)
        return [outcome for outcome in outcomes if isinstance(outcome, Verdict)]

    def close(self) -> None:
        """Free the weights."""
        self._replicas, self._steps = [], []
        free_memory()

    def _decide(self, answer: Answer, ids: list[int]) -> Verdict | SampleError:
        if self._stands(answer):
            return Verdict(bool(answer.label), answer.score)
        try:
            verdict, alone = self._alone(ids)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            return SampleError(f"an NLI pair of {len(ids)} tokens does not fit into memory when scored alone.")
        self._learn(answer, alone, verdict)
        return Verdict(verdict.entailed, verdict.score, rechecked=True)

    def _stands(self, answer: Answer) -> bool:
        """Would a lone pair get the same verdict, by all that is known of the noise."""
        if answer.label is None or (answer.label and not self._answers_are_one_token):
            return False
        return answer.margin > NOISE_MARGIN * max(self.noise, self._least_noise * answer.size)

    def _learn(self, batched: Answer, alone: Answer, verdict: Verdict) -> None:
        """What a pair that was scored in both ways teaches about the noise, and about the answers' form."""
        if batched.label is not None and alone.label is not None:
            differs = batched.label != alone.label
            self.noise = max(self.noise, abs(batched.margin - (-alone.margin if differs else alone.margin)))
        if alone.label and not verdict.entailed and self._answers_are_one_token:
            self._answers_are_one_token = False
            logger.warning("NLI model %s goes on after 1: its positive verdicts are all made by generating.", self.name)

    def _first_tokens(self, inputs: list[list[int]]) -> list[Answer | SampleError]:
        def runs(step: Any) -> Any:
            return lambda batch: self._read(step([inputs[item] for item in batch]))

        return run_in_batches([len(ids) for ids in inputs], self._budget, [runs(step) for step in self._steps])

    def _read(self, logits: Any) -> list[Answer]:
        """The answers that rows of first-token logits give."""
        torch = weights.import_torch()
        ones, zeros = logits[:, self._ones], logits[:, self._zeros]
        best_one = ones.amax(-1)
        best_zero = zeros.amax(-1) if self._zeros else torch.full_like(best_one, -math.inf)
        rest = logits.clone()
        rest[:, self._ones + self._zeros] = -math.inf
        best_rest = rest.amax(-1)
        rows = torch.stack((best_one, best_zero, best_rest), -1).tolist()
        return [_answer(*row) for row in rows]

    def _alone(self, ids: list[int]) -> tuple[Verdict, Answer]:
        """The original evaluators' way: generate for one pair, decode, compare with `1`."""
        torch = weights.import_torch()
        model = self._replicas[0]
        with torch.inference_mode():
            made = model.generate(
                torch.tensor([ids], device=model.device),
                max_new_tokens=NEW_TOKENS,
                return_dict_in_generate=True,
                output_logits=True,
            )
        [answer] = self._read(made.logits[0].float())
        entailed = self._tokenizer.decode(made.sequences[0], skip_special_tokens=True) == "1"
        return Verdict(entailed, answer.score), answer

    def _first_step(self, model: Any) -> Any:
        """The function from lists of token ids to first-token logits."""
        torch = weights.import_torch()
        from groundeval.nli import t5_step

        plain = _Padded(model, self._tokenizer.pad_token_id or 0)
        step = t5_step.FirstStep(model) if t5_step.fits(model) else plain
        return torch.inference_mode()(step)

    def _measure_noise(self) -> None:
        """Compare batched margins with lone ones on pairs of our own, of different lengths."""
        inputs: list[list[int]] = self._tokenizer(PROBES).input_ids
        for batched, ids in zip(self._first_tokens(inputs), inputs, strict=True):
            if isinstance(batched, SampleError):
                raise BackendError(f"NLI model {self.name}: not even its own probes can be judged: {batched}")
            verdict, alone = self._alone(ids)
            self._learn(batched, alone, verdict)


class _Padded:
    """First-token logits of any encoder-decoder model, by transformers' own forward pass on a padded batch."""

    def __init__(self, model: Any, padding: int) -> None:
        from groundeval.nli.t5_step import start_token

        self._model = model
        self._padding = padding
        self._start = start_token(model)

    def __call__(self, inputs: Sequence[Sequence[int]]) -> Any:
        import torch

        longest = max(map(len, inputs))
        ids = torch.tensor([[*row, *[self._padding] * (longest - len(row))] for row in inputs])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in inputs])
        device = self._model.device
        start = torch.full((len(inputs), 1), self._start, device=device)
        logits = self._model(
            input_ids=ids.to(device), attention_mask=mask.to(device), decoder_input_ids=start, use_cache=False
        ).logits
        return logits[:, 0].float()


def _answer(one: float, zero: float, rest: float) -> Answer:
    label = None if rest >= max(one, zero) else one > zero
    own, others = {None: (rest, max(one, zero)), True: (one, max(zero, rest)), False: (zero, max(one, rest))}[label]
    difference = max(-700.0, min(700.0, one - zero))
    size = max(abs(logit) for logit in (one, zero) if math.isfinite(logit))
    return Answer(label, own - others, 1 / (1 + math.exp(-difference)), size)


def label_tokens(tokenizer: Any, label: str) -> list[int]:
    """The ids of all tokens that alone decode to a label; word-initial and word-internal forms are both among them."""
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
    TEMPLATE.format(premise=_FACTS * times, hypothesis=claim)
    for claim, lengths in zip(_CLAIMS, ((1, 8), (2, 5), (3, 1), (4, 2), (6, 1), (8, 3), (12, 2), (1, 4)), strict=True)
    for times in lengths
]
"""Pairs on which the noise of batched scoring is measured."""


@register_nli("true")
def true(options: NLIOptions) -> Seq2Seq:
    """TRUE, the T5-11B model behind the published numbers of ALCE and Trust-Score."""
    return Seq2Seq(options, "true")


@register_nli("seq2seq")
def seq2seq(options: NLIOptions) -> Seq2Seq:
    """Any T5-style model: `seq2seq:FOLDER` or `seq2seq:OWNER/MODEL`."""
    if not options.model:
        raise UsageError("--nli seq2seq: name the model, as in --nli seq2seq:FOLDER or --nli seq2seq:OWNER/MODEL.")
    return Seq2Seq(options, options.model.rstrip("/").rpartition("/")[2])
