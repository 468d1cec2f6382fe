"""Turning recipes into TRL's own configs: checks, safe settings, warnings."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipe_cases import small_recipe

from groundeval.errors import DataError, UsageError
from groundeval.trainers.recipe import Recipe
from groundeval.trainers.recipe_file import read_recipe, shipped
from groundeval.trainers.recipe_stage import Stage
from groundeval.trainers.scoring import check_rewards
from groundeval.trainers.trl_config import StageConfig, stage_config

trl = pytest.importorskip("trl")


def config_of(tmp_path: Path, stage: dict | None = None, changes: dict | None = None, *, cuda: bool = False):
    recipe = small_recipe(tmp_path, changes, stage)
    return stage_config(recipe, recipe.stages[0], tmp_path / "out", cuda=cuda)


def with_cuda(recipe: Recipe, stage: Stage, folder: Path) -> StageConfig:
    """The config that a machine with CUDA would have, as far as this one can make it."""
    return stage_config(recipe, stage.model_copy(update={"trl": {**stage.trl, "use_cpu": True}}), folder, cuda=True)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_trl_takes_the_config_of_every_stage_of_every_shipped_recipe(name: str, tmp_path: Path):
    recipe = read_recipe(name)
    for stage in recipe.stages:
        config = stage_config(recipe, stage, tmp_path, cuda=False).config
        assert type(config).__name__.lower().startswith(stage.trainer)
        if stage.batch is not None:
            assert config.per_device_train_batch_size * config.gradient_accumulation_steps == stage.batch
        check_rewards(recipe, stage)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_no_shipped_recipe_departs_from_the_safe_settings(name: str, tmp_path: Path):
    recipe = read_recipe(name)
    assert [warning for stage in recipe.stages for warning in with_cuda(recipe, stage, tmp_path).warnings] == []


def test_the_learning_example_departs_from_none_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("groundeval.trainers.trl_config.vllm_for_cpu", lambda: True)
    recipe = read_recipe(str(Path(__file__).parents[2] / "examples" / "learning" / "smollm2.yaml"))
    found = [stage_config(recipe, stage, tmp_path, cuda=False) for stage in recipe.stages]
    assert [warning for each in found for warning in each.warnings] == []
    assert any(
        not each.config.vllm_importance_sampling_correction for each in found if hasattr(each.config, "use_vllm")
    )


def test_a_field_that_trl_does_not_have_is_refused_with_the_nearest_match(tmp_path: Path):
    with pytest.raises(
        UsageError, match=r'trl.learning_rat: GRPOConfig has no such field. Did you mean "learning_rate"'
    ):
        config_of(tmp_path, {"trl": {"learning_rat": 1e-5}})


def test_a_field_that_the_recipe_sets_elsewhere_is_refused_with_the_place(tmp_path: Path):
    with pytest.raises(UsageError, match=r"trl.use_vllm: write `rollouts: \{engine: vllm\}`"):
        config_of(tmp_path, {"trl": {"use_vllm": True}})


def test_a_value_of_the_wrong_type_is_refused(tmp_path: Path):
    with pytest.raises(UsageError, match=r"trl\.learning_rate is 'fast'; it must be a valid number"):
        config_of(tmp_path, {"trl": {"learning_rate": "fast"}})


def test_a_number_that_yaml_takes_for_a_text_is_a_number(tmp_path: Path):
    assert config_of(tmp_path, {"batch": None, "trl": {"learning_rate": "1e-5"}}).config.learning_rate == 1e-5


def test_a_batch_that_does_not_hold_whole_groups_is_refused_with_the_nearest_that_does(tmp_path: Path):
    settings = {"num_generations": 5, "per_device_train_batch_size": 8}
    with pytest.raises(UsageError, match=r"16 completions does not divide by num_generations 5.*\n  Nearest: batch 15"):
        config_of(tmp_path, {"batch": 16, "trl": settings})


def test_a_batch_that_does_not_divide_by_the_devices_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(UsageError, match=r"batch 8 does not divide by 24.*8 on 3 devices"):
        config_of(tmp_path)


def test_shared_prompts_switch_checkpointing_off(tmp_path: Path):
    assert config_of(tmp_path).config.gradient_checkpointing
    assert not config_of(tmp_path, {"share_prompts": True}).config.gradient_checkpointing


def test_shared_prompts_are_refused_with_checkpointing_and_for_several_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with pytest.raises(UsageError, match="gradient_checkpointing is true, but `share_prompts`"):
        config_of(tmp_path, {"share_prompts": True, "trl": {"gradient_checkpointing": True}})
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="`share_prompts` is for one process, and there are 2"):
        config_of(tmp_path, {"share_prompts": True, "batch": None})


def test_what_trl_refuses_is_said_with_the_stage(tmp_path: Path):
    with pytest.raises(UsageError, match="stage only: TRL refuses the settings: GRPO requires at least 2 generations"):
        config_of(tmp_path, {"batch": None, "trl": {"num_generations": 1}})


def test_safe_settings_are_the_default(tmp_path: Path):
    found = config_of(tmp_path)
    assert found.warnings == ()
    assert found.config.top_p == 1.0
    assert found.config.vllm_importance_sampling_correction
    assert found.config.mask_truncated_completions


def test_parts_are_normalised_by_themselves_where_the_stage_says_so(tmp_path: Path):
    assert config_of(tmp_path).config.multi_objective_aggregation == "sum_then_normalize"
    assert config_of(tmp_path, {"normalize": "parts"}).config.multi_objective_aggregation == "normalize_then_sum"
    with pytest.raises(UsageError, match="scale_rewards has no effect with `normalize: parts`"):
        config_of(tmp_path, {"normalize": "parts", "trl": {"num_generations": 4, "scale_rewards": "none"}})
    with pytest.raises(UsageError, match="write it in the stage: `normalize: parts`"):
        config_of(tmp_path, {"trl": {"multi_objective_aggregation": "normalize_then_sum"}})
    with pytest.raises(DataError, match="`normalize` belongs to grpo"):
        config_of(tmp_path, {"trainer": "sft", "normalize": "parts", "rewards": None})


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("top_p", 0.9, "importance ratios are biased"),
        ("mask_truncated_completions", False, "cut off at the length limit is penalised"),
        ("repetition_penalty", 1.2, "another distribution"),
    ],
)
def test_leaving_a_safe_setting_is_warned_of_with_the_reason(tmp_path: Path, name: str, value: object, reason: str):
    [warning] = config_of(tmp_path, {"batch": None, "trl": {name: value}}).warnings
    assert f"trl.{name}" in warning
    assert reason in warning


@pytest.mark.parametrize(
    ("dtype", "rollouts", "trl", "warned"),
    [
        ("bfloat16", {"engine": "vllm"}, {}, True),
        ("float32", {"engine": "vllm"}, {"bf16": True, "use_cpu": True}, True),
        ("float32", {"engine": "vllm", "tolerance": 0.1}, {"bf16": False}, True),
        ("float32", {"engine": "vllm"}, {"bf16": False, "temperature": 0.7}, False),
        ("bfloat16", {"engine": "vllm", "tolerance": 0.001}, {}, False),
        ("bfloat16", {"engine": "transformers"}, {}, False),
    ],
)
def test_uncorrected_rollouts_are_warned_of_unless_the_guard_holds_them_to_the_trainers_probabilities(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, rollouts: dict, trl: dict, warned: bool
):
    monkeypatch.setattr("groundeval.trainers.trl_config.vllm_for_cpu", lambda: True)
    stage = {"batch": None, "trl": {"vllm_importance_sampling_correction": False, **trl}}
    changes = {"rollouts": rollouts, "model": {"path": "smollm2", "dtype": dtype}}
    assert ["can drift or collapse" in each for each in config_of(tmp_path, stage, changes).warnings] == [True] * warned


def test_sampling_that_leaves_tokens_out_is_not_compared_and_so_wants_the_correction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("groundeval.trainers.trl_config.vllm_for_cpu", lambda: True)
    stage = {"batch": None, "trl": {"vllm_importance_sampling_correction": False, "bf16": False, "top_p": 0.9}}
    changes = {"rollouts": {"engine": "vllm"}, "model": {"path": "smollm2", "dtype": "float32"}}
    found = config_of(tmp_path, stage, changes).warnings
    assert [each.split()[2] for each in found] == ["trl.top_p", "trl.vllm_importance_sampling_correction"]


def test_the_order_that_gives_every_step_its_mix_is_not_shuffled(tmp_path: Path):
    assert not config_of(tmp_path, {"mix": 0.5}).config.shuffle_dataset
    assert config_of(tmp_path, {}).config.shuffle_dataset


def test_without_cuda_transformers_generates_in_place_of_vllm_and_says_so(tmp_path: Path):
    found = config_of(tmp_path, changes={"rollouts": {"engine": "vllm"}}, cuda=False)
    assert not found.config.use_vllm
    assert "nor a CUDA device is available: transformers generates instead" in found.warnings[0]


def test_a_vllm_for_processors_rolls_out_without_cuda_but_not_as_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("groundeval.trainers.trl_config.vllm_for_cpu", lambda: True)
    found = config_of(tmp_path, changes={"rollouts": {"engine": "vllm"}}, cuda=False)
    assert (found.config.use_vllm, found.config.vllm_mode, found.warnings) == (True, "colocate", ())
    server = {"engine": "vllm", "mode": "server", "server_url": "http://gpu0:8000"}
    found = config_of(tmp_path, changes={"rollouts": server}, cuda=False)
    assert not found.config.use_vllm
    assert "a vllm server gets its weights through CUDA" in found.warnings[0]


@pytest.mark.parametrize(
    ("capabilities", "fast"),
    [
        ({"avx512_bf16": True}, True),
        ({"amx_bf16": True}, True),
        ({"avx512_bf16": False, "avx2": True}, False),
        ({}, False),
    ],
)
def test_a_processor_trains_in_bfloat16_only_where_it_multiplies_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capabilities: dict, fast: bool
):
    import torch

    from groundeval.trainers.policy import Policy
    from groundeval.trainers.recipe import Lora

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert config_of(tmp_path).config.bf16 is fast
    given = {"num_generations": 4, "per_device_train_batch_size": 8}
    assert config_of(tmp_path, {"trl": {**given, "bf16": True}}).config.bf16 is True
    half = config_of(tmp_path, {"trl": {**given, "fp16": True}}).config
    assert (half.bf16, half.fp16) == (False, True)
    recipe = small_recipe(tmp_path)
    assert Policy(recipe.model).dtype(Lora()) == ("bfloat16" if fast else "float32")
    assert Policy(recipe.model).dtype(None) == "float32"
    assert Policy(recipe.model.model_copy(update={"dtype": "bfloat16"})).dtype(Lora()) == "bfloat16"


@pytest.mark.parametrize(
    ("stage", "rows", "steps"),
    [
        # 300 prompts make six batches of 48 an epoch; the twelve left over are not drawn.
        ({"batch": 384, "trl": {"num_generations": 8, "num_train_epochs": 4}}, 300, 24),
        ({"batch": 8, "trl": {"num_generations": 4, "num_train_epochs": 1}}, 4, 2),
        ({"batch": 8, "trl": {"num_generations": 4, "max_steps": 7}}, 4, 7),
        ({"batch": 8, "trl": {"num_generations": 4, "num_train_epochs": 1, "num_iterations": 3}}, 4, 6),
        ({"trainer": "sft", "rewards": None, "batch": 8, "trl": {"num_train_epochs": 2}}, 17, 6),
    ],
)
def test_the_steps_of_a_stage_are_known_before_it_starts(tmp_path: Path, stage: dict, rows: int, steps: int):
    from groundeval.trainers.steps import optimizer_steps

    assert optimizer_steps(config_of(tmp_path, stage).config, rows) == steps


def test_what_a_stage_is_too_short_for_is_said(tmp_path: Path):
    from groundeval.trainers.steps import never_reached

    evaluate = {"tasks": {"trust_asqa": "embedded"}, "every": 24}
    recipe = small_recipe(tmp_path, {"evaluate": evaluate}, {"batch": None, "trl": {"save_steps": 25}})
    [stage] = recipe.stages
    config = stage_config(recipe, stage, tmp_path, cuda=False).config
    evaluated, saved = never_reached(recipe, stage, config, 24)  # the end of a stage has an evaluation of its own
    assert "evaluate.every is 24, but the stage has 24 steps" in evaluated
    assert "trl.save_steps is 25" in saved
    assert list(never_reached(recipe, stage, config, 25)) == []


@pytest.mark.parametrize("name", sorted(shipped()))
def test_no_shipped_recipe_asks_for_what_its_stages_are_too_short_for(name: str, tmp_path: Path):
    from groundeval.trainers.steps import never_reached, optimizer_steps

    recipe = read_recipe(name)
    for stage in recipe.stages:
        if all(data.count for data in stage.data):
            config = stage_config(recipe, stage, tmp_path, cuda=False).config
            steps = optimizer_steps(config, sum(data.count or 0 for data in stage.data))
            assert list(never_reached(recipe, stage, config, steps)) == []


def test_with_cuda_vllm_runs_as_the_recipe_says(tmp_path: Path):
    server = {"engine": "vllm", "mode": "server", "server_url": "http://gpu0:8000"}
    recipe = small_recipe(tmp_path, {"rollouts": server})
    found = with_cuda(recipe, recipe.stages[0], tmp_path)
    assert (found.config.use_vllm, found.config.vllm_mode) == (True, "server")
    assert found.config.vllm_server_base_url == "http://gpu0:8000"
    assert found.warnings == ()


def test_ranks_wait_for_an_evaluation_that_takes_hours_unless_the_recipe_says_otherwise(tmp_path: Path):
    assert config_of(tmp_path).config.ddp_timeout >= 24 * 3_600
    assert config_of(tmp_path, {"batch": None, "trl": {"ddp_timeout": 60}}).config.ddp_timeout == 60


def test_answers_to_learn_are_not_cut_off_by_a_default_length(tmp_path: Path):
    changes = {"trainer": "sft", "rewards": None, "batch": None, "trl": {}}
    assert config_of(tmp_path, changes).config.max_length is None
