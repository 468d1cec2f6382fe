"""groundeval: evaluation harness and reward suite for grounded question answering with citations and refusals.

The public API. Names are imported when first used, so that `import groundeval` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groundeval.generation.interface import SamplingParams, register_generator
    from groundeval.metrics.metric import Context, register_metric
    from groundeval.nli import NLI, connect, register_nli
    from groundeval.records import Document, Example, Pair, Response, Statement, Verdict
    from groundeval.rewards import Reward, Rewarded, load_reward, register_reward
    from groundeval.run.api import evaluate, score
    from groundeval.scoring.results import Results
    from groundeval.tasks import Task, load_task, register_task

__version__ = "0.1.0"

_HOMES = {
    "groundeval.run.api": ("evaluate", "score"),
    "groundeval.generation.interface": ("SamplingParams", "register_generator"),
    "groundeval.metrics.metric": ("Context", "register_metric"),
    "groundeval.nli": ("NLI", "connect", "register_nli"),
    "groundeval.records": ("Document", "Example", "Pair", "Response", "Statement", "Verdict"),
    "groundeval.scoring.results": ("Results",),
    "groundeval.rewards": ("Reward", "Rewarded", "load_reward", "register_reward"),
    "groundeval.tasks": ("Task", "load_task", "register_task"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "NLI",
    "Context",
    "Document",
    "Example",
    "Pair",
    "Response",
    "Results",
    "Reward",
    "Rewarded",
    "SamplingParams",
    "Statement",
    "Task",
    "Verdict",
    "__version__",
    "connect",
    "evaluate",
    "load_reward",
    "load_task",
    "register_generator",
    "register_metric",
    "register_nli",
    "register_reward",
    "register_task",
    "score",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
