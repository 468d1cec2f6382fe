"""The generator interface: prompts, sampling parameters, completions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from groundeval.models.options import GeneratorOptions
from groundeval.records import Prompt, Rendered
from groundeval.registry import Registry


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """Sampling parameters; greedy decoding by default. None: not sent, so that the server's default applies."""

    temperature: float | None = 0.0
    top_p: float | None = 1.0
    top_k: int = 0
    max_new_tokens: int = 300
    stop: tuple[str, ...] = ()
    seed: int | None = 42

    @property
    def left_out(self) -> tuple[str, ...]:
        """The parameters that are left to a server."""
        return tuple(name for name in ("temperature", "top_p", "seed") if getattr(self, name) is None)

    @property
    def is_greedy(self) -> bool:
        """Whether the likeliest token is taken each time, so that nothing is drawn."""
        return self.temperature == 0


@dataclass(frozen=True, slots=True)
class Completion:
    """A generator's result for one prompt."""

    id: str
    text: str
    """The text after the rendered prompt, reasoning tags kept, end-of-turn tokens removed."""
    finish_reason: str | None = None
    """`stop`, `length`, or the engine's own reason."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    error: str | None = None
    """The reason for a missing text. Such a sample is recorded with status `error` and retried on resume."""


class Generator(Protocol):
    """A source of completions. Construction is cheap; `load` does the expensive part.

    It may also have `window`, how many prompts it is given at a time; `independent`: true where no answer depends on
    the others of its window, so that those that are there are kept when the window fails; `has_defaults`: true where
    sampling parameters may be left out (None); `request`: the parameters that a server was last told; `workers`: who
    has worked, for the manifest; `check`, called before anything is generated with any model: it raises UserError for
    what it can find wrong at little cost; `generate_windows(windows, params)`, where it works at several windows at a
    time: it takes the next as it has room, and gives each with its completions when it is finished; and `on_tokens`,
    None or a function that it calls with the number of tokens generated while answers are under way.
    """

    def load(self) -> None:
        """Load tokenizer and model, or connect to the server. Raises UserError or BackendError."""

    def render(self, prompt: Prompt) -> Rendered:
        """The prompt in the form given to the model (needs only the tokenizer, not the model)."""

    def generate(self, prompts: Sequence[Prompt], params: SamplingParams) -> Iterator[Completion]:
        """Complete the prompts, in any order, as they finish; every prompt gets exactly one Completion."""

    def identity(self) -> Mapping[str, Any]:
        """Everything that determines the texts (model, revision, dtype, chat template's hash ...): JSON values only."""

    def close(self) -> None:
        """Free the model's memory."""


GENERATORS: Registry[Callable[[GeneratorOptions], Generator]] = Registry(
    "backend",
    group="groundeval.generators",
    builtin=(
        "groundeval.generation.backends.transformers",
        "groundeval.generation.backends.replay",
        "groundeval.generation.backends.openai",
        "groundeval.generation.backends.vllm",
        "groundeval.generation.backends.ray_actors",
    ),
)


def open_generator(backend: str, options: GeneratorOptions) -> Generator:
    """The generator of a backend, not yet loaded; `ray:NAME` is the backend NAME in the actors of a Ray cluster.

    Raises UsageError for an unknown name and for options that do not fit.
    """
    outer, colon, inner = backend.partition(":")
    if colon and outer == "ray":
        from groundeval.generation.backends.ray_actors import ray_generator

        return ray_generator(options, inner)
    return GENERATORS.get(backend)(options)


def register_generator(
    name: str,
) -> Callable[[Callable[[GeneratorOptions], Generator]], Callable[[GeneratorOptions], Generator]]:
    """Register a generator's factory under a backend name."""
    return GENERATORS.register(name)
