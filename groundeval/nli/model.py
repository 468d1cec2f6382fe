"""What a verifier is: the protocol that every NLI model implements, what it declares of itself, and their registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from groundeval.errors import BackendError, GroundevalError
from groundeval.records import Pair, Verdict
from groundeval.registry import Registry

Kind = Literal["seq2seq", "classifier", "causal", "remote", "lexical", "plugin"]


@dataclass(frozen=True, slots=True)
class Traits:
    """What a verifier declares of itself; the defaults are what a plugin gets that declares nothing."""

    kind: Kind = "plugin"
    fidelity: Literal["exact", "proxy"] = "proxy"
    """`exact`: gives the verdicts of the model that the published numbers were made with; `proxy`: stands in for it,
    and results are not comparable with published ones."""
    dtype: str | None = None
    template: str | None = None
    """How a pair becomes the model's input."""
    licence: str | None = None
    max_length: int | None = None
    """Longest input in tokens; None: the whole premise is read, whatever its length."""
    chunking: str | None = None
    """How a premise beyond `max_length` is cut and the chunks' scores joined; None: it is not."""
    threshold: float | None = None
    """Entailed from this score on; None: the model decides by itself."""
    in_process: bool = True
    """Holds a model in this process's memory (a remote one does not)."""
    instant: bool = False
    """So cheap that a verdict is computed in the asker's own thread, without queue and batch."""
    persistent: bool = False
    """May be kept on disk: `identity` tells apart all that could judge differently, and judging takes time."""


class NLIModel(Protocol):
    """A verifier. It may also have any of `traits`, `check()`, `load()`, `close()`, `identity()` and `cost(pair)`.

    `check()` finds out, without loading weights, what would keep the model from working, and raises UserError.
    """

    @property
    def name(self) -> str:
        """What results call it."""

    @property
    def revision(self) -> str | None:
        """Version of the weights: a commit, or a fingerprint of local files."""

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict for each pair, in order; called by one thread at a time, never with an empty list.

        Raises `PartialFailure` when single pairs cannot be judged, BackendError when the model as a whole failed. Any
        other exception makes the service search for the pair that causes it.
        """


@runtime_checkable
class Loadable(Protocol):
    """A verifier whose construction is cheap and whose model is loaded by `load`."""

    def load(self) -> None:
        """Load what is needed to score. Raises UserError or BackendError. Doing it twice does nothing."""


@runtime_checkable
class Closable(Protocol):
    """A verifier that holds something worth freeing."""

    def close(self) -> None:
        """Free memory and connections."""


class PartialFailure(BackendError):
    """Some pairs of a batch could not be judged; the others were."""

    def __init__(self, outcomes: Sequence[Verdict | GroundevalError]) -> None:
        self.outcomes = list(outcomes)
        failed = [outcome for outcome in self.outcomes if isinstance(outcome, GroundevalError)]
        super().__init__(
            f"{len(failed)} of {len(self.outcomes)} pairs could not be judged: {failed[0] if failed else ''}"
        )


@dataclass(frozen=True, slots=True)
class NLIOptions:
    """What the command line or the API says about a verifier; each kind takes what concerns it."""

    model: str = ""
    """Hub name, folder or address; empty: what the verifier's name stands for."""
    revision: str | None = None
    dtype: str | None = None
    """`bfloat16` or `float32`; None: bfloat16 on hardware that computes in it, else float32. Never float16."""
    device: str | None = None
    """`cpu`, `cuda`, `cuda:1`, `auto` (one model spread over all GPUs), `replicas` (a copy on each); None: the first
    GPU, or the CPU."""
    exact: Literal["batch", "generate"] = "batch"
    """`generate` runs a seq2seq model the way the original evaluators do, one pair at a time: the yardstick."""
    token_budget: int | None = None
    """Tokens in a batch, padding included; None: by the device. It shrinks by itself when memory runs out."""
    threshold: float | None = None
    """Entailed from this score on, in [0, 1]; a seq2seq model is then judged by a probability, not by its answer."""
    label: str | None = None
    """The class that means entailed in a classifier whose names do not say it, or the word of another answer."""
    max_length: int | None = None
    """Longest input in tokens; None: what the model's configuration says. Longer premises are read in chunks."""
    address: str | None = None
    """Base address of an OpenAI-compatible server that a causal model is asked at."""
    trust_remote_code: bool = False
    timeout: float = 120.0
    """Seconds that a server may take to answer one request."""
    patience: float = 600.0
    """Seconds that a server may be unreachable before the run stops (resumable)."""
    token: str | None = field(default=None, repr=False)
    """Bearer token, or key, of a verifier behind a server."""
    in_process: bool = False
    """Load a model in this process even in a job of several ranks."""
    cache: str | bool = True
    """The cache on disk: a path, True for the user's own (`groundeval.nli.cache.default_path`), False for none."""
    model_args: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of a plugin or of the model class."""


Factory = Callable[[NLIOptions], NLIModel]
"""Makes a verifier, cheaply: weights are loaded by its `load`, or by its first `score`."""

NLI_MODELS: Registry[Factory] = Registry(
    "NLI model",
    group="groundeval.nli",
    builtin=("groundeval.nli.presets",),
)


def register_nli(name: str) -> Callable[[Factory], Factory]:
    """Register a verifier of your own making under the name that `--nli` takes. For a model of a known kind a `Spec`
    says enough: `register_spec`."""
    return NLI_MODELS.register(name)


def fill(template: str, pair: Pair) -> str:
    """A pair in a model's template, as text that any tokenizer takes."""
    return valid_unicode(template.format(premise=pair.premise, hypothesis=pair.hypothesis))


def valid_unicode(text: str) -> str:
    """The text with the replacement character for what is not Unicode (lone surrogates)."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def traits_of(model: NLIModel) -> Traits:
    """What a verifier declares of itself."""
    traits = getattr(model, "traits", None)
    return traits if isinstance(traits, Traits) else Traits()


def identity_of(model: NLIModel) -> dict[str, Any]:
    """What determines a verifier's verdicts, as JSON values: for score manifests and cache keys."""
    own = getattr(model, "identity", None)
    if callable(own):
        return {"name": model.name, **own()}
    traits = traits_of(model)
    return {
        "name": model.name,
        "revision": model.revision,
        "kind": traits.kind,
        "fidelity": traits.fidelity,
        "dtype": traits.dtype,
        "template": traits.template,
        "max_length": traits.max_length,
        "chunking": traits.chunking,
        "threshold": traits.threshold,
    }
