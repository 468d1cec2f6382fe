"""A generator that needs no model: it repeats the first document and cites it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from groundeval.generation.interface import Completion, SamplingParams, register_generator
from groundeval.models.options import GeneratorOptions
from groundeval.records import Prompt, Rendered


@register_generator("parrot")
class Parrot:
    """Says what the first document of the prompt says."""

    def __init__(self, options: GeneratorOptions) -> None:
        self.options = options

    def load(self) -> None:
        """There is nothing to load."""

    def render(self, prompt: Prompt) -> Rendered:
        """The prompt as it is."""
        return Rendered(prompt.user, tokens=len(prompt.user.split()))

    def generate(self, prompts: Sequence[Prompt], params: SamplingParams) -> Iterator[Completion]:
        """One completion a prompt."""
        for prompt in prompts:
            found = re.search(r"Document \[1\].*\n(.+)", prompt.user)
            text = "" if found is None else found[1].rstrip(". ") + " [1]."
            yield Completion(prompt.id, text, finish_reason="stop")

    def identity(self) -> Mapping[str, Any]:
        """Everything that determines the texts."""
        return {"backend": "parrot", "version": 1}

    def close(self) -> None:
        """There is nothing to free."""
