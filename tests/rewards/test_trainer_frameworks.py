"""Rewards called by the real classes of trainers, where these are installed: `make test-adapters` installs them."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from reward_cases import example, thought
from tag_tokenizer import tag_tokenizer
from tiny_models import byte_level
from typer.testing import CliRunner

from groundeval.cli.app import app
from groundeval.rewards.adapters.verifiers import reward_of_trace, rubric_function
from groundeval.rewards.columns import example_json
from groundeval.rewards.rollouts import Rewarder
from groundeval.tasks import load_task

pytestmark = pytest.mark.slow

GOOD = thought("Paris text [1].")
INFO = {"task": "trust_asqa", "example": example_json(example())}


def path_of(trainer: str) -> str:
    return CliRunner().invoke(app, ["rewards", "path", trainer]).output.strip()


def test_a_rubric_of_verifiers_scores_a_rollout():
    vf = pytest.importorskip("verifiers", reason="verifiers is not installed: make test-adapters")
    if not hasattr(vf, "Rubric"):
        pytest.skip("this version of verifiers has no Rubric any more (0.2 is the last that has)")
    rubric = vf.Rubric(funcs=[rubric_function(Rewarder.of("ground_grpo_stage2", nli="lexical"))], weights=[2.0])
    state = vf.State(
        prompt=[{"role": "user", "content": "Q?"}],
        completion=[{"role": "assistant", "content": GOOD}],
        info=INFO,
        answer="",
        trajectory=[],
        timing=vf.types.RolloutTiming() if hasattr(vf.types, "RolloutTiming") else {},
    )
    asyncio.run(rubric.score_rollout(state))
    assert state["reward"] == 7.0
    assert state["metrics"] == {"ground_grpo_stage2": 3.5}


def test_a_task_of_verifiers_version_1_rewards_a_trace():
    vf = pytest.importorskip("verifiers.v1", reason="verifiers is not installed: make test-adapters")
    rewarder = Rewarder.of("ground_grpo_stage2", nli="lexical")

    class Grounded(vf.Task[vf.TaskData, vf.State, vf.TaskConfig]):
        @vf.reward(weight=2.0)
        async def grounded(self, trace: Any) -> float:
            found = await reward_of_trace(rewarder, trace, INFO["task"], INFO["example"])
            assert found.total is not None
            return found.total

    class Trace(SimpleNamespace):
        """The parts of a trace that `Task.score` reads and writes."""

        def record_reward(self, name: str, value: float, weight: float = 1.0) -> None:
            self.rewards[name] = value * weight

    trace = Trace(rewards={}, metrics={}, assistant_messages=[{"role": "assistant", "content": GOOD}])
    asyncio.run(Grounded(vf.TaskData(idx=0, prompt="Q?")).score(trace))
    assert trace.rewards == {"grounded": 7.0}


def test_verl_loads_the_file_and_its_reward_manager_scores_a_rollout():
    reward = pytest.importorskip("verl.trainer.ppo.reward", reason="verl is not installed: make test-adapters")
    import numpy as np
    import torch
    from omegaconf import OmegaConf
    from tensordict import TensorDict
    from verl import DataProto
    from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager

    kwargs = {"reward": "ground_grpo_stage2", "nli": "lexical"}
    chosen = {"path": path_of("verl"), "name": "compute_score", "reward_kwargs": kwargs}
    config = OmegaConf.create({"reward": {"custom_reward_function": chosen}})
    compute_score = reward.get_custom_reward_fn(config)
    tokenizer = tag_tokenizer()
    ids = torch.tensor([tokenizer("Paris text [1].", add_special_tokens=False).input_ids])
    data = DataProto(
        batch=TensorDict({"responses": ids, "attention_mask": torch.ones_like(ids)}, batch_size=1),
        non_tensor_batch={
            "data_source": np.array(["trust_asqa"], dtype=object),
            "reward_model": np.array([{"ground_truth": INFO["example"]}], dtype=object),
            "extra_info": np.array([{"index": 0}], dtype=object),
        },
    )

    async def score() -> dict[str, Any]:
        manager = NaiveRewardManager(config, tokenizer, compute_score)
        found: dict[str, Any] = await manager.run_single(data)
        return found

    found = asyncio.run(score())
    assert found["reward_score"] == 0.0  # the text has no tags
    assert found["reward_extra_info"]["tag_count"] == 0.0


def plain_tokenizer() -> Any:
    """A byte-level tokenizer for which the tags of reasoning are ordinary text, as for Qwen3."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(tokenizer_object=byte_level(["<s>", "</s>"]), bos_token="<s>", eos_token="</s>")


def test_verls_reward_manager_takes_mixed_tasks_and_thoughts_that_the_template_began():
    reward = pytest.importorskip("verl.trainer.ppo.reward", reason="verl is not installed: make test-adapters")
    import numpy as np
    import torch
    from omegaconf import OmegaConf
    from tensordict import TensorDict
    from verl import DataProto
    from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager
    from verl.trainer.ppo.metric_utils import process_validation_metrics

    tokenizer = plain_tokenizer()

    def scored(name: str, *samples: tuple[str, str, str]) -> list[dict[str, Any]]:
        """verl's scores of (task, example, prefill), each with a perfect answer."""
        kwargs = {"reward": name, "nli": "lexical"}
        chosen = {"path": path_of("verl"), "name": "compute_score", "reward_kwargs": kwargs}
        config = OmegaConf.create({"reward": {"custom_reward_function": chosen}})
        found = []
        for task, sample, prefill in samples:
            ids = torch.tensor([[*tokenizer(GOOD.removeprefix(prefill.strip())).input_ids, tokenizer.eos_token_id]])
            data = DataProto(
                batch=TensorDict({"responses": ids, "attention_mask": torch.ones_like(ids)}, batch_size=1),
                non_tensor_batch={
                    "data_source": np.array([task], dtype=object),
                    "reward_model": np.array([{"ground_truth": sample}], dtype=object),
                    "extra_info": np.array([{"index": 0, "prefill": prefill}], dtype=object),
                },
            )

            async def score(data: Any = data) -> dict[str, Any]:
                answer: dict[str, Any] = await NaiveRewardManager(
                    config, tokenizer, reward.get_custom_reward_fn(config)
                ).run_single(data)
                return answer

            found.append(asyncio.run(score()))
        return found

    trust = ("trust_asqa", INFO["example"])
    assert [each["reward_score"] for each in scored("ground_grpo_stage2", (*trust, "<think>\n"), (*trust, ""))] == [
        3.5
    ] * 2
    asqa = example_json(load_task("asqa").load("embedded").examples[0])
    mixed = scored("default", (*trust, ""), ("asqa", asqa, ""))
    infos = [each["reward_extra_info"] for each in mixed]
    assert list(infos[0]) == list(infos[1])
    columns = {name: [info[name] for info in infos] for name in infos[0]}
    shown = process_validation_metrics(["trust_asqa", "asqa"], ["0", "1"], columns)
    assert all(np.isfinite(value) for task in shown.values() for each in task.values() for value in each.values())


def test_openrlhfs_executor_cuts_the_prompt_and_the_response_is_rewarded(monkeypatch: pytest.MonkeyPatch):
    agent = pytest.importorskip("openrlhf.utils.agent", reason="openrlhf is not installed: make test-adapters")
    monkeypatch.setenv("GROUNDEVAL_REWARD", "ground_grpo_stage2")
    monkeypatch.setenv("GROUNDEVAL_NLI", "lexical")
    tokenizer = plain_tokenizer()
    rest = GOOD.removeprefix("<think>")
    made = tokenizer(f"{rest}</s>", add_special_tokens=False).input_ids

    class Engine:
        async def generate(self, ids: Any, params: Any, **others: Any) -> Any:
            self.seen = len(ids)
            return SimpleNamespace(outputs=[SimpleNamespace(token_ids=made, finish_reason="stop", logprobs=None)])

    prompt = "Document [1](A): Paris text. " * 40 + "Answer the question, é: Q?<think>\n"
    engine, sampling = Engine(), SimpleNamespace(max_tokens=100, logprobs=None)
    executor = agent.SingleTurnAgentExecutor(path_of("openrlhf"))
    for length in (150, 160, 10_000):
        found = asyncio.run(executor.execute(prompt, json.dumps(INFO), sampling, length, tokenizer, engine))
        assert engine.seen == min(length - 100, len(prompt.encode()))
        assert float(found["reward"]) == 3.5


@pytest.mark.parametrize("form", ["file", "http"])
def test_openrlhfs_executor_fetches_the_reward(form: str, monkeypatch: pytest.MonkeyPatch):
    agent = pytest.importorskip("openrlhf.utils.agent", reason="openrlhf is not installed: make test-adapters")
    from reward_cases import http_server, lexical

    from groundeval.rewards.server import RewardServer

    monkeypatch.setenv("GROUNDEVAL_REWARD", "ground_grpo_stage2")
    monkeypatch.setenv("GROUNDEVAL_NLI", "lexical")
    query, prompt, label = f"Q?{GOOD}<|im_end|>", "Q?", json.dumps(INFO)
    if form == "file":
        executor = agent.SingleTurnAgentExecutor(path_of("openrlhf"))
        [found] = asyncio.run(executor._fetch_rewards_via_func([query], [prompt], [label]))
        assert found["rewards"].tolist() == [3.5]
        return
    with http_server(RewardServer(Rewarder.of("ground_grpo_stage2", nli="lexical"), lexical())) as address:
        executor = agent.SingleTurnAgentExecutor(f"{address}/")
        [found] = asyncio.run(executor._fetch_rewards_via_http([query], [prompt], [label]))
    assert found["rewards"] == [3.5]
