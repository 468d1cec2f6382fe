"""What a generator takes and gives: prompts, sampling parameters, completions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from groundeval.parsing.reasoning import ReasoningTags
from groundeval.registry import Registry


@dataclass(frozen=True, slots=True)
class Prompt:
    """One sample's input before a model's chat template: an id and the text of the user's turn."""

    id: str
    user: str
    system: str | None = None
    draw: int | None = None
    """Which of several answers to the same prompt this asks for, from 1; part of the id, so that each has a seed of its
    own. None where there is one."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt as the model gets it."""

    text: str
    """Chat template applied; for an API that applies its own, the messages as JSON."""
    tokens: int | None
    """Length in the model's tokens, where the generator can know it."""
    prefill: str = ""
    """What the template has already begun for the model, for instance `<think>`."""

    @property
    def sha256(self) -> str:
        """Hash of the text, stored with every generation."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How to draw tokens. Greedy by default."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    max_new_tokens: int = 300
    stop: tuple[str, ...] = ()
    seed: int = 42


@dataclass(frozen=True, slots=True)
class Completion:
    """A generator's result for one prompt."""

    id: str
    text: str
    """The text after the rendered prompt, reasoning tags kept, end-of-turn tokens removed."""
    finish_reason: str | None = None
    """`stop`, `length`, or what the engine says."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    error: str | None = None
    """Why there is no text. Such a sample is recorded with status `error` and tried again on resume."""


class Generator(Protocol):
    """A source of completions. Made lazily: constructing one is cheap, `load` does the expensive part.

    It may also have `window`, how many prompts it is given at a time, and `independent`: true where no answer depends
    on the others of its window, so that those that are there are kept when the window fails; and `check`, called before
    anything is generated with any model: it raises UserError for what it can find wrong at little cost.
    """

    def load(self) -> None:
        """Load tokenizer and model, or reach the server. Raises UserError or BackendError."""

    def render(self, prompt: Prompt) -> Rendered:
        """The prompt as the model will get it (needs the tokenizer only, not the model)."""

    def generate(self, prompts: Sequence[Prompt], params: SamplingParams) -> Iterator[Completion]:
        """Complete the prompts, in any order, as they finish; every prompt gets exactly one Completion."""

    def identity(self) -> Mapping[str, Any]:
        """What determines the texts (model, revision, dtype, chat template's hash ...): JSON values only."""

    def close(self) -> None:
        """Free the model's memory."""


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


GENERATORS: Registry[Callable[[GeneratorOptions], Generator]] = Registry(
    "backend",
    group="groundeval.generators",
    builtin=(
        "groundeval.generation.backends.transformers",
        "groundeval.generation.backends.replay",
        "groundeval.generation.backends.openai",
        "groundeval.generation.backends.vllm",
    ),
)


def register_generator(
    name: str,
) -> Callable[[Callable[[GeneratorOptions], Generator]], Callable[[GeneratorOptions], Generator]]:
    """Register a generator's factory under a backend name."""
    return GENERATORS.register(name)
