"""`ray:vllm` as far as it goes without CUDA: the settings that Ray Data takes, and the completions made of its rows."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tiny_models import CHATML

from groundeval.errors import UsageError
from groundeval.generation.backends.ray_vllm import RayVLLMGenerator
from groundeval.generation.interface import Completion, SamplingParams
from groundeval.models.options import GeneratorOptions
from groundeval.records import Prompt


@pytest.fixture
def make(tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., RayVLLMGenerator]:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: name == "vllm" or find(name, *more))
    return lambda **options: RayVLLMGenerator(GeneratorOptions(str(tiny(CHATML)), dtype="float32", **options))


def test_there_is_an_engine_for_as_many_gpus_as_it_needs(make: Callable[..., RayVLLMGenerator]):
    settings = make(model_args={"tensor_parallel_size": 2, "max_model_len": 512}).processor_settings({"GPU": 5.0})
    assert settings["concurrency"] == (2, 2)
    assert settings["engine_kwargs"]["max_model_len"] == 512
    assert "model" not in settings["engine_kwargs"]
    assert make(ray={"actors": 1}).processor_settings({"GPU": 5.0})["concurrency"] == (1, 1)
    for given in ({"ray": {"actors": 6}}, {"model_args": {"tensor_parallel_size": 8}}):
        with pytest.raises(UsageError, match="the cluster has 5 GPUs, room for"):
            make(**given).processor_settings({"GPU": 5.0})


def test_a_row_becomes_the_completion_that_vllm_would_give(make: Callable[..., RayVLLMGenerator]):
    generator = make()
    prompt = Prompt("q1", "Which city?")
    [(_, encoded)], [] = generator.encoded([prompt], 8, None)
    end = max(generator.ends)

    def of(tokens: list[int], params: SamplingParams, **more: Any) -> Completion:
        return generator._of_row({"generated_tokens": tokens, **more}, prompt, encoded, params)

    letters = generator.local.format.tokenizer("Rome", add_special_tokens=False)["input_ids"]
    letters = letters[-4:]
    whole = of([*letters, end], SamplingParams(max_new_tokens=5))
    assert (whole.text, whole.finish_reason, whole.completion_tokens) == ("Rome", "stop", 5)
    assert of(letters, SamplingParams(max_new_tokens=4)).finish_reason == "length"
    stopped = of(letters, SamplingParams(max_new_tokens=4, stop=("me",)))
    assert (stopped.text, stopped.finish_reason) == ("Ro", "stop")
    failed = of([], SamplingParams(), __inference_error__="ValueError: too long")
    assert (failed.text, failed.error) == ("", "ValueError: too long")


@pytest.mark.slow
def test_ray_takes_the_settings(make: Callable[..., RayVLLMGenerator]):
    llm = pytest.importorskip("ray.data.llm", exc_type=ImportError)
    generator = make(batch_size=32)
    config = llm.vLLMEngineProcessorConfig(**generator.processor_settings({"GPU": 2.0}))
    assert (config.batch_size, config.concurrency) == (32, (2, 2))
    assert config.engine_kwargs["enable_prefix_caching"] is True
