"""The `seq2seq` verifier: TRUE, and any T5-style model that answers `1` for entailed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundeval.errors import BackendError, MissingExtra, UsageError
from groundeval.nli.model import NLIOptions, Traits, register_nli
from groundeval.records import Pair, Verdict

TRUE_MODEL = "google/t5_xxl_true_nli_mixture"
TEMPLATE = "premise: {premise} hypothesis: {hypothesis}"


class Seq2Seq:
    """Entailed iff the model's greedy answer decodes to `1` (TRUE; Honovich et al. 2022). Nothing is truncated."""

    def __init__(self, options: NLIOptions, name: str) -> None:
        self.name = name
        self._options = options
        self._model: Any = None
        self._tokenizer: Any = None
        self._torch: Any = None

    @property
    def revision(self) -> str | None:
        """The commit asked for."""
        return self._options.revision

    @property
    def traits(self) -> Traits:
        """What the verifier declares of itself."""
        return Traits(kind="seq2seq", fidelity="exact", dtype=self._options.dtype or "float32", template=TEMPLATE)

    def load(self) -> None:
        """Load tokenizer and weights. Raises UsageError when the model cannot be had."""
        if self._model is not None:
            return
        try:
            import torch
            from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
        except ImportError as error:
            raise MissingExtra("The seq2seq NLI model", "hf") from error
        source = self._options.model or TRUE_MODEL
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(source, revision=self._options.revision)
            model = AutoModelForSeq2SeqLM.from_pretrained(
                source, revision=self._options.revision, dtype=getattr(torch, self._options.dtype or "float32")
            )
        except (OSError, ValueError) as error:
            raise UsageError(f"NLI model {source} cannot be loaded: {error}") from error
        self._torch = torch
        self._model = model.eval()

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict for each pair, the original evaluators' way."""
        self.load()
        return [self._generate(pair) for pair in pairs]

    def _generate(self, pair: Pair) -> Verdict:
        text = TEMPLATE.format(premise=pair.premise, hypothesis=pair.hypothesis)
        ids = self._tokenizer(text, return_tensors="pt").input_ids.to(self._model.device)
        try:
            with self._torch.inference_mode():
                output = self._model.generate(ids, max_new_tokens=10)
        except RuntimeError as error:
            raise BackendError(f"NLI model {self.name}: {error}") from error
        entailed = self._tokenizer.decode(output[0], skip_special_tokens=True) == "1"
        return Verdict(entailed, float(entailed))


@register_nli("true")
def true(options: NLIOptions) -> Seq2Seq:
    """TRUE, the T5-11B model behind the published numbers of ALCE and Trust-Score."""
    return Seq2Seq(options, "true")


@register_nli("seq2seq")
def seq2seq(options: NLIOptions) -> Seq2Seq:
    """Any T5-style model: `seq2seq:FOLDER` or `seq2seq:OWNER/MODEL`."""
    if not options.model:
        raise UsageError("--nli seq2seq: name the model, as in --nli seq2seq:FOLDER or --nli seq2seq:OWNER/MODEL.")
    return Seq2Seq(options, f"seq2seq:{options.model}")
