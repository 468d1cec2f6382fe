"""Prompts in training are those of evaluation, token by token; answers to learn end as the model's answers do."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from recipe_cases import small_recipe

from groundeval.errors import UsageError
from groundeval.generation.backends.transformers import TransformersGenerator
from groundeval.generation.interface import SamplingParams
from groundeval.models.options import GeneratorOptions
from groundeval.parsing.refusal import REFUSAL
from groundeval.rewards.columns import example_of
from groundeval.rewards.rollouts import Rollout
from groundeval.run.options import RunOptions
from groundeval.run.prepare import prepare
from groundeval.tasks import load_task
from groundeval.trainers.data.datasets import dpo_rows, grpo_rows, sft_rows
from groundeval.trainers.data.selection import Hygiene, select
from groundeval.trainers.grpo import judged_completions
from groundeval.trainers.policy import Policy
from groundeval.trainers.recipe import Recipe
from groundeval.trainers.watching import CompletionLog

pytest.importorskip("trl")

ALL = [{"task": "trust_asqa", "source": "embedded"}]
NO_SYSTEM = "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tiny models by the kind of chat template that they have."""
    from tiny_models import CHATML, REASONING, make_model, make_tokenizer

    templates = {
        "chatml": CHATML,
        "reasoning": REASONING,
        "no_system": f"{NO_SYSTEM}{{% endfor %}}{CHATML}",
        "none": None,
    }
    folders = {}
    for name, template in templates.items():
        folders[name] = tmp_path_factory.mktemp(name)
        make_model(folders[name], positions=8_192)
        make_tokenizer(folders[name], template)
    return folders


def prepared(tmp_path: Path, model: Path, changes: dict | None = None, stage: dict | None = None):
    recipe = small_recipe(tmp_path, {"model": str(model), **(changes or {})}, stage)
    return recipe, recipe.stages[0], select(recipe, recipe.stages[0], Hygiene(recipe)), Policy(recipe.model)


def ids_of_run(recipe: Recipe, examples: list) -> list[list[int]]:
    """The token ids that `groundeval run` gives its model, found the way it finds them."""
    generator = TransformersGenerator(GeneratorOptions(recipe.model.path))
    task = load_task("trust_asqa")
    dataset = task.load("embedded", "train")
    options = RunOptions.of(
        generator.options,
        num_docs=recipe.num_docs,
        num_fewshot=recipe.num_fewshot,
        seed=recipe.seed,
        system=recipe.system,
        split="train",
        sampling=SamplingParams(max_new_tokens=16),
    )
    job = prepare(task, "trust_asqa", "embedded", dataset, generator, options)
    by_id = {prompt.id: generator.local.format.encode(prompt).ids for prompt in job.prompts}
    return [by_id[example.id] for example in examples]


@pytest.mark.parametrize("model", ["chatml", "reasoning", "no_system"])
@pytest.mark.parametrize("changes", [{}, {"system": "Cite.", "num_fewshot": 1}])
def test_prompts_of_grpo_have_the_token_ids_that_run_gives_the_model(
    models: dict[str, Path], tmp_path: Path, model: str, changes: dict
):
    recipe, stage, selected, policy = prepared(tmp_path, models[model], changes)
    rows = grpo_rows(recipe, stage, selected, policy, 16).rows
    wanted = ids_of_run(recipe, [example_of(row["example"]) for row in rows])
    # What GRPOTrainer does with a prompt that is a conversation.
    seen = policy.tokenizer.apply_chat_template(
        conversation=[row["prompt"] for row in rows], add_generation_prompt=True, tokenize=True, return_dict=True
    )["input_ids"]
    assert seen == wanted
    assert [row["prompt_tail"] for row in rows] == [ids[-8:] for ids in wanted]


@pytest.mark.parametrize("own", ["[THINK]", "<think>"])
def test_rewards_read_the_reasoning_of_a_model_with_tags_of_its_own(models: dict, tmp_path: Path, own: str):
    from tiny_models import REASONING, make_tokenizer

    folder = shutil.copytree(models["reasoning"], tmp_path / "own")
    closing = own[0] + "/" + own[1:]
    make_tokenizer(folder, REASONING.replace("<think>", own).replace("</think>", closing))
    recipe, stage, selected, policy = prepared(tmp_path, folder)
    row = grpo_rows(recipe, stage, selected, policy, 16).rows[0]
    kept: list[Rollout] = []
    judged = judged_completions(recipe, stage, policy.format, CompletionLog(tmp_path, stage.name, 1, [row["task"]]))
    judged.on_rewards = lambda step, rollouts, rewarded: kept.extend(rollouts)
    ids = policy.tokenizer(f"I know [1].{closing}Rome is old [2].", add_special_tokens=False).input_ids
    columns = {key: [row[key]] for key in ("task", "example", "prefill", "prompt_tail")}
    asyncio.run(judged([row["prompt"]], [""], [ids], trainer_state=SimpleNamespace(global_step=0), **columns))
    [response] = [each.response() for each in kept]
    assert (response.reasoning, response.text) == ("I know [1].", "Rome is old [2].")


@pytest.mark.parametrize("model", ["chatml", "no_system"])
def test_prompts_of_sft_have_the_token_ids_that_run_gives_the_model(models: dict, tmp_path: Path, model: str):
    changes = {"system": "Cite."}
    stage = {"trainer": "sft", "rewards": None, "trl": {}, "batch": None}
    recipe, stage_, selected, policy = prepared(tmp_path, models[model], changes, stage)
    rows = sft_rows(recipe, stage_, selected, policy, Hygiene(recipe)).rows
    examples = [example for each in selected for example in each.dataset.examples]
    prompts = [ids[: mask.index(1)] for ids, mask in ((row["input_ids"], row["completion_mask"]) for row in rows)]
    assert prompts == ids_of_run(recipe, examples)


def test_an_answer_to_learn_ends_with_the_token_that_ends_a_turn(models: dict[str, Path], tmp_path: Path):
    stage = {"trainer": "sft", "rewards": None, "trl": {}, "batch": None}
    recipe, stage_, selected, policy = prepared(tmp_path, models["chatml"], stage=stage)
    row = sft_rows(recipe, stage_, selected, policy, Hygiene(recipe)).rows[0]
    assert policy.tokenizer.convert_ids_to_tokens(row["input_ids"][-1]) == "<|im_end|>"


def test_an_answer_does_not_repeat_what_the_template_begins(models: dict[str, Path], tmp_path: Path):
    stage = {"trainer": "sft", "rewards": None, "trl": {}, "batch": None, "targets": "tagged"}
    recipe, stage_, selected, policy = prepared(tmp_path, models["reasoning"], stage=stage)
    row = sft_rows(recipe, stage_, selected, policy, Hygiene(recipe)).rows[0]
    text = policy.tokenizer.decode(row["input_ids"])
    assert text.count("<think>") == text.count("</think>") == text.count("<answer>") == 1


def test_a_plain_answer_behind_a_template_that_begins_to_think_is_refused(models: dict[str, Path], tmp_path: Path):
    stage = {"trainer": "sft", "rewards": None, "trl": {}, "batch": None}
    recipe, stage_, selected, policy = prepared(tmp_path, models["reasoning"], stage=stage)
    with pytest.raises(UsageError, match=r"begins the answer with <think>.*\n.*`targets: tagged`"):
        sft_rows(recipe, stage_, selected, policy, Hygiene(recipe))


def test_a_model_without_chat_template_is_refused_with_what_to_do(models: dict[str, Path], tmp_path: Path):
    *_, policy = prepared(tmp_path, models["none"])
    with pytest.raises(UsageError, match=r"its tokenizer has no chat template.*\n.*chat_template: FILE\.jinja"):
        _ = policy.format


def test_a_base_model_can_be_given_a_chat_template(models: dict[str, Path], tmp_path: Path):
    from tiny_models import CHATML

    (tmp_path / "chat.jinja").write_text(CHATML)
    recipe = small_recipe(tmp_path, {"model": {"path": str(models["none"]), "chat_template": "chat.jinja"}})
    assert Policy(recipe.model).tokenizer.chat_template == CHATML


def test_honest_answers_cite_only_documents_that_the_prompt_shows(models: dict[str, Path], tmp_path: Path):
    stage = {
        "trainer": "sft",
        "rewards": None,
        "trl": {},
        "batch": None,
        "data": [{"task": "trust_asqa", "source": "embedded"}],
    }
    recipe, stage_, selected, policy = prepared(tmp_path, models["chatml"], {"num_docs": 1}, stage)
    for row in sft_rows(recipe, stage_, selected, policy, Hygiene(recipe)).rows:
        answer = policy.tokenizer.decode(row["input_ids"][row["completion_mask"].index(1) : -1])
        assert answer == REFUSAL or "[1]" in answer
        assert "[2]" not in answer
        assert "[4]" not in answer


def test_the_chosen_answer_of_every_pair_has_the_higher_reward(models: dict[str, Path], tmp_path: Path):
    from groundeval.rewards.rollouts import Rewarder, Rollout

    stage = {"trainer": "dpo", "trl": {}, "batch": None, "targets": "tagged", "data": ALL}
    recipe, stage_, selected, policy = prepared(tmp_path, models["chatml"], stage=stage)
    found = dpo_rows(recipe, stage_, selected, policy, Hygiene(recipe))
    assert len(found.rows) >= 4
    reward = Rewarder.of("ground_grpo_stage2", nli="lexical")
    prompts = {tuple(ids): example for ids, example in zip(
        ids_of_run(recipe, list(selected[0].dataset.examples)), selected[0].dataset.examples, strict=True
    )}  # fmt: skip
    from groundeval.rewards.columns import example_json

    for row in found.rows:
        example = example_json(prompts[tuple(row["prompt_ids"])])
        texts = [policy.tokenizer.decode(row[name][:-1]) for name in ("chosen_ids", "rejected_ids")]
        better, worse = reward([Rollout("trust_asqa", example, text) for text in texts])
        assert better.total > worse.total


def test_documents_that_do_not_fit_are_left_out_of_prompt_and_example(models: dict[str, Path], tmp_path: Path):
    import json

    config = models["chatml"] / "config.json"
    before = config.read_text()
    try:
        config.write_text(json.dumps({**json.loads(before), "max_position_embeddings": 2_000}))
        recipe, stage, selected, policy = prepared(tmp_path, models["chatml"], {"num_docs": 5})
        rows = grpo_rows(recipe, stage, selected, policy, 16).rows
    finally:
        config.write_text(before)
    shown = [len(example_of(row["example"]).docs or ()) for row in rows]
    assert min(shown) < min(len(example.docs or ()) for each in selected for example in each.dataset.examples)
    for row, count in zip(rows, shown, strict=True):
        assert f"Document [{count}]" in row["prompt"][-1]["content"]
        assert f"Document [{count + 1}]" not in row["prompt"][-1]["content"]
