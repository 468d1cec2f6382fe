"""Sizes of models in training, and their names in runs that evaluate them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tiny_models import CHATML, make_tokenizer

from groundeval.models.files import ModelSource
from groundeval.models.options import GeneratorOptions
from groundeval.trainers.evaluating import TrainedGenerator
from groundeval.trainers.policy import Policy
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
