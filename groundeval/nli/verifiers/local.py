"""Common base of verifiers whose model runs in this process: files, precision, memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from groundeval.errors import GroundevalError, UsageError, option
from groundeval.models.device import devices, free_memory, import_torch
from groundeval.nli import weights
from groundeval.nli.batches import TokenBudget, default_budget
from groundeval.nli.model import NLIOptions, PartialFailure, Traits
from groundeval.nli.spec import Spec
from groundeval.records import Pair, Verdict


class LocalVerifier(ABC):
    """A verifier whose model is loaded late: by `load`, or by the first pair without a known verdict."""

    auto_class: ClassVar[str]
    """The class of transformers that loads the weights."""

    def __init__(self, spec: Spec, options: NLIOptions, name: str) -> None:
        if not spec.model:
            raise UsageError(
                f"{option('nli', name)}: name the model, as in "
                f"{option('nli', f'{name}:FOLDER')} or {option('nli', f'{name}:OWNER/MODEL')}."
            )
        self.name = name
        self.spec = spec
        self.source = spec.model
        self._options = options
        self._replicas: list[Any] = []

    @cached_property
    def revision(self) -> str | None:
        """The hub's commit, or a fingerprint of the folder."""
        return weights.revision_of(self.source, self.spec.revision, self._options.trust_remote_code)

    @property
    def traits(self) -> Traits:
        """The traits that the verifier declares."""
        return self.spec.traits()

    def identity(self) -> dict[str, Any]:
        """Everything that determines the verdicts."""
        return {
            "name": self.name,
            "model": Path(self.source).name if Path(self.source).is_dir() else self.source,
            "revision": self.revision,
            "kind": self.spec.kind,
            "fidelity": self.spec.fidelity,
            "dtype": weights.dtype_name(self._options),
            "template": self.spec.template,
            "yes": list(self.spec.yes),
            "no": list(self.spec.no),
            "threshold": self.spec.threshold,
            "max_length": self.spec.max_length,
            "chunking": self.traits.chunking,
            **({"model_args": dict(self._options.model_args)} if self._options.model_args else {}),
        }

    def cost(self, pair: Pair) -> int:
        """Number of characters; tokens are counted when the pair is scored."""
        return len(pair.premise) + len(pair.hypothesis) + 32

    @cached_property
    def config(self) -> Any:
        """The model's configuration."""
        return weights.read_config(self.source, self.spec.revision, self._options.trust_remote_code)

    @cached_property
    def tokenizer(self) -> Any:
        """The model's tokenizer; it never truncates."""
        return weights.load_tokenizer(self.source, self.spec.revision, self._options)

    def check(self) -> None:
        """Check model, tokenizer, packages and device, without loading weights.

        Raises UsageError, and MissingExtra for packages.
        """
        import_torch()
        if self.spec.remote_code and not self._options.trust_remote_code:
            raise weights.runs_its_own_code(self.source)
        devices(self._options.device)
        weights.announce(self.source, self.spec.parameters)
        weights.check_kind(self.source, self.config, self.spec.kind)
        weights.check_files(self.source)
        self.understand()

    @abstractmethod
    def understand(self) -> None:
        """Find the labels in the model's vocabulary or configuration. Raises UsageError if they are missing."""

    def load(self) -> None:
        """Load the weights. Raises UsageError if the model cannot be loaded. A second call does nothing."""
        if self._replicas:
            return
        self.check()
        import transformers

        places = devices(self._options.device)
        auto = getattr(transformers, self.auto_class)
        replicas = [weights.load_model(auto, self.source, self.spec.revision, self._options, place) for place in places]
        self._budget = TokenBudget(self._options.token_budget or default_budget(places[0]))
        self._replicas = replicas

    def close(self) -> None:
        """Free the weights."""
        self._replicas = []
        free_memory()


def verdicts_of(outcomes: Sequence[Verdict | GroundevalError]) -> list[Verdict]:
    """The verdicts, if all pairs have one. Raises PartialFailure otherwise."""
    verdicts = [outcome for outcome in outcomes if isinstance(outcome, Verdict)]
    if len(verdicts) < len(outcomes):
        raise PartialFailure(outcomes)
    return verdicts
