"""Common base of the backends that run a local model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from groundeval.generation.interface import Completion
from groundeval.models.local import LocalModel
from groundeval.models.options import GeneratorOptions
from groundeval.parsing.reasoning import ReasoningTags
from groundeval.records import Prompt, Rendered


class LocalGenerator:
    """A generator that renders prompts and decodes texts with the model's own tokenizer."""

    def __init__(self, options: GeneratorOptions) -> None:
        self.options = options
        self.local = LocalModel(options)

    def render(self, prompt: Prompt) -> Rendered:
        """The prompt with the chat template applied; loads the tokenizer, not the model."""
        return self.local.render(prompt)

    @property
    def context_length(self) -> int | None:
        """Largest number of tokens of prompt and answer together; None if the model does not declare it."""
        return self.local.context_length

    @property
    def reasoning_tags(self) -> ReasoningTags | None:
        """The tags around the model's reasoning; None if it is not known to have any."""
        return self.local.format.reasoning_tags

    def encoded(
        self, prompts: Sequence[Prompt], new_tokens: int, longest: int | None
    ) -> tuple[list[tuple[Prompt, list[int]]], list[Completion]]:
        """The prompts as tokens, and the errors of those that are empty or, with the answer, too long."""
        ready: list[tuple[Prompt, list[int]]] = []
        failed: list[Completion] = []
        for prompt in prompts:
            ids = self.local.ids(prompt)
            length = len(ids)
            if length and (longest is None or length + new_tokens <= longest):
                ready.append((prompt, ids))
                continue
            fault = "the prompt is empty"
            if length:
                fault = (
                    f"the prompt has {length} tokens; with {new_tokens} for the answer it exceeds the model's {longest}"
                )
            failed.append(Completion(prompt.id, "", prompt_tokens=length, error=fault))
        return ready, failed


def token_ids(ends: Any) -> list[int]:
    """The end tokens of a configuration: none, one or several."""
    if ends is None:
        return []
    return [int(end) for end in ends] if isinstance(ends, (list, tuple)) else [int(ends)]
