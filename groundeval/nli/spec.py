"""Declarations of verifiers: the model, the input made of a pair, and the verdict made of the output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Literal

from groundeval.errors import UsageError
from groundeval.nli.model import NLI_MODELS, Kind, NLIModel, NLIOptions, Traits
from groundeval.nli.verifiers.chunks import by_words
from groundeval.records import Verdict
from groundeval.registry import source_of

PREMISE_HYPOTHESIS = "premise: {premise} hypothesis: {hypothesis}"


@dataclass(frozen=True, slots=True)
class Chunks:
    """Cutting of a premise too long for one input, and combination of its chunks' scores."""

    by: Literal["tokens", "words"]
    """`tokens`: into overlapping windows that the model can take; `words`: into whole sentences."""
    size: int | None = None
    """Words in a chunk; by tokens, a chunk is as long as the model allows."""
    join: Literal["max", "mean"] = "max"

    def __post_init__(self) -> None:
        if self.by == "words" and not (self.size and self.size > 0):
            raise UsageError(f"NLI spec: chunks by words need a size of at least 1: {self}")

    def __str__(self) -> str:
        cut = f"{self.size} words" if self.by == "words" else "windows of the longest input"
        return f"{cut}, {self.join} over chunks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """The parameters of a verifier of one kind. `register_spec` gives it a name."""

    kind: Kind
    """`seq2seq`: an encoder-decoder model, judged by the first token of its answer; `classifier`: a classifier of
    pairs of texts; `causal`: a chat model, judged by the first token of its answer, in process or behind a server."""
    model: str | None = None
    """Hub name or folder; None: the user names one."""
    revision: str | None = None
    """Pinned commit, tag or branch on the hub; None: the newest."""
    licence: str | None = None
    parameters: float | None = None
    """Billions of parameters of the named model, for the notice before a download."""
    fidelity: Literal["exact", "proxy"] = "proxy"
    """As in `Traits`."""
    template: str = PREMISE_HYPOTHESIS
    """The input, with `{premise}` and `{hypothesis}`. A classifier takes the two unchanged."""
    yes: tuple[str, ...] = ()
    """Outputs that mean entailed: words of the answer, or names of a classifier's classes."""
    no: tuple[str, ...] = ()
    threshold: float | None = None
    """Least probability of `yes` (against `no`) that counts as entailed. None: entailed iff the answer is `yes`."""
    max_length: int | None = None
    """Longest input in tokens; None: from the model's configuration."""
    chunks: Chunks | None = None
    """None: the whole premise is one input, whatever its length."""
    remote_code: bool = False
    """Whether loading the model runs Python code that comes with it."""

    def __post_init__(self) -> None:
        if self.kind not in LOCAL:
            return
        answers = self.kind == "seq2seq" and self.threshold is None
        if not self.yes or (self.kind != "classifier" and not self.no) or (answers and len(self.yes + self.no) != 2):
            wanted = "one word each for yes and no" if answers else "yes, and no unless it is a classifier"
            raise UsageError(f"NLI spec of kind {self.kind}: yes={self.yes}, no={self.no}; needed: {wanted}.")
        if self.threshold is None and not answers:
            raise UsageError(f"NLI spec of kind {self.kind}: needs a threshold, for instance 0.5.")
        if self.kind != "classifier" and not ("{premise}" in self.template and "{hypothesis}" in self.template):
            raise UsageError(f"NLI spec: the template must hold {{premise}} and {{hypothesis}}: {self.template!r}")

    def resolved(self, options: NLIOptions) -> Spec:
        """This spec with the options applied.

        Another model has no known licence or revision and, unless it is a copy of the same, is not exact.
        """
        model = options.model or self.model
        same = model == self.model
        copied = model is not None and self.model is not None and Path(model).name == Path(self.model).name
        threshold = self.threshold if options.threshold is None else options.threshold
        return replace(
            self,
            model=model,
            revision=options.revision or (self.revision if same else None),
            licence=self.licence if same else None,
            parameters=self.parameters if same else None,
            fidelity=self.fidelity if copied and (threshold, options.label) == (self.threshold, None) else "proxy",
            yes=self.yes if options.label is None else (options.label,),
            threshold=threshold,
            max_length=options.max_length or self.max_length,
        )

    def open(self, name: str, options: NLIOptions) -> NLIModel:
        """The verifier, with its model not yet loaded. Raises UsageError for options that do not fit."""
        spec = self.resolved(options)
        if options.model and options.model != self.model and spec.kind in LOCAL:
            name = Path(options.model).name
        module, _, opener = OPENERS[_way(spec, options)].partition(":")
        opened: NLIModel = getattr(import_module(module), opener)(spec, options, name)
        return opened

    def parts(self, premise: str) -> list[str]:
        """The premise, or its chunks if the spec cuts it by words."""
        if self.chunks is None or self.chunks.by != "words" or self.chunks.size is None:
            return [premise]
        return by_words(premise, self.chunks.size)

    def verdict(self, scores: Sequence[float]) -> Verdict:
        """The verdict from the probabilities of a premise's chunks."""
        mean = self.chunks is not None and self.chunks.join == "mean"
        score = sum(scores) / len(scores) if mean else max(scores)
        return Verdict(self.threshold is not None and score >= self.threshold, score)

    def traits(self, *, dtype: str | None = None, in_process: bool = True, persistent: bool = True) -> Traits:
        """The traits of a verifier of this spec."""
        return Traits(
            kind=self.kind,
            fidelity=self.fidelity,
            dtype=dtype,
            template=self.template,
            licence=self.licence,
            max_length=self.max_length,
            chunking=None if self.chunks is None else str(self.chunks),
            threshold=self.threshold,
            in_process=in_process,
            persistent=persistent,
        )


LOCAL = ("seq2seq", "classifier", "causal")
"""Kinds whose model may run in this process."""
OPENERS = {
    "seq2seq": "groundeval.nli.verifiers.seq2seq:Seq2Seq",
    "seq2seq with a threshold": "groundeval.nli.verifiers.first_token:FirstToken",
    "classifier": "groundeval.nli.verifiers.classifier:Classifier",
    "causal": "groundeval.nli.verifiers.causal:Causal",
    "causal at an address": "groundeval.nli.verifiers.chat_server:ChatServer",
    "remote": "groundeval.nli.remote:remote",
    "lexical": "groundeval.nli.verifiers.lexical:lexical",
}
"""The modules that open a verifier of a spec, imported when needed."""


def _way(spec: Spec, options: NLIOptions) -> str:
    if options.max_length and (spec.kind not in ("classifier", "causal") or options.address):
        raise UsageError(
            f"NLI option max_length={options.max_length}: only in-process classifier and causal verifiers have "
            "one; others read their whole input."
        )
    if options.address:
        if spec.kind != "causal":
            raise UsageError(f"NLI option address={options.address}: only a causal verifier can be on such a server.")
        return "causal at an address"
    if spec.kind == "seq2seq" and spec.threshold is not None:
        return "seq2seq with a threshold"
    return spec.kind


class Declared:
    """A named spec: the factory in the registry."""

    def __init__(self, name: str, declare: Callable[[], Spec]) -> None:
        self.name = name
        self.spec = declare()
        self.__doc__ = declare.__doc__

    def __call__(self, options: NLIOptions) -> NLIModel:
        return self.spec.open(self.name, options)


def register_spec(name: str) -> Callable[[Callable[[], Spec]], Callable[[], Spec]]:
    """Register the spec that a function returns under the name that `--nli` takes."""

    def decorate(declare: Callable[[], Spec]) -> Callable[[], Spec]:
        NLI_MODELS.add(name, Declared(name, declare), source_of(declare), made_by=declare)
        return declare

    return decorate


def declared() -> Iterator[Declared]:
    """All verifiers declared by a spec."""
    return (factory for _, factory in NLI_MODELS.items() if isinstance(factory, Declared))
