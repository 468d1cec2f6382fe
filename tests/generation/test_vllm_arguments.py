"""`--model-args` of `--backend vllm`, as far as they can be tested without vLLM."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

import pytest

from groundeval.errors import UsageError
from groundeval.generation.backends import vllm_parallel
from groundeval.generation.backends.vllm import _check_args


def test_a_token_is_taken_from_the_environment_only_and_not_repeated_in_the_message() -> None:
    with pytest.raises(UsageError, match="is set by the environment variable HF_TOKEN") as caught:
        _check_args({"hf_token": "hf_very_secret"})
    assert "hf_very_secret" not in str(caught.value)


def test_familiar_arguments_are_taken_without_asking_vllm() -> None:
    _check_args({"max_model_len": 8192, "gpu_memory_utilization": 0.9, "lora": "adapter"})


@pytest.mark.parametrize("name", ["data_parallel_size", "tensor_parallel_size"])
@pytest.mark.parametrize("value", [0, -1, "two", 1.5, True])
def test_a_number_of_engines_is_a_whole_number(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"{name}.*must be a whole number, 1 or more"):
        _check_args({name: value})


def test_more_engines_than_gpus_are_refused_before_anything_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    _check_args({"data_parallel_size": 2, "tensor_parallel_size": 2})
    with pytest.raises(UsageError, match="needs 8 GPUs; this machine has 4"):
        _check_args({"data_parallel_size": 4, "tensor_parallel_size": 2})
    # Several nodes, or Ray: vLLM knows.
    _check_args({"data_parallel_size": 4, "tensor_parallel_size": 2, "distributed_executor_backend": "ray"})
    # Without CUDA the ranks share the processor.
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    _check_args({"data_parallel_size": 2})


def test_several_engines_give_the_last_output_of_each_prompt_in_the_order_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Engine:
        model_config, over = "config", False

        async def generate(self, prompt: int, params: str, request: str, *, lora_request: object) -> AsyncIterator[str]:
            requests.append(request)
            await asyncio.sleep(0.01 * (3 - prompt))
            yield f"{prompt} begun"
            if params == "fails":
                raise RuntimeError("the engine is dead")
            yield f"{prompt} {params}"

        def shutdown(self) -> None:
            self.over = True

    async def started(arguments: Mapping[str, object]) -> Engine:
        assert arguments == {"model": "m", "data_parallel_size": 2}
        return engine

    requests: list[str] = []
    engine = Engine()
    monkeypatch.setattr(vllm_parallel, "_started", started)
    several = vllm_parallel.ParallelEngine(model="m", data_parallel_size=2)
    assert several.model_config == "config"
    assert several.generate([1, 2, 3], ["a", "b", "c"], use_tqdm=False, lora_request=None) == ["1 a", "2 b", "3 c"]
    with pytest.raises(RuntimeError, match="the engine is dead"):
        several.generate([1, 2], ["a", "fails"])
    assert len(set(requests)) == 5
    several.shutdown()
    assert engine.over
