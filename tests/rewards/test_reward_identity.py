"""One reward, four ways to it: direct, from `scores.jsonl`, through the TRL adapter, over HTTP; equal bit for bit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from golden_files import golden_file
from reward_cases import http_server, lexical, spoken, thought
from tag_tokenizer import tag_tokenizer

import groundeval
from groundeval.metrics.gold import with_answers
from groundeval.nli import connect
from groundeval.records import Example, Response
from groundeval.rewards import Rewarded, load_reward
from groundeval.rewards.adapters.trl import trl_reward
from groundeval.rewards.columns import example_json
from groundeval.rewards.rollouts import Rewarder
from groundeval.tasks.formats.predictions import read_predictions

TASKS = {"asqa": "trust_asqa", "eli5": "trust_eli5", "qampari": "trust_qampari"}
FILES = [f"{prefix}{name}" for prefix in ("", "edge_") for name in TASKS]
ALL = ("ground_grpo_stage2", "ground_grpo_instruct", "trust", "alce", "ternary", "strict_grounded", "default")
Spoken = Sequence[tuple[str, Example, str]]


@pytest.fixture(autouse=True)
def _no_cache_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GROUNDEVAL_CACHE", str(tmp_path))


def direct(name: str, said: Spoken) -> list[Rewarded]:
    responses = [Response.build(example, text) for _, example, text in said]
    return asyncio.run(Rewarder.of(name, nli="lexical").score_responses(responses, [task for task, _, _ in said]))


def through_trl(name: str, said: Spoken) -> list[float | None]:
    """From token ids: TRL's own text of a completion has lost the tags, which are special tokens."""
    tokenizer = tag_tokenizer()
    reward = trl_reward(name, nli="lexical", tokenizer=tokenizer)
    ids = [[*tokenizer(text, add_special_tokens=False).input_ids, tokenizer.eos_token_id] for _, _, text in said]
    texts = tokenizer.batch_decode(ids, skip_special_tokens=True)
    columns: dict[str, Any] = {
        "example": [example_json(example) for _, example, _ in said],
        "task": [task for task, _, _ in said],
    }
    prompts = [[{"role": "user", "content": example.question}] for _, example, _ in said]
    completions = [[{"role": "assistant", "content": text}] for text in texts]
    return asyncio.run(reward(prompts=prompts, completions=completions, completion_ids=ids, **columns))


def over_http(name: str, said: Spoken) -> list[float | None]:
    RewardServer = pytest.importorskip("groundeval.rewards.server").RewardServer
    totals: list[float | None] = []
    with http_server(RewardServer(Rewarder.of(name, nli="lexical"), lexical())) as address:
        for start in range(0, len(said), 500):
            samples = [
                {"task": task, "example": example_json(example), "text": text}
                for task, example, text in said[start : start + 500]
            ]
            answer = httpx.post(f"{address}/rewards", json={"samples": samples}, timeout=300)
            totals += [each["total"] for each in answer.json()["rewards"]]
    return totals


def from_scores(name: str, said: Spoken, folder: Path) -> list[float | None]:
    """Score each task's outputs as `groundeval score` does, then read `scores.jsonl` and nothing else."""
    totals: dict[int, float | None] = {}
    for task in dict.fromkeys(task for task, _, _ in said):
        reward = load_reward(name, task, nli="lexical")
        places = [place for place, each in enumerate(said) if each[0] == task]
        file = folder / f"{task}.jsonl"
        with file.open("w", encoding="utf-8") as lines:
            for place in places:
                record = {**json.loads(example_json(said[place][1])), "id": str(place), "output": said[place][2]}
                lines.write(json.dumps(record) + "\n")
        [scored] = groundeval.score(
            file, task, profiles=(reward.profile,), metrics=reward.metrics, nli="lexical", output_path=folder / task
        )
        stored = [json.loads(line) for line in (scored.folder / "scores.jsonl").read_text("utf-8").splitlines()]
        totals |= {int(line["id"]): reward.of(line).total for line in stored}
    return [totals[place] for place in range(len(said))]


def assert_identical(name: str, said: Spoken, folder: Path) -> list[float | None]:
    totals = [each.total for each in direct(name, said)]
    assert from_scores(name, said, folder) == totals
    assert through_trl(name, said) == totals
    assert over_http(name, said) == totals
    return totals


def golden(file: str) -> list[tuple[str, Example, str]]:
    """The outputs of a golden file, every other one as a reasoning model would have said it."""
    task = TASKS[file.removeprefix("edge_")]
    outputs = [(task, with_answers(example), text) for example, text in read_predictions(golden_file(file))]
    return [(t, e, thought(text) if place % 2 else text) for place, (t, e, text) in enumerate(outputs)]


@pytest.mark.parametrize("file", ["edge_asqa", "edge_eli5", "edge_qampari"])
def test_the_reward_of_golden_outputs_is_the_same_on_every_way(file: str, tmp_path: Path):
    totals = assert_identical("ground_grpo_stage2", golden(file), tmp_path)
    assert len(set(totals)) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("file", FILES)
def test_every_reward_of_every_golden_file_is_the_same_on_every_way(file: str, name: str, tmp_path: Path):
    assert_identical(name, golden(file), tmp_path)


@pytest.mark.slow
def test_the_published_outputs_without_documents_get_the_same_reward_on_every_way(tmp_path: Path):
    reward = tmp_path / "em.yaml"
    reward.write_text("profile: alce\ncomponents: {em: str_em, hit: {value: str_hit, weight: 0.5}}\n")
    for number, run in enumerate(json.loads(golden_file("alce_published_asqa").read_text("utf-8"))):
        file = tmp_path / f"run{number}.json"
        file.write_text(json.dumps({"data": run["data"]}), "utf-8")
        said = [("asqa", with_answers(example), text) for example, text in read_predictions(file)]
        folder = tmp_path / str(number)
        folder.mkdir()
        assert len(assert_identical(str(reward), said, folder)) == 100


def test_the_reward_of_generated_texts_is_the_same_on_every_way(tmp_path: Path):
    totals = assert_identical("trust", spoken(120, seed=1), tmp_path)
    assert len(set(totals)) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ground_grpo_stage2", "strict_grounded"])
def test_the_reward_of_3_000_generated_texts_is_the_same_on_every_way(name: str, tmp_path: Path):
    assert_identical(name, spoken(3_000, seed=2), tmp_path)
    connect("lexical").close()
