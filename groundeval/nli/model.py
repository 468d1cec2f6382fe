"""The verifier interface: the protocol of NLI models, their traits, options and registry."""

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
    """Properties that a verifier declares; the defaults apply to a plugin that declares none."""

    kind: Kind = "plugin"
    fidelity: Literal["exact", "proxy"] = "proxy"
    """`exact`: gives the verdicts of the model behind the published numbers; `proxy`: a stand-in for it,
    and results are not comparable with published ones."""
    dtype: str | None = None
    template: str | None = None
    """The template that turns a pair into the model's input."""
    licence: str | None = None
    max_length: int | None = None
    """Longest input in tokens; None: the whole premise is read, whatever its length."""
    chunking: str | None = None
    """How a premise beyond `max_length` is cut and the chunks' scores are combined; None: it is not cut."""
    threshold: float | None = None
    """Least score that counts as entailed; None: the model decides."""
    in_process: bool = True
    """Whether the model is in this process's memory (a remote one is not)."""
    instant: bool = False
    """Whether verdicts are cheap enough to be computed in the caller's thread, without queue and batch."""
    persistent: bool = False
    """Whether verdicts may be cached on disk: `identity` covers everything they depend on, and they are costly."""


class NLIModel(Protocol):
    """A verifier. It may also have any of `traits`, `check()`, `load()`, `close()`, `identity()` and `cost(pair)`.

    `check()` raises UserError, without loading weights, if the model cannot work.
    """

    @property
    def name(self) -> str:
        """The name in results."""

    @property
    def revision(self) -> str | None:
        """Version of the weights: a commit, or a fingerprint of local files."""

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        """One verdict for each pair, in order; called by one thread at a time, never with an empty list.

        Raises `PartialFailure` when single pairs cannot be judged, BackendError when the model as a whole failed. After
        any other exception the service searches for the pair that causes it.
        """


@runtime_checkable
class Loadable(Protocol):
    """A verifier whose construction is cheap and whose model is loaded by `load`."""

    def load(self) -> None:
        """Load the model. Raises UserError or BackendError. A second call does nothing."""


@runtime_checkable
class Closable(Protocol):
    """A verifier that holds resources to free."""

    def close(self) -> None:
        """Free memory and connections."""


class PartialFailure(BackendError):
    """Some pairs of a batch could not be judged; holds the outcomes of all."""

    def __init__(self, outcomes: Sequence[Verdict | GroundevalError]) -> None:
        self.outcomes = list(outcomes)
        failed = [outcome for outcome in self.outcomes if isinstance(outcome, GroundevalError)]
        super().__init__(
            f"{len(failed)} of {len(self.outcomes)} pairs could not be judged: {failed[0] if failed else ''}"
        )


@dataclass(frozen=True, slots=True)
class NLIOptions:
    """Options of a verifier, from the command line or the API; each kind uses those that concern it."""

    model: str = ""
    """Hub name, folder or address; empty: the default of the verifier's name."""
    revision: str | None = None
    dtype: str | None = None
    """`bfloat16` or `float32`; None: bfloat16 on hardware that supports it, else float32. Never float16."""
    device: str | None = None
    """`cpu`, `cuda`, `cuda:1`, `auto` (one model spread over all GPUs), `replicas` (a copy on each); None: the first
    GPU, or the CPU."""
    exact: Literal["batch", "generate"] = "batch"
    """`generate` runs a seq2seq model as the original evaluators do, one pair at a time: the reference."""
    token_budget: int | None = None
    """Tokens in a batch, padding included; None: by the device. Halved automatically when memory runs out."""
    threshold: float | None = None
    """Least score that counts as entailed, in [0, 1]; a seq2seq model is then judged by probability, not answer."""
    label: str | None = None
    """The class that means entailed, in a classifier whose class names do not tell; or another word for entailed."""
    max_length: int | None = None
    """Longest input in tokens; None: from the model's configuration. Longer premises are read in chunks."""
    address: str | None = None
    """Base address of the OpenAI-compatible server of a causal model."""
    trust_remote_code: bool = False
    timeout: float = 120.0
    """Timeout of one request, in seconds."""
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
    ray: Mapping[str, Any] = field(default_factory=dict)
    """Of `ray:NAME`: the cluster and its share (`groundeval.cluster.ClusterOptions`)."""


Factory = Callable[[NLIOptions], NLIModel]
"""Creates a verifier, cheaply: weights are loaded by its `load`, or by its first `score`."""

NLI_MODELS: Registry[Factory] = Registry(
    "NLI model",
    group="groundeval.nli",
    builtin=("groundeval.nli.presets", "groundeval.nli.verifiers.ray_actors"),
)


def register_nli(name: str) -> Callable[[Factory], Factory]:
    """Register your own verifier under the name that `--nli` takes. For a model of a known kind, `register_spec` is
    enough."""
    return NLI_MODELS.register(name)


def fill(template: str, pair: Pair) -> str:
    """A pair in a model's template, as text safe for any tokenizer."""
    return valid_unicode(template.format(premise=pair.premise, hypothesis=pair.hypothesis))


def valid_unicode(text: str) -> str:
    """The text with lone surrogates replaced by U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def traits_of(model: NLIModel) -> Traits:
    """The traits that a verifier declares, or the defaults."""
    traits = getattr(model, "traits", None)
    return traits if isinstance(traits, Traits) else Traits()


def identity_of(model: NLIModel, code: str | None = None) -> dict[str, Any]:
    """Everything that determines a verifier's verdicts, as JSON values: for score manifests and cache keys.

    `code`: the hash of the code that made it, where that is a plugin's.
    """
    plugin = {} if code is None else {"code": code}
    own = getattr(model, "identity", None)
    if callable(own):
        return {"name": model.name, **own(), **plugin}
    traits = traits_of(model)
    return {
        **plugin,
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
