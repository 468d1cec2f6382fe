"""Names of models in runs that evaluate them during training."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from groundeval.models.files import ModelSource
from groundeval.models.options import GeneratorOptions
from groundeval.trainers.evaluating import TrainedGenerator


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
