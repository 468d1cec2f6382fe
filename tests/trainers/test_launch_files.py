"""The files for `accelerate launch` that ship with the trainers."""

from __future__ import annotations

from pathlib import Path

import pytest

import groundeval.trainers

LAUNCH = Path(groundeval.trainers.__file__).parent / "launch"


@pytest.mark.parametrize(("name", "kind"), [("zero3", "DEEPSPEED"), ("fsdp", "FSDP")])
def test_accelerate_reads_the_launch_file(name: str, kind: str):
    config_args = pytest.importorskip("accelerate.commands.config.config_args")
    config = config_args.load_config_from_file(str(LAUNCH / f"{name}.yaml"))
    assert str(config.distributed_type) == f"DistributedType.{kind}"
    assert (config.mixed_precision, config.num_processes) == ("bf16", 8)


def test_a_stage_ends_with_whole_weights_under_both():
    assert "zero3_save_16bit_model: true" in (LAUNCH / "zero3.yaml").read_text()
    assert "fsdp_state_dict_type: FULL_STATE_DICT" in (LAUNCH / "fsdp.yaml").read_text()
