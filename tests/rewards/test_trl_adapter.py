"""The reward function that TRL gets: one picklable asynchronous callable that keeps tags and logs what it sees."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from reward_cases import REFUSAL, example, thought, unanswerable
from tag_tokenizer import tag_tokenizer, tiny_model

from groundeval.errors import DataError, UsageError
from groundeval.rewards.adapters.trl import TRLReward, trl_reward
from groundeval.rewards.columns import example_json

GOOD = thought("Paris text [1].")
"""Half of its words are in document A: the lexical verifier calls it supported."""


def call(reward: TRLReward, *texts: str, **columns: Any) -> list[float | None]:
    given = {"task": ["trust_asqa"] * len(texts), "example": [example_json(example())] * len(texts), **columns}
    prompts = [[{"role": "user", "content": "Q?"}]] * len(texts)
    completions = [[{"role": "assistant", "content": text}] for text in texts]
    return asyncio.run(reward(prompts=prompts, completions=completions, **given))


def test_it_is_asynchronous_picklable_and_keeps_its_name():
    reward = trl_reward("ground_grpo_stage2", nli="lexical", parameters={"reduction": "mean"})
    again = pickle.loads(pickle.dumps(reward))
    assert again.__name__ == reward.__name__ == "ground_grpo_stage2"
    assert inspect.iscoroutinefunction(type(reward).__call__)
    assert call(again, GOOD) == call(reward, GOOD) == [3.5]
    assert call(pickle.loads(pickle.dumps(again)), GOOD) == [3.5]


def test_several_rewards_are_one_callable_that_adds_them_up():
    both = trl_reward({"ground_grpo_stage2": 1.0, "trust": 0.5}, nli="lexical")
    assert both.__name__ == "ground_grpo_stage2+trust"
    assert call(both, GOOD) == [3.5 + 0.5]


def test_ids_are_decoded_with_the_tags_that_trl_drops():
    tokenizer = tag_tokenizer()
    ids = [[*tokenizer(GOOD, add_special_tokens=False).input_ids, tokenizer.eos_token_id]]
    dropped = tokenizer.batch_decode(ids, skip_special_tokens=True)[0]
    assert "<think>" not in dropped
    reward = trl_reward("ground_grpo_stage2", nli="lexical", tokenizer=tokenizer)
    assert call(reward, dropped, completion_ids=ids) == [3.5]
    assert call(trl_reward("ground_grpo_stage2", nli="lexical"), dropped, completion_ids=ids) == [0.0]


def test_token_ids_say_which_step_they_are_for_and_which_completions_were_cut_off():
    tokenizer = tag_tokenizer()
    told: list[tuple[int, list[str | None]]] = []
    reward = trl_reward(
        "ground_grpo_stage2",
        nli="lexical",
        tokenizer=tokenizer,
        on_rewards=lambda step, rollouts, rewarded: told.append((step, [each.finish_reason for each in rollouts])),
    )
    text = tokenizer(GOOD, add_special_tokens=False).input_ids
    ids = [[*text, tokenizer.eos_token_id], text, []]
    call(reward, GOOD, GOOD, "", completion_ids=ids, trainer_state=SimpleNamespace(global_step=4, log_history=[]))
    call(reward, GOOD, GOOD, "", completion_ids=ids, finish_reason=["length", "stop", None])
    call(reward, GOOD)
    assert told == [(5, ["stop", "length", "length"]), (1, ["length", "stop", None]), (1, [None])]


def test_what_the_template_begins_is_put_back_in_front():
    begun = "{% for m in messages %}{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}<think>\n{% endif %}"
    tokenizer = tag_tokenizer(begun)
    rest = GOOD.removeprefix("<think>")
    ids = [tokenizer(rest, add_special_tokens=False).input_ids]
    assert call(trl_reward("ground_grpo_stage2", nli="lexical", tokenizer=tokenizer), rest, completion_ids=ids) == [3.5]
    assert call(trl_reward("ground_grpo_stage2", nli="lexical"), rest, prefill=["<think>"]) == [3.5]


def test_reasoning_that_a_parser_split_off_goes_back_into_its_tags():
    reward = trl_reward("ground_grpo_stage2", nli="lexical", task="trust_asqa")
    message = {"role": "assistant", "reasoning_content": "Hm.", "content": "<answer>Paris text [1].</answer>"}
    columns = {"example": [example_json(example())]}
    assert asyncio.run(reward(prompts=["Q?"], completions=[[message]], **columns)) == [3.5]


def test_components_groups_cost_and_style_are_logged():
    metrics: dict[str, float] = {}
    columns: dict[str, list[Any]] = {}
    reward = trl_reward("ground_grpo_stage2", nli="lexical")
    samples = [example_json(example())] * 2 + [example_json(unanswerable())] * 2
    texts = (GOOD, thought("Nothing."), thought(REFUSAL), thought(REFUSAL))
    totals = call(reward, *texts, example=samples, log_metric=metrics.__setitem__, log_extra=columns.__setitem__)
    assert totals == [3.5, 2.5, 3.0, 3.0]
    shown = {name.removeprefix("ground_grpo_stage2/"): value for name, value in metrics.items()}
    assert shown["component/refusal"] == 0.75
    assert shown["component/citation"] == 0.25
    assert shown["flat_groups"] == 0.5
    # The refusals get all there is: the part that tells others apart leaves them equal.
    assert shown["flat_by/refusal"] == 1.0
    assert shown["abstained"] == 0.0
    assert shown["nli/asked"] == 1.0
    assert shown["citations_per_statement"] == 0.25
    assert shown["refusal_rate"] == 0.5
    assert columns["refused"] == [0.0, 0.0, 1.0, 1.0]
    assert columns["em"] == [0.5, 0.0, None, None]
    assert columns["status"] == ["ok"] * 4


def test_a_failed_sample_is_none_and_counted(monkeypatch: pytest.MonkeyPatch):
    from groundeval.nli.verifiers.lexical import Lexical

    def fails(self: Lexical, pairs: Any) -> Any:
        from groundeval.errors import SampleError

        raise SampleError("does not fit")

    monkeypatch.setattr(Lexical, "score", fails)
    metrics: dict[str, float] = {}
    reward = trl_reward("ground_grpo_stage2", nli="lexical")
    found = call(reward, thought("Paris, broken [1]."), thought("Nothing."), log_metric=metrics.__setitem__)
    assert found == [None, 2.5]
    assert metrics["ground_grpo_stage2/abstained"] == 0.5


def test_the_alarm_reads_what_the_trainer_has_logged():
    metrics: dict[str, float] = {}
    reward = trl_reward("ground_grpo_stage2", nli="lexical")
    history = [{"reward": step, "eval_reward": -step} for step in range(6)]
    for rows, expected in ((history, 1.0), (history[:5], 0.0), ([{"reward": 1.0}] * 6, 0.0)):
        call(reward, GOOD, trainer_state=SimpleNamespace(log_history=rows), log_metric=metrics.__setitem__)
        assert metrics["ground_grpo_stage2/hacking_alarm"] == expected


def test_an_example_may_come_read_and_a_batch_may_be_empty():
    reward = trl_reward("ground_grpo_stage2", nli="lexical")
    assert call(reward, GOOD, example=[json.loads(example_json(example()))]) == [3.5]
    assert call(reward, log_metric=lambda name, value: None) == []
    with pytest.raises(DataError, match="completion None: must be a text, a message or a list of messages"):
        asyncio.run(reward(prompts=["Q"], completions=[None], example=[example_json(example())], task=["trust_asqa"]))


def test_missing_columns_and_unknown_names_are_told_before_anything_is_asked():
    reward = trl_reward("ground_grpo_stage2", nli="lexical")
    with pytest.raises(UsageError, match='no column "example"; it has: question'):
        asyncio.run(reward(prompts=["Q"], completions=["A"], question=["Q"]))
    with pytest.raises(UsageError, match='no column "task"'):
        asyncio.run(reward(prompts=["Q"], completions=["A"], example=["{}"]))
    with pytest.raises(DataError, match='column "example" is no JSON'):
        call(reward, GOOD, example=["not json"])
    with pytest.raises(UsageError, match=r'unknown reward "trus"\. Did you mean "trust"'):
        trl_reward("trus")


@pytest.mark.slow
def test_a_grpo_trainer_steps_with_an_asynchronous_recipe(tmp_path: Path):
    trl = pytest.importorskip("trl")
    from datasets import Dataset

    from groundeval.rewards.export import ExportOptions, prompted, trl_row

    options = ExportOptions(data={"*": "embedded"}, num_docs=2, limit=4)
    rows = [trl_row(*each, {}) for each in prompted("trust_asqa", options)]
    tokenizer = tag_tokenizer()
    told: list[list[float | None]] = []
    reward = trl_reward(
        "ground_grpo_stage2",
        nli="lexical",
        tokenizer=tokenizer,
        on_rewards=lambda step, rollouts, rewarded: told.append([each.total for each in rewarded]),
    )
    config = trl.GRPOConfig(
        output_dir=str(tmp_path), per_device_train_batch_size=4, num_generations=2, max_completion_length=16,
        max_steps=2, logging_steps=1, report_to=[], use_cpu=True, save_strategy="no", bf16=False,
    )  # fmt: skip
    trainer = trl.GRPOTrainer(
        model=tiny_model(), reward_funcs=reward, args=config, train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )  # fmt: skip
    trainer.train()
    logged = [row for row in trainer.state.log_history if "rewards/ground_grpo_stage2/mean" in row]
    assert len(logged) == 2
    assert "ground_grpo_stage2/component/tag_count" in logged[0]
    assert "ground_grpo_stage2/flat_groups" in logged[0]
    assert len(told) == 2
    assert logged[0]["reward"] == pytest.approx(sum(total or 0 for total in told[0]) / 4)
