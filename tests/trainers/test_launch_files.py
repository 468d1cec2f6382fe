"""The files for `accelerate launch` that ship with the trainers."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from recipe_cases import small_recipe

import groundeval.trainers
from groundeval.trainers.recipe_file import read_recipe, shipped

LAUNCH = Path(groundeval.trainers.__file__).parent / "launch"


@pytest.mark.parametrize(("name", "kind"), [("zero3", "DEEPSPEED"), ("fsdp", "FSDP")])
def test_accelerate_reads_the_launch_file(name: str, kind: str):
    config_args = pytest.importorskip("accelerate.commands.config.config_args")
    config = config_args.load_config_from_file(str(LAUNCH / f"{name}.yaml"))
    assert str(config.distributed_type) == f"DistributedType.{kind}"
    assert (config.mixed_precision, config.num_processes) == ("bf16", 6)  # the verifier has a GPU of its own


@pytest.mark.parametrize("ranks", [1, 6, 8])
@pytest.mark.parametrize("name", [name for name in sorted(shipped()) if name != "smoke"])
def test_every_shipped_recipe_divides_among_six_gpus_and_among_eight(name: str, ranks: int):
    for stage in read_recipe(name).stages:
        assert stage.batch is not None
        assert stage.batch % (stage.trl["per_device_train_batch_size"] * ranks) == 0


def test_no_rank_generates_alone_within_a_stage_under_fsdp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("trl")
    from groundeval.trainers.evaluating import evaluation_callback

    recipe = small_recipe(tmp_path, {"evaluate": {"tasks": {"trust_asqa": "embedded"}, "every": 1}})
    callback = evaluation_callback(SimpleNamespace(recipe=recipe, verifiers=["lexical"]), recipe.stages[0])
    state = SimpleNamespace(global_step=1, max_steps=9)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    callback.on_step_end(None, state, None)
    monkeypatch.delenv("ACCELERATE_USE_FSDP")
    with pytest.raises(AttributeError):  # it asks for the model of its trainer, and has none here
        callback.on_step_end(None, state, None)


def test_a_stage_ends_with_whole_weights_under_both():
    assert "zero3_save_16bit_model: true" in (LAUNCH / "zero3.yaml").read_text()
    assert "fsdp_state_dict_type: FULL_STATE_DICT" in (LAUNCH / "fsdp.yaml").read_text()
