"""Ready-made training data in TRL's format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from recipe_cases import small_recipe

from groundeval.errors import DataError
from groundeval.tasks import load_task
from groundeval.trainers.data.conversations import read_imitations, read_preferences
from groundeval.trainers.data.selection import Hygiene, select

USER = {"role": "user", "content": "Which?"}


def file_of(folder: Path, *records: Any) -> Path:
    path = folder / "chats.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": [USER], "completion": [assistant("That [1].")]},
        {"prompt": "Which?", "completion": "That [1]."},
        {"messages": [USER, assistant("That [1].")]},
    ],
)
def test_all_forms_of_a_conversation_say_the_same(tmp_path: Path, record: dict):
    [found] = read_imitations(file_of(tmp_path, record))
    assert (found.prompt, found.completion) == ([USER], "That [1].")


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": [USER], "chosen": [assistant("yes")], "rejected": [assistant("no")]},
        {"prompt": "Which?", "chosen": "yes", "rejected": "no"},
        {"chosen": [USER, assistant("yes")], "rejected": [USER, assistant("no")]},
    ],
)
def test_all_forms_of_a_preference_say_the_same(tmp_path: Path, record: dict):
    [found] = read_preferences(file_of(tmp_path, record))
    assert (found.prompt, found.chosen, found.rejected) == ([USER], "yes", "no")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"prompt": "Which?"}, r'record 1: field "completion" is missing'),
        ({"messages": [USER]}, r'"messages\[-1\].role" is .user.*; it must be "assistant"'),
        ({"messages": "hello"}, 'field "messages" is .hello.*; it must be a text, or a list of messages'),
        ({"prompt": [{"role": "user"}], "completion": "x"}, r'field "prompt\[0\]" is'),
    ],
)
def test_a_wrong_record_is_named_with_what_is_allowed(tmp_path: Path, record: dict, message: str):
    with pytest.raises(DataError, match=message):
        read_imitations(file_of(tmp_path, record))


def test_fewer_conversations_than_asked_for_are_an_error(tmp_path: Path):
    with pytest.raises(DataError, match=r"3 records are required \(`count`\), but it has 1"):
        read_imitations(file_of(tmp_path, {"prompt": "a", "completion": "b"}), 3)


def test_a_conversation_about_an_evaluation_question_is_refused_and_can_be_dropped(tmp_path: Path):
    held_out = load_task("trust_asqa").load("embedded").examples[0]
    leaked = {"prompt": f"Documents: none\nQuestion: {held_out.question}\nAnswer:", "completion": "x"}
    file_of(tmp_path, {"prompt": "What is new under the sun?", "completion": "y"}, leaked)
    stage = {"trainer": "sft", "rewards": None, "batch": None, "trl": {}, "data": [{"conversations": "chats.jsonl"}]}
    recipe = small_recipe(tmp_path, stage=stage)
    with pytest.raises(DataError, match="question of example 1, 100% of it in asqa"):
        select(recipe, recipe.stages[0], Hygiene(recipe))
    lenient = recipe.model_copy(update={"overlap": recipe.overlap.model_copy(update={"questions": "drop"})})
    assert Hygiene(lenient).kept_conversations(lenient.stages[0].data[0]) == {0}
