"""What the command line or the API says about a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from groundeval.parsing.reasoning import ReasoningTags


@dataclass(frozen=True, slots=True)
class GeneratorOptions:
    """What the command line or the API says about a model; a generator takes what concerns it."""

    model: str
    revision: str | None = None
    dtype: str | None = None
    batch_size: int | None = None
    trust_remote_code: bool = False
    apply_chat_template: bool | None = None
    """None: where the tokenizer has a chat template."""
    chat_template_kwargs: Mapping[str, Any] = field(default_factory=dict)
    reasoning_tags: ReasoningTags | None = None
    """The tags around the model's reasoning; None: those that its chat template or tokenizer names, else `<think>`."""
    model_args: Mapping[str, Any] = field(default_factory=dict)
    """Backend-specific engine arguments; an unknown one is an error that names the known ones."""
