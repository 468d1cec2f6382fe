"""Asynchronous GRPO up to the point where it needs CUDA: settings, the rollout process's reward, what is logged."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from recipe_cases import small_recipe

from groundeval.errors import DataError
from groundeval.rewards.columns import example_json
from groundeval.tasks import load_task
from groundeval.trainers.asynchronous import GroupReward, async_grpo_trainer, figures_callback
from groundeval.trainers.data.datasets import Rows
from groundeval.trainers.evaluating import answering
from groundeval.trainers.policy import Policy
from groundeval.trainers.trl_config import stage_config

pytest.importorskip("trl")
SERVER = {"engine": "vllm", "mode": "server", "server_url": "http://localhost:8000", "asynchronous": True}
STAGE = {"batch": None, "trl": {"num_generations": 4, "max_completion_length": 16, "use_cpu": True, "bf16": False}}


def test_the_trainer_with_cuda_is_trls_asynchronous_one_and_transformers_generates_without(tmp_path: Path):
    recipe = small_recipe(tmp_path, {"rollouts": SERVER}, STAGE)
    with_cuda = stage_config(recipe, recipe.stages[0], tmp_path, cuda=True)
    assert type(with_cuda.config).__name__ == "AsyncGRPOConfig"
    assert (with_cuda.config.vllm_server_base_url, with_cuda.config.top_p) == ("http://localhost:8000", 1.0)
    without = stage_config(recipe, recipe.stages[0], tmp_path, cuda=False)
    assert type(without.config).__name__ == "GRPOConfig"
    assert "transformers generates instead" in without.warnings[-1]


@pytest.mark.parametrize(
    ("rollouts", "stage", "said"),
    [
        ({"asynchronous": True}, {}, "`asynchronous` needs `engine: vllm` and `mode: server`"),
        (SERVER, {"normalize": "parts"}, "`normalize: parts` is not there for `rollouts.asynchronous`"),
    ],
)
def test_what_it_cannot_do_is_refused(tmp_path: Path, rollouts: dict[str, Any], stage: dict[str, Any], said: str):
    with pytest.raises(DataError, match=said):
        small_recipe(tmp_path, {"rollouts": rollouts}, stage)


class Worker:
    """A rollout worker without a server."""

    rollout_buffer: Any = None

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def update_model_version(self, model_version: int) -> None: ...
    def check_health(self, stale_after_s: float) -> None: ...


class Transfer:
    """A transfer of weights to nowhere."""

    def init_weight_transfer(self) -> None: ...
    def pause(self) -> None: ...
    def send_weights(self, iterator: Any) -> None: ...
    def resume(self) -> None: ...
    def destroy(self) -> None: ...


@pytest.fixture
def trainer(tmp_path: Path, tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Any:
    """TRL's own trainer, made on a CPU with stand-ins for what needs CUDA."""
    from tiny_models import CHATML
    from trl.experimental.async_grpo import async_grpo_trainer as theirs

    monkeypatch.setattr(theirs, "get_peak_flops_per_device", lambda accelerator, dtype: None)
    recipe = small_recipe(tmp_path, {"model": str(tiny(CHATML)), "rollouts": SERVER}, STAGE)
    [stage] = recipe.stages
    config = stage_config(recipe, stage, tmp_path / "stage", cuda=True).config
    example = load_task("trust_asqa").load("embedded", "train").examples[0]
    row = {"prompt": [{"role": "user", "content": "Q?"}], "task": "trust_asqa", "example": example_json(example)}
    return async_grpo_trainer(
        recipe, stage, Policy(recipe.model), None, config, Rows([row]), None, [],
        rollout_worker=Worker(), weight_transfer=Transfer(),
    )  # fmt: skip


def test_the_figures_of_the_rollout_process_reach_the_log_with_the_alarm(trainer: Any, tmp_path: Path):
    (tmp_path / "stage").mkdir(exist_ok=True)
    file = tmp_path / "stage" / "figures.jsonl"
    [figures] = [each for each in trainer.callback_handler.callbacks if type(each).__name__ == "Figures"]
    [row] = trainer.train_dataset
    [judged] = [GroupReward(_reward(trainer), file)]
    again = pickle.loads(pickle.dumps(judged))  # it is sent to a process of its own
    columns = {name: [row[name]] * 2 for name in ("task", "example")}
    ids = [trainer.processing_class("Paris [1].").input_ids] * 2
    rewards = asyncio.run(again(prompts=[row["prompt"]] * 2, completions=["x", "y"], completion_ids=ids, **columns))
    assert len(rewards) == 2
    assert rewards[0] is not None
    name = judged.__name__
    rising = [{"reward": 0.1 * step, "held_out": 0.9 - 0.05 * step} for step in range(1, 12)]
    logs = {"reward": 1.2, "loss": 0.1}
    state = SimpleNamespace(is_world_process_zero=True, log_history=[*rising, dict(logs)])
    figures.on_log(None, state, None, logs=logs)
    assert logs[f"{name}/flat_groups"] == 1.0
    assert logs[f"{name}/hacking_alarm"] == 1.0
    assert state.log_history[-1] == logs
    later = {"reward": 1.3}
    figures.on_log(None, SimpleNamespace(is_world_process_zero=True, log_history=[later]), None, logs=later)
    assert later == {"reward": 1.3}, "every figure is logged once"
    assert figures_callback(file).seen == 1, "a resumed run begins behind the figures of earlier sessions"


def _reward(trainer: Any) -> Any:
    """The reward that the trainer was made with; a stand-in worker was not given it."""
    from groundeval.rewards.adapters.trl import TRLReward
    from groundeval.rewards.rollouts import Rewarder

    return TRLReward(Rewarder.of("ground_grpo_stage2", nli="lexical"), held_out="held_out")


def test_held_out_questions_are_answered_with_the_usual_attention(trainer: Any):
    import torch

    ids = torch.tensor([trainer.processing_class("Where is Paris?").input_ids])
    before = trainer.model.config._attn_implementation
    with answering(trainer) as model:
        assert model.config._attn_implementation == "sdpa"
        assert model.generate(ids, max_new_tokens=2).shape[1] > ids.shape[1]
    assert trainer.model.config._attn_implementation == before != "sdpa"


def test_a_run_without_it_keeps_its_folder(tmp_path: Path):
    from groundeval.trainers.folder import training_identity

    named = json.dumps(training_identity(small_recipe(tmp_path), {}, {"only": {}}))
    assert "asynchronous" not in named
    changed = training_identity(small_recipe(tmp_path, {"rollouts": SERVER}, STAGE), {}, {"only": {}})
    assert changed["recipe"]["rollouts"]["asynchronous"] is True
