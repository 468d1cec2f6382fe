"""Models in training: their sizes, special tokens and batches, and their names in evaluations."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny_models import CHATML, make_tokenizer

from groundeval.generation.backends.transformers import TransformersGenerator
from groundeval.models.files import ModelSource
from groundeval.models.options import GeneratorOptions
from groundeval.trainers.evaluating import TrainedGenerator
from groundeval.trainers.policy import Policy, align
from groundeval.trainers.recipe import Model


@pytest.mark.parametrize(
    ("stage", "step", "name"),
    [("start", 0, "smollm2, mine/0123, start"), ("grpo", 40, "smollm2, mine/0123, grpo step 40")],
)
def test_it_has_a_name_to_read_and_its_place_apart_from_it(stage: str, step: int, name: str):
    local = SimpleNamespace(source=ModelSource("smollm2", "/models/smollm2"), format=SimpleNamespace(identity=dict))
    policy: Any = SimpleNamespace(options=GeneratorOptions("smollm2"), local=local)
    place = {"recipe": "mine", "run": "0123", "stage": stage, "step": step}
    identity = TrainedGenerator(policy, place).identity()
    assert (identity["model"], identity["place"]) == (name, place)


@pytest.mark.parametrize(("held", "ends"), [(None, 7), (2, 7), (7, 7), ([2, 3], [7, 2, 3]), ([2, 7], [2, 7])])
def test_a_config_gets_the_tokenizers_special_tokens_and_keeps_the_ends_that_it_lists(held: Any, ends: Any):
    config = SimpleNamespace(eos_token_id=held, pad_token_id=0)
    align(config, {"eos_token_id": 7, "bos_token_id": 1})
    assert vars(config) == {"eos_token_id": ends, "bos_token_id": 1, "pad_token_id": 0}


def test_its_batches_are_as_large_as_the_recipe_says():
    policy: Any = SimpleNamespace(options=GeneratorOptions("smollm2"), local=None)
    assert TrainedGenerator(policy, {}, 60).window == 60
    assert TrainedGenerator(policy, {}).window == TransformersGenerator(GeneratorOptions("smollm2")).window


@pytest.mark.slow
@pytest.mark.parametrize("tied", [True, False])
def test_weights_that_layers_share_count_once(tied: bool, tmp_path: Path):
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=264, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        tie_word_embeddings=tied,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.save_pretrained(tmp_path)
    make_tokenizer(tmp_path, CHATML)
    assert Policy(Model(path=str(tmp_path))).parameters == sum(each.numel() for each in model.parameters())
