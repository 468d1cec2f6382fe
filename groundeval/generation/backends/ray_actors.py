"""The `ray` backend: another backend in the actors of a Ray cluster, each with its own copy of the model."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from groundeval.cluster import ActorPool, ClusterOptions
from groundeval.errors import UsageError, option
from groundeval.generation.interface import GENERATORS, Completion, Generator, SamplingParams, register_generator
from groundeval.models.device import import_torch
from groundeval.models.options import GeneratorOptions
from groundeval.parsing.reasoning import ReasoningTags
from groundeval.records import Prompt, Rendered

Window = Sequence[Prompt]


class RayGenerator:
    """Completions of a backend that works in several actors, a window of prompts in each.

    The windows are those of a run without Ray, so that the texts are the same, and so is the run folder.
    """

    def __init__(self, options: GeneratorOptions, engine: str) -> None:
        if engine in ("openai", "ray"):
            raise UsageError(
                f"{option('backend', f'ray:{engine}')}: Ray runs hf, vllm, replay or a backend of yours. A server "
                f"needs no actors: {option('backend', 'openai')} keeps it busy."
            )
        factory = GENERATORS.get(engine)
        # In this process it renders the prompts and names the texts; its model is loaded in the actors alone.
        self._engine = factory(options)
        self._factory = factory
        self._options = options
        self._pool: ActorPool[_Batch, list[Completion]] = ActorPool(
            ClusterOptions.of(options.ray_address, options.ray),
            name=f"{option('backend', f'ray:{engine}')}",
            uses_gpu=engine in ("hf", "vllm"),
        )

    @property
    def window(self) -> int | None:
        """Prompts in a batch: those of the backend."""
        return getattr(self._engine, "window", None)

    @property
    def context_length(self) -> int | None:
        """Largest number of tokens of prompt and answer together."""
        return getattr(self._engine, "context_length", None)

    @property
    def reasoning_tags(self) -> ReasoningTags | None:
        """The tags around the model's reasoning."""
        return getattr(self._engine, "reasoning_tags", None)

    @property
    def workers(self) -> dict[str, int]:
        """Number of actors, how many of them died, and how many batches were generated again for that."""
        return {"actors": self._pool.actors, "lost": self._pool.lost, "repeated_batches": self._pool.repeated}

    def check(self) -> None:
        """What the backend checks, and whether the cluster answers."""
        check = getattr(self._engine, "check", None)
        if callable(check):
            check()
        self._pool.check()

    def load(self) -> None:
        """Start the actors. Raises what loading the backend raises, and BackendError if the cluster does not answer."""
        model = Path(self._options.model).expanduser()
        options = replace(
            self._options,
            # Actors run elsewhere, and perhaps on other hardware: the same file, in the same precision.
            model=str(model.resolve()) if model.exists() else self._options.model,
            dtype=self.identity().get("dtype", self._options.dtype),
        )
        self._pool.start(partial(_Worker.of, self._factory, options))

    def render(self, prompt: Prompt) -> Rendered:
        """The prompt in the form given to the model."""
        return self._engine.render(prompt)

    def generate_windows(
        self, windows: Iterable[Window], params: SamplingParams
    ) -> Iterator[tuple[Window, list[Completion]]]:
        """Complete the prompts of each window together; windows are taken as actors are free, and come as they finish.

        After a failed window no other is begun, those under way are finished, and the error is raised.
        """
        self.load()
        failure: Exception | None = None

        def until_failure() -> Iterator[_Batch]:
            for window in windows:
                if failure is not None:
                    return
                yield _Batch(window, params)

        for batch, completions in self._pool.map(until_failure()):
            if isinstance(completions, Exception):
                failure = failure or completions
            else:
                yield batch.prompts, completions
        if failure is not None:
            raise failure

    def generate(self, prompts: Sequence[Prompt], params: SamplingParams) -> Iterator[Completion]:
        """Complete the prompts, in windows of the backend's size."""
        size = self.window or len(prompts)
        windows = (prompts[start : start + size] for start in range(0, len(prompts), size))
        for _, completions in self.generate_windows(windows, params):
            yield from completions

    def identity(self) -> Mapping[str, Any]:
        """That of the backend: where it runs does not change the texts."""
        return self._engine.identity()

    def close(self) -> None:
        """End the actors."""
        self._pool.close()


@dataclass(frozen=True, slots=True)
class _Batch:
    prompts: Window
    params: SamplingParams


class _Worker:
    """The backend in an actor."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    @classmethod
    def of(cls, factory: Callable[[GeneratorOptions], Generator], options: GeneratorOptions) -> _Worker:
        return cls(factory(options))

    def load(self) -> None:
        self._generator.load()

    def work(self, batch: _Batch) -> list[Completion]:
        return list(self._generator.generate(batch.prompts, batch.params))


@register_generator("ray")
def ray(options: GeneratorOptions) -> Generator:
    """A backend in the actors of a Ray cluster: `ray:hf`, `ray:vllm`, `ray:NAME`; `ray`: vLLM on GPUs, else hf."""
    on_gpus = importlib.util.find_spec("vllm") is not None and import_torch().cuda.is_available()
    return ray_generator(options, "vllm" if on_gpus else "hf")


def ray_generator(options: GeneratorOptions, engine: str) -> Generator:
    """The generator of `ray:ENGINE`: vLLM on GPUs by Ray Data's batch inference, all else in a pool of actors."""
    if engine == "vllm" and (options.ray.get("gpus") or import_torch().cuda.is_available()):
        from groundeval.generation.backends.ray_vllm import RayVLLMGenerator

        return RayVLLMGenerator(options)
    return RayGenerator(options, engine)
