"""NLI: one service that judges whether a premise entails a hypothesis, in batches, each pair once.

`connect(spec)` returns the handle of a verifier; metrics and rewards use `NLI`. `register_spec` adds a model of a known
kind, `register_nli` any other verifier.
Nothing here imports torch before a model is loaded.
"""

from __future__ import annotations

from groundeval.nli.engine import BatchOptions
from groundeval.nli.handles import connect
from groundeval.nli.model import NLI_MODELS, NLIModel, NLIOptions, PartialFailure, Traits, register_nli
from groundeval.nli.service import NLI
from groundeval.nli.spec import Chunks, Spec, register_spec
from groundeval.nli.stats import NLIStats

__all__ = [
    "NLI",
    "NLI_MODELS",
    "BatchOptions",
    "Chunks",
    "NLIModel",
    "NLIOptions",
    "NLIStats",
    "PartialFailure",
    "Spec",
    "Traits",
    "connect",
    "register_nli",
    "register_spec",
]
