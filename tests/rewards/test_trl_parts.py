"""The parts of a reward as TRL's reward functions: one scoring for all, weights that add up to the total."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from reward_cases import REFUSAL, example, thought, unanswerable

from groundeval.errors import UsageError
from groundeval.rewards.adapters.trl import TRLReward, trl_reward
from groundeval.rewards.adapters.trl_parts import SharedBatch, parts_of
from groundeval.rewards.columns import example_json
from groundeval.rewards.rollouts import Rewarder

TEXTS = (thought("Paris text [1]."), thought("Nothing."), thought(REFUSAL), "no tags")
SAMPLES = [example_json(example())] * 2 + [example_json(unanswerable())] * 2


def values(batch: SharedBatch, *texts: str, samples: list[str]) -> dict[str, list[float | None]]:
    """What TRL gets of each part; it calls them together."""
    completions = [[{"role": "assistant", "content": text}] for text in texts]
    columns = {"task": ["trust_asqa"] * len(texts), "example": samples}

    async def together() -> list[list[float | None]]:
        calls = (each(prompts=["Q?"] * len(texts), completions=completions, **columns) for each in batch.functions)
        return await asyncio.gather(*calls)

    return dict(zip(batch.parts, asyncio.run(together()), strict=True))


def parts_and_totals(rewards: Any, **options: Any) -> tuple[SharedBatch, list[Any], int]:
    scored = []
    judged = trl_reward(
        rewards, nli="lexical", on_rewards=lambda step, rollouts, rewarded: scored.append(rewarded), **options
    )
    batch = SharedBatch(judged, ["trust_asqa"])
    for _ in range(2):
        found = values(batch, *TEXTS, samples=SAMPLES)
    sums = [
        sum(weight * (row[place] or 0.0) for weight, row in zip(batch.weights, found.values(), strict=True))
        for place in range(len(TEXTS))
    ]
    assert sums == pytest.approx([each.total for each in scored[-1]])
    return batch, list(found.values()), len(scored)


def test_the_weighted_parts_add_up_to_the_total_and_a_batch_is_scored_once():
    batch, found, scored = parts_and_totals("ground_grpo_stage2")
    assert [each.__name__ for each in batch.functions][:2] == [
        f"ground_grpo_stage2/{name}" for name in list(batch.parts)[:2]
    ]
    assert scored == 2, "two batches"
    assert all(None not in row for row in found)


def test_several_rewards_have_all_their_parts_with_both_weights():
    batch, _, _ = parts_and_totals({"ground_grpo_stage2": 0.5, "ground_grpo_stage1": -1.0})
    found = {(name.partition("/")[0], part.weight) for name, part in batch.parts.items()}
    assert found == {("ground_grpo_stage2", 0.5), ("ground_grpo_stage1", -1.0)}


def test_a_failed_sample_has_no_part(monkeypatch: pytest.MonkeyPatch):
    from groundeval.errors import SampleError
    from groundeval.nli.verifiers.lexical import Lexical

    def fails(self: Lexical, pairs: Any) -> Any:
        raise SampleError("does not fit")

    monkeypatch.setattr(Lexical, "score", fails)
    batch = SharedBatch(trl_reward("ground_grpo_stage2", nli="lexical"), ["trust_asqa"])
    found = values(batch, thought("Paris text that no verdict is known of [1]."), samples=SAMPLES[:1])
    assert {tuple(row) for row in found.values()} == {(None,)}


def test_parts_of_weight_0_are_no_reward_functions(tmp_path: Any):
    (tmp_path / "one.yaml").write_text(
        "profile: trust\ncombine: sum\ncomponents:\n  trust: {reward: trust}\n"
        "  words: {value: regular_length, weight: 0}\n"
    )
    assert list(parts_of(Rewarder.of(str(tmp_path / "one.yaml"), nli="lexical"), ["trust_asqa"])) == ["trust"]
    with pytest.raises(UsageError, match="has no part with a weight"):
        parts_of(Rewarder({"trust": 0.0}, nli="lexical"), ["trust_asqa"])


def test_the_total_itself_is_one_function_as_before():
    judged: TRLReward = trl_reward("ground_grpo_stage2", nli="lexical")
    completions = [[{"role": "assistant", "content": TEXTS[0]}]]
    columns = {"task": ["trust_asqa"], "example": SAMPLES[:1]}
    assert asyncio.run(judged(prompts=["Q?"], completions=completions, **columns)) == [3.5]
