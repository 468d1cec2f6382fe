"""The models of optional metrics."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from groundeval.errors import no_such, option, unknown
from groundeval.models.extractive_qa import QA_MODEL, ExtractiveQA
from groundeval.models.local import helper_model

METRIC_MODELS = {"qa": QA_MODEL, "mauve": "gpt2-large"}
"""The models that the original evaluators use."""


class OptionalModels:
    """Provides metrics with their models, each loaded on first use.

    `paths` replaces a model by another hub name or a folder. Raises UsageError for an unknown name in it.
    """

    def __init__(self, paths: Mapping[str, str] | None = None) -> None:
        for name in paths or {}:
            if name not in METRIC_MODELS:
                raise unknown("model behind metrics", name, METRIC_MODELS)
        for name, path in (paths or {}).items():
            if path.startswith(("/", ".", "~")) and not Path(path).expanduser().is_dir():
                raise no_such(path, "folder", given=option("metric_models", **{name: path}))
        self._paths = {**METRIC_MODELS, **(paths or {})}
        self._made: dict[str, Any] = {}

    def path(self, name: str) -> str:
        """Hub name or folder of a model."""
        if name not in self._paths:
            raise unknown("model behind metrics", name, METRIC_MODELS)
        return self._paths[name]

    def check(self, name: str) -> None:
        """Check without loading its weights that a model exists. Raises MissingExtra or BackendError."""
        what = f"the model behind the metric {name}, {self.path(name)}"
        another = option("metric_models", **{name: "FOLDER"})
        with helper_model(what, f"\n  To use another model: {another}") as transformers:
            transformers.AutoConfig.from_pretrained(self.path(name))

    def model(self, name: str) -> Any:
        """The model itself: `qa` is a function of question and text that gives the answer."""
        if name not in self._made:
            if name != "qa":
                raise unknown("model behind metrics", name, ("qa",))
            self._made[name] = ExtractiveQA(self.path(name))
        return self._made[name]
