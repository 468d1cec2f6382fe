"""Recipe files, and the error messages for faulty ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipe_cases import recipe_file, small_recipe

from groundeval.errors import DataError, UsageError
from groundeval.trainers.recipe_file import read_recipe, shipped
from groundeval.trainers.recipe_text import as_table, as_yaml, documented_fields
from groundeval.trainers.variants import with_flags

DOCS = Path(__file__).parents[2] / "docs" / "training.md"


def test_an_unknown_field_is_named_with_its_line_and_the_nearest_match(tmp_path: Path):
    path = recipe_file(tmp_path, {"num_doc": 3})
    with pytest.raises(DataError, match=r'line \d+: unknown field "num_doc". Did you mean "num_docs"'):
        read_recipe(str(path))


def test_an_unknown_field_of_a_stage_is_named_with_its_place(tmp_path: Path):
    with pytest.raises(DataError, match=r'unknown field "stages\[0\].reward". Did you mean "rewards"'):
        small_recipe(tmp_path, stage={"reward": "trust"})


def test_an_unknown_recipe_is_offered_the_nearest_shipped_one():
    with pytest.raises(UsageError, match='Did you mean "ground_grpo"'):
        read_recipe("ground_grop")


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"rewards": None}, "grpo needs `rewards`"),
        ({"trainer": "ppo"}, 'it must be "sft", "dpo" or "grpo"'),
        ({"mix": 0.5, "answerable": "only"}, "`mix` needs both kinds"),
        ({"data": [{"conversations": "chats.jsonl"}]}, "grpo needs tasks"),
        ({"data": [{"count": 3}]}, "give either a `task` or a file of `conversations`"),
        ({"mix": 1.5}, "less than 1"),
        ({"name": "../up"}, "a name is made of letters"),
    ],
)
def test_a_stage_that_makes_no_sense_is_refused_with_the_reason(tmp_path: Path, stage: dict, message: str):
    with pytest.raises(DataError, match=message):
        small_recipe(tmp_path, stage=stage)


def test_two_stages_of_one_name_are_refused(tmp_path: Path):
    stage = {"name": "a", "trainer": "sft", "data": "trust_asqa"}
    with pytest.raises(DataError, match='two stages are called "a"'):
        small_recipe(tmp_path, {"stages": [stage, stage]})


def test_a_stage_may_start_from_the_weights_of_any_stage_before_it(tmp_path: Path):
    plain = {"trainer": "sft", "data": "trust_asqa"}
    stages = [{"name": "a"}, {"name": "b"}, {"name": "c", "after": "a"}, {"name": "d", "after": "start"}]
    recipe = small_recipe(tmp_path, {"stages": [{**plain, **each} for each in stages]})
    before = [recipe.before(stage) for stage in recipe.stages]
    assert [each and each.name for each in before] == [None, "a", "a", None]


@pytest.mark.parametrize("after", ["b", "a", "sft"])
def test_a_stage_cannot_start_from_itself_a_later_or_an_unknown_one(tmp_path: Path, after: str):
    plain = {"trainer": "sft", "data": "trust_asqa"}
    with pytest.raises(DataError, match=f"stage a: `after: {after}` is no stage before it; allowed: start"):
        small_recipe(tmp_path, {"stages": [{**plain, "name": "a", "after": after}, {**plain, "name": "b"}]})


def test_a_stage_cannot_have_the_name_of_the_model_before_training(tmp_path: Path):
    with pytest.raises(DataError, match='a stage cannot be called "start"'):
        small_recipe(tmp_path, stage={"name": "start"})


def test_a_data_file_that_does_not_exist_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"gone\.json: no such file"):
        small_recipe(tmp_path, stage={"data": [{"task": "trust_asqa", "source": "gone.json"}]})


@pytest.mark.parametrize("name", ["x" * 5_000, "[1]" * 500, "a\0b"])
def test_a_name_that_no_file_can_have_is_none(tmp_path: Path, name: str):
    assert small_recipe(tmp_path, {"model": name}).model.path == name
    with pytest.raises(UsageError, match="no such file"):
        small_recipe(tmp_path, stage={"data": [{"task": "trust_asqa", "source": name}]})


def test_paths_are_relative_to_the_recipe(tmp_path: Path):
    (tmp_path / "train.json").write_text("[]")
    (tmp_path / "mine.yaml").write_text("")
    data = [{"task": "trust_asqa", "source": "train.json"}]
    recipe = small_recipe(tmp_path, stage={"data": data, "rewards": {"mine.yaml": 1.0}})
    assert recipe.stages[0].data[0].source == str(tmp_path / "train.json")
    assert list(recipe.stages[0].rewards) == [str(tmp_path / "mine.yaml")]


def test_a_folder_beside_the_recipe_is_not_taken_for_a_task_or_a_reward_of_that_name(tmp_path: Path):
    for name in ("trust_asqa", "trust"):
        (tmp_path / name).mkdir()
    stage = small_recipe(tmp_path, stage={"rewards": "trust"}).stages[0]
    assert (stage.data[0].task, list(stage.rewards)) == ("trust_asqa", ["trust"])


def test_a_description_of_several_lines_is_written_out_as_one_comment(tmp_path: Path):
    recipe = small_recipe(tmp_path, {"description": "one line\nand another"})
    (tmp_path / "full.yaml").write_text(as_yaml(recipe), "utf-8")
    assert read_recipe(str(tmp_path / "full.yaml")) == recipe


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_shipped_recipe_written_out_in_full_reads_as_the_same_recipe(name: str, tmp_path: Path):
    recipe = read_recipe(name)
    written = tmp_path / "full.yaml"
    written.write_text(as_yaml(recipe), "utf-8")
    assert read_recipe(str(written)) == recipe


def test_every_field_has_a_meaning_and_stands_in_the_documentation():
    assert [name for name, _, meaning in documented_fields() if not meaning] == []
    assert as_table() in DOCS.read_text("utf-8")


def test_the_papers_recipe_has_the_papers_settings():
    recipe = read_recipe("ground_grpo")
    one, two = recipe.stages
    assert [each.count for each in one.data] == [100, 100, 100]
    assert [each.count for each in two.data] == [1000, 1000, 1000]
    assert (one.answerable, two.mix) == ("only", 0.5)
    for stage in (one, two):
        wanted = {"num_generations": 8, "num_train_epochs": 4, "learning_rate": 1e-5, "lr_scheduler_type": "cosine"}
        assert stage.batch == 384
        assert {name: stage.trl[name] for name in wanted} == wanted
        assert stage.trl["warmup_steps"] == 0.1


def test_flags_change_model_data_verifier_and_overlap(tmp_path: Path):
    recipe = with_flags(
        read_recipe("ground_grpo"), model="smollm2", data={"*": "embedded"}, nli="lexical", overlap="drop"
    )
    assert recipe.model.path == "smollm2"
    assert {data.source for stage in recipe.stages for data in stage.data} == {"embedded"}
    assert (recipe.nli, recipe.overlap.questions, recipe.overlap.passages) == ("lexical", "drop", "drop")


def test_a_task_given_by_flag_replaces_the_recipes_tasks_and_keeps_the_count():
    recipe = with_flags(read_recipe("ground_grpo"), tasks=["trust_expertqa"])
    assert [(data.task, data.count) for data in recipe.stages[1].data] == [("trust_expertqa", 1000)]


def test_data_for_a_task_that_is_not_trained_on_is_a_slip():
    with pytest.raises(UsageError, match=r'unknown task of this recipe in --data "trust_asq".*trust_asqa'):
        with_flags(read_recipe("ground_grpo"), data={"trust_asq": "embedded"})


def test_a_list_of_tasks_that_holds_no_names_is_refused_by_field(tmp_path: Path):
    with pytest.raises(DataError, match=r"evaluate\.tasks"):
        small_recipe(tmp_path, {"evaluate": {"tasks": [{"trust_asqa": 5}]}})
