"""`--model-args` of `--backend vllm`, as far as they can be tested without vLLM."""

from __future__ import annotations

import pytest

from groundeval.errors import UsageError
from groundeval.generation.backends.vllm import _check_args


def test_a_token_is_taken_from_the_environment_only_and_not_repeated_in_the_message() -> None:
    with pytest.raises(UsageError, match="is set by the environment variable HF_TOKEN") as caught:
        _check_args({"hf_token": "hf_very_secret"})
    assert "hf_very_secret" not in str(caught.value)


def test_familiar_arguments_are_taken_without_asking_vllm() -> None:
    _check_args({"max_model_len": 8192, "gpu_memory_utilization": 0.9, "lora": "adapter"})
