"""Selection of the examples of a stage."""

from __future__ import annotations

from pathlib import Path

import pytest
from recipe_cases import small_recipe

from groundeval.errors import DataError
from groundeval.tasks import load_task
from groundeval.trainers.data.datasets import spread
from groundeval.trainers.data.selection import Hygiene, select
from groundeval.trainers.recipe_file import read_recipe

ALL = [{"task": "trust_asqa", "source": "embedded"}]


def selected(tmp_path: Path, stage: dict, changes: dict | None = None):
    recipe = small_recipe(tmp_path, {"num_docs": 5, **(changes or {})}, stage)
    return select(recipe, recipe.stages[0], Hygiene(recipe))[0]


def test_answerable_only_keeps_examples_whose_documents_hold_an_answer(tmp_path: Path):
    found = selected(tmp_path, {"data": ALL, "answerable": "only"})
    everything = selected(tmp_path, {"data": ALL})
    assert 0 < len(found.dataset.examples) < len(everything.dataset.examples)
    assert all(example.answerable for example in found.dataset.examples)


def test_a_mix_has_the_share_of_answerable_examples_that_was_asked_for(tmp_path: Path):
    found = selected(tmp_path, {"data": [{**ALL[0], "count": 4}], "mix": 0.5})
    assert (len(found.dataset.examples), found.answerable) == (4, 2)


def test_a_mix_without_count_takes_as_many_as_there_can_be(tmp_path: Path):
    everything = selected(tmp_path, {"data": ALL})
    rarer = min(everything.answerable, len(everything.dataset.examples) - everything.answerable)
    found = selected(tmp_path, {"data": ALL, "mix": 0.5})
    assert (len(found.dataset.examples), found.answerable) == (2 * rarer, rarer)


def test_examples_with_longer_prompts_are_left_out_and_counted(tmp_path: Path):
    source = ALL[0]

    def words(example) -> int:
        texts = [example.question, *(text for each in example.docs for text in (each.title, each.text))]
        return len(" ".join(texts).split())

    everything = selected(tmp_path, {"data": [source]}).dataset.examples
    middle = sorted(map(words, everything))[len(everything) // 2]
    kept = selected(tmp_path, {"data": [{**source, "longest": middle}]}).dataset.examples
    assert {each.id for each in kept} == {each.id for each in everything if words(each) <= middle}
    assert len(kept) < len(everything)
    with pytest.raises(DataError, match=rf"{len(everything)} more are longer"):
        selected(tmp_path, {"data": [{**source, "longest": 1}]})


def test_a_filter_that_leaves_too_few_is_refused_with_what_is_there(tmp_path: Path):
    with pytest.raises(DataError, match=r"passes \d examples where 50 are needed; there are \d answerable and"):
        selected(tmp_path, {"data": [{**ALL[0], "count": 50}], "answerable": "never"})


def test_a_mix_that_cannot_be_had_is_refused_with_what_is_there(tmp_path: Path):
    with pytest.raises(DataError, match=r"`mix: 0.9` needs 45 answerable and 5 unanswerable, but there are"):
        selected(tmp_path, {"data": [{**ALL[0], "count": 50}], "mix": 0.9})


def test_another_seed_chooses_other_examples_and_the_same_seed_the_same(tmp_path: Path):
    stage = {"data": [{**ALL[0], "count": 3}]}
    chosen = [
        [example.id for example in selected(tmp_path, stage, {"seed": seed}).dataset.examples] for seed in (1, 1, 2, 3)
    ]
    assert chosen[0] == chosen[1]
    assert chosen[2] != chosen[0] or chosen[3] != chosen[0]


def test_a_stage_may_have_a_seed_of_its_own(tmp_path: Path):
    stage = {"data": ALL}
    own = selected(tmp_path, {**stage, "seed": 3}).dataset.examples
    assert own == selected(tmp_path, stage, {"seed": 3}).dataset.examples
    assert own != selected(tmp_path, stage).dataset.examples


def test_every_step_of_a_mix_has_its_share_of_every_kind():
    kinds = [*"aaaaaa", *"bbbbbb"]
    rows = [{"kind": kind, "place": place} for place, kind in enumerate(kinds)]
    found = spread(rows, kinds)
    assert all({row["kind"] for row in found[at : at + 2]} == {"a", "b"} for at in range(0, 12, 2))
    assert [row["place"] for row in found if row["kind"] == "b"] == [6, 7, 8, 9, 10, 11]
    assert [row["kind"] for row in spread(rows[:8], kinds[:8])].index("b") == 2  # of six and two: third, and then last


def test_two_stages_on_two_splits_of_a_task_train_on_different_examples(tmp_path: Path):
    data = {"task": "trust_asqa", "source": "embedded"}
    stages = [{"name": split, "trainer": "sft", "data": [{**data, "split": split}]} for split in ("train", "test")]
    overlap = {"against": [], "questions": "report", "passages": "report"}
    recipe = small_recipe(tmp_path, {"num_docs": 5, "overlap": overlap, "stages": stages})
    hygiene = Hygiene(recipe)
    chosen = [select(recipe, stage, hygiene)[0].dataset.examples for stage in recipe.stages]
    train, test = ({example.question for example in examples} for examples in chosen)
    assert train
    assert test
    assert not train & test


def test_a_file_of_conversations_is_read_whole_where_an_earlier_stage_takes_only_its_beginning(tmp_path: Path):
    import json

    rows = [{"prompt": f"Question: what is number {number}?", "completion": "A number."} for number in range(5)]
    (tmp_path / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    stages = [
        {"name": "first", "trainer": "sft", "data": [{"conversations": "chats.jsonl", "count": 2}]},
        {"name": "second", "trainer": "sft", "data": [{"conversations": "chats.jsonl"}]},
    ]
    recipe = small_recipe(tmp_path, {"stages": stages})
    hygiene = Hygiene(recipe)
    kept = [sorted(hygiene.kept_conversations(stage.data[0])) for stage in recipe.stages]
    assert kept == [[0, 1], [0, 1, 2, 3, 4]]


def test_training_on_what_is_evaluated_is_refused(tmp_path: Path):
    stage = {"data": [{**ALL[0], "split": "test"}]}
    with pytest.raises(DataError, match="overlaps with evaluation data"):
        selected(tmp_path, stage)


def test_overlapping_examples_are_left_out_where_the_recipe_says_drop(tmp_path: Path):
    stage = {"data": [{**ALL[0], "split": "test"}]}
    overlap = {"against": ["embedded"], "questions": "drop", "passages": "drop"}
    with pytest.raises(DataError, match=r"passes 0 examples .*\(\d+ more overlap with evaluation data\)"):
        selected(tmp_path, stage, {"overlap": overlap})


def test_gold_answers_are_located_in_documents_that_do_not_say_what_they_hold(tmp_path: Path):
    import json

    record = {
        "question": "Who painted it?",
        "answers": [["Vermeer"]],
        "docs": [{"title": "", "text": "It is by Vermeer."}, {"title": "", "text": "Nobody knows."}],
    }
    (tmp_path / "train.json").write_text(json.dumps([record]))
    found = selected(tmp_path, {"data": [{"task": "trust_asqa", "source": "train.json"}], "answerable": "only"})
    assert [document.answers_found for document in found.dataset.examples[0].docs or ()] == [(1,), (0,)]


EXAMPLES = Path(__file__).parents[2] / "examples" / "learning"
SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "rageval_asqa").is_dir(), reason="needs ../shared/data")
def test_the_learning_recipe_trains_on_no_question_that_it_holds_out():
    recipe = read_recipe(str(EXAMPLES / "smollm2.yaml"))
    hygiene = Hygiene(recipe)
    asked = {
        example.question
        for stage in recipe.stages
        for each in select(recipe, stage, hygiene)
        for example in each.dataset.examples
    }
    held_out = {example.question for task in recipe.evaluate.tasks for example in load_task(task).load().examples}
    assert len(held_out) >= 100
    assert len(asked) >= 150
    assert not asked & held_out
