"""Comparison of backends on the same prompts: agreement of the texts, first differences, and speed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from groundeval.bench.vllm_server import vllm_server
from groundeval.console.progress import say
from groundeval.errors import DataError, UsageError
from groundeval.generation.backends.transformers import TransformersGenerator
from groundeval.generation.interface import GENERATORS, Completion, Generator, SamplingParams
from groundeval.generation.prompts import render_prompt
from groundeval.models.files import find_model
from groundeval.models.gguf import as_folder
from groundeval.models.local import DTYPES
from groundeval.models.options import GeneratorOptions
from groundeval.records import Prompt
from groundeval.tasks import load_task

EXCERPT = 12
"""Characters shown of a text from its first difference, if the tokens are unknown."""


@dataclass(frozen=True, slots=True)
class BackendSpeed:
    """Speed of one backend on all prompts, after a warm-up prompt that is not counted."""

    backend: str
    load_seconds: float
    seconds: float
    prompt_tokens: int
    new_tokens: int
    new_tokens_per_second: float
    failed: int


@dataclass(frozen=True, slots=True)
class Parting:
    """The first difference between the texts of one sample."""

    id: str
    token: int | None
    """Position of the first token that differs, from 0; None without the model's tokenizer."""
    written: tuple[str, str]
    """The texts there, of the reference backend and of the other; empty where a text ends."""
    margin: float | None
    """Difference of the log-probabilities of the two likeliest tokens there, by transformers in float32; None without
    the model. Near 0, the order of summation decides."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of a backend's texts with those of the reference, the first backend measured."""

    backend: str
    against: str
    samples: int
    identical: int
    percent: float
    partings: tuple[Parting, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Backends compared on one model and one set of prompts, greedily decoded."""

    model: str
    dtype: str
    max_new_tokens: int
    batch_size: int
    threads: int
    speeds: tuple[BackendSpeed, ...]
    agreements: tuple[Agreement, ...]

    def ratios(self) -> dict[str, float]:
        """New tokens per second of each backend, as a multiple of the first one's."""
        first, *others = self.speeds
        return {
            each.backend: each.new_tokens_per_second / first.new_tokens_per_second
            for each in others
            if first.new_tokens_per_second
        }


@dataclass(frozen=True, slots=True)
class Setup:
    """Settings common to all backends."""

    model: str
    dtype: str = "float32"
    batch_size: int = 16
    """Prompts per batch of transformers; vLLM and its server batch all prompts themselves."""
    max_new_tokens: int = 64
    max_model_len: int | None = None
    base_url: str | None = None
    """A server for `openai`; None: vLLM's own is started on loopback."""

    @property
    def torch_dtype(self) -> str:
        """The precision as torch names it."""
        return DTYPES.get(self.dtype, self.dtype)


def prompts_of(reference: str, data: str | None, *, limit: int | None, num_docs: int) -> list[Prompt]:
    """The prompts of a task's first samples."""
    task = load_task(reference)
    examples = task.load(data).examples[:limit]
    if not examples:
        raise DataError(f"task {task.name}: no examples")
    return [render_prompt(example, task.prompt, num_docs=num_docs) for example in examples]


def compare(backends: Sequence[str], prompts: Sequence[Prompt], setup: Setup) -> Comparison:
    """Answer the prompts greedily with each backend, one model in memory at a time. The first is the reference.

    Raises UsageError for an unknown backend, before any model is loaded.
    """
    if len(set(backends)) < len(backends):
        raise UsageError(f"--backends {','.join(backends)}: a backend is given twice")
    for backend in backends:
        GENERATORS.get(backend)
    params = SamplingParams(max_new_tokens=setup.max_new_tokens)
    texts: dict[str, dict[str, str]] = {}
    speeds: list[BackendSpeed] = []
    for backend in backends:
        say(f"{backend}: answering {len(prompts)} prompts")
        with _backend(backend, setup) as generator:
            speed, completions = _measured(backend, generator, prompts, params)
        speeds.append(speed)
        say(f"{backend}: {speed.seconds:.0f} s, {speed.new_tokens_per_second:.1f} new tokens/s")
        texts[backend] = {each.id: each.text for each in completions if each.error is None}
    yardstick, *others = backends
    parted = [prompt for prompt in prompts if len({texts[each].get(prompt.id) for each in backends}) > 1]
    with _judge(setup, needed=bool(parted) and setup.base_url is None) as judge:
        agreements = tuple(_agreement(each, yardstick, texts, prompts, judge) for each in others)
    return Comparison(
        find_model(setup.model).name if setup.base_url is None else setup.model,
        setup.torch_dtype,
        setup.max_new_tokens,
        setup.batch_size,
        _threads(),
        tuple(speeds),
        agreements,
    )


@contextmanager
def _backend(backend: str, setup: Setup) -> Iterator[Generator]:
    """A backend on the model; `openai` uses a server that runs as long as the context."""
    generators = GENERATORS.get(backend)
    if backend == "openai":
        with _served(setup) as (url, name):
            generator = generators(GeneratorOptions(name, model_args={"base_url": url}))
            yield generator
            generator.close()
        return
    length: Mapping[str, Any] = {} if setup.max_model_len is None else {"max_model_len": setup.max_model_len}
    batch_size = setup.batch_size if backend == "hf" else None
    generator = generators(GeneratorOptions(setup.model, dtype=setup.dtype, batch_size=batch_size, model_args=length))
    try:
        yield generator
    finally:
        generator.close()


@contextmanager
def _served(setup: Setup) -> Iterator[tuple[str, str]]:
    """Address of a server, and the model's name there."""
    if setup.base_url is not None:
        yield setup.base_url, setup.model
        return
    source = find_model(setup.model)
    folder = source.location if source.gguf_file is None else as_folder(source, setup.torch_dtype)
    with vllm_server(folder, source.name, dtype=setup.torch_dtype, max_model_len=setup.max_model_len) as url:
        yield url, source.name


def _measured(
    backend: str, generator: Generator, prompts: Sequence[Prompt], params: SamplingParams
) -> tuple[BackendSpeed, list[Completion]]:
    started = time.perf_counter()
    generator.load()
    load_seconds = time.perf_counter() - started
    list(generator.generate(prompts[:1], replace(params, max_new_tokens=2)))
    size = getattr(generator, "window", None) or len(prompts)
    started = time.perf_counter()
    completions = [
        completion
        for start in range(0, len(prompts), size)
        for completion in generator.generate(prompts[start : start + size], params)
    ]
    seconds = time.perf_counter() - started
    new = sum(each.completion_tokens or 0 for each in completions)
    speed = BackendSpeed(
        backend,
        round(load_seconds, 2),
        round(seconds, 2),
        sum(each.prompt_tokens or 0 for each in completions),
        new,
        round(new / seconds, 2),
        sum(each.error is not None for each in completions),
    )
    return speed, completions


@contextmanager
def _judge(setup: Setup, *, needed: bool) -> Iterator[TransformersGenerator | None]:
    """The model that computes margins between tokens; None if it is not needed."""
    if not needed:
        yield None
        return
    judge = TransformersGenerator(GeneratorOptions(setup.model, dtype="float32"))
    try:
        yield judge
    finally:
        judge.close()


def _agreement(
    backend: str,
    yardstick: str,
    texts: Mapping[str, Mapping[str, str]],
    prompts: Sequence[Prompt],
    judge: TransformersGenerator | None,
) -> Agreement:
    both = [prompt for prompt in prompts if prompt.id in texts[backend] and prompt.id in texts[yardstick]]
    partings = tuple(
        _parting(prompt, texts[yardstick][prompt.id], texts[backend][prompt.id], judge)
        for prompt in both
        if texts[yardstick][prompt.id] != texts[backend][prompt.id]
    )
    identical = len(both) - len(partings)
    percent = round(100 * identical / len(both), 2) if both else 0.0
    return Agreement(backend, yardstick, len(both), identical, percent, partings)


def _parting(prompt: Prompt, first: str, second: str, judge: TransformersGenerator | None) -> Parting:
    if judge is None:
        at = _first_difference(first, second)
        return Parting(prompt.id, None, (first[at : at + EXCERPT], second[at : at + EXCERPT]), None)
    tokenizer = judge.local.format.tokenizer
    ids, others = (tokenizer(text, add_special_tokens=False).input_ids for text in (first, second))
    at = _first_difference(ids, others)
    written = (str(tokenizer.decode(ids[at : at + 1])), str(tokenizer.decode(others[at : at + 1])))
    return Parting(prompt.id, at, written, judge.margin(prompt, ids[:at]))


def _first_difference(one: Sequence[object], other: Sequence[object]) -> int:
    """Index of the first element that differs; the shorter length if one is a prefix of the other."""
    same = zip(one, other, strict=False)
    return next((index for index, (a, b) in enumerate(same) if a != b), min(len(one), len(other)))


def _threads() -> int:
    import torch

    return int(os.environ.get("OMP_NUM_THREADS") or torch.get_num_threads())
