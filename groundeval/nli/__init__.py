"""NLI: one service that answers every question "does this premise entail this hypothesis", in batches, once each.

`connect(spec)` gives the handle of a verifier; `NLI` is what metrics and rewards ask. `register_spec` adds a model that
is used in a known way, `register_nli` a verifier of another make.
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
