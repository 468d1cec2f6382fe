"""groundeval: evaluation harness and reward suite for grounded question answering with citations and refusals.

The public API. Names are imported when first used, so that `import groundeval` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from groundeval.comparison.api import compare
    from groundeval.comparison.compare import Comparison
    from groundeval.errors import BackendError, DataError, GroundevalError, UsageError, UserError
    from groundeval.generation.interface import Completion, Generator, SamplingParams, register_generator
    from groundeval.metrics.metric import Context, register_metric
    from groundeval.models.options import GeneratorOptions
    from groundeval.nli import NLI, connect, register_nli
    from groundeval.parsing.reasoning import ReasoningTags
    from groundeval.records import Document, Example, Pair, Prompt, Rendered, Response, Statement, Verdict
    from groundeval.registry import load_plugin
    from groundeval.rewards import Reward, Rewarded, load_reward, register_reward
    from groundeval.run.api import evaluate, score
    from groundeval.run.options import RunOptions, ScoreOptions
    from groundeval.run.outcome import ScoredSamples, ScoreResult, ScoreResults, TaskRun, TaskRuns
    from groundeval.scoring.results import Results
    from groundeval.scoring.scorer import ScoredSample
    from groundeval.stats.bootstrap import Estimate
    from groundeval.tasks import Task, load_task, register_task
    from groundeval.validation.api import validate
    from groundeval.validation.task import Check, Checks

__version__ = "0.1.0"

_HOMES = {
    "groundeval.comparison.api": ("compare",),
    "groundeval.comparison.compare": ("Comparison",),
    "groundeval.errors": (
        "BackendError",
        "DataError",
        "GroundevalError",
        "UsageError",
        "UserError",
    ),
    "groundeval.generation.interface": (
        "Completion",
        "Generator",
        "SamplingParams",
        "register_generator",
    ),
    "groundeval.metrics.metric": (
        "Context",
        "register_metric",
    ),
    "groundeval.models.options": ("GeneratorOptions",),
    "groundeval.nli": (
        "NLI",
        "connect",
        "register_nli",
    ),
    "groundeval.parsing.reasoning": ("ReasoningTags",),
    "groundeval.records": (
        "Document",
        "Example",
        "Pair",
        "Prompt",
        "Rendered",
        "Response",
        "Statement",
        "Verdict",
    ),
    "groundeval.registry": ("load_plugin",),
    "groundeval.rewards": (
        "Reward",
        "Rewarded",
        "load_reward",
        "register_reward",
    ),
    "groundeval.run.api": (
        "evaluate",
        "score",
    ),
    "groundeval.run.options": (
        "RunOptions",
        "ScoreOptions",
    ),
    "groundeval.run.outcome": (
        "ScoredSamples",
        "ScoreResult",
        "ScoreResults",
        "TaskRun",
        "TaskRuns",
    ),
    "groundeval.scoring.results": ("Results",),
    "groundeval.scoring.scorer": ("ScoredSample",),
    "groundeval.stats.bootstrap": ("Estimate",),
    "groundeval.tasks": (
        "Task",
        "load_task",
        "register_task",
    ),
    "groundeval.validation.api": ("validate",),
    "groundeval.validation.task": (
        "Check",
        "Checks",
    ),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "NLI",
    "BackendError",
    "Check",
    "Checks",
    "Comparison",
    "Completion",
    "Context",
    "DataError",
    "Document",
    "Estimate",
    "Example",
    "Generator",
    "GeneratorOptions",
    "GroundevalError",
    "Pair",
    "Prompt",
    "ReasoningTags",
    "Rendered",
    "Response",
    "Results",
    "Reward",
    "Rewarded",
    "RunOptions",
    "SamplingParams",
    "ScoreOptions",
    "ScoreResult",
    "ScoreResults",
    "ScoredSample",
    "ScoredSamples",
    "Statement",
    "Task",
    "TaskRun",
    "TaskRuns",
    "UsageError",
    "UserError",
    "Verdict",
    "__version__",
    "compare",
    "connect",
    "evaluate",
    "load_plugin",
    "load_reward",
    "load_task",
    "register_generator",
    "register_metric",
    "register_nli",
    "register_reward",
    "register_task",
    "score",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
