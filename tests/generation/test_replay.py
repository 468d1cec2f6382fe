from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from groundeval.errors import DataError, UsageError
from groundeval.generation.interface import GENERATORS, Completion, Generator, SamplingParams
from groundeval.generation.prompts import PromptTemplate, render_prompt
from groundeval.models.options import GeneratorOptions
from groundeval.records import Document, Example, Prompt

TEMPLATE = PromptTemplate("test", "Answer.")
PROMPTS = [
    render_prompt(
        Example(name, question, docs=(Document("T", "text"),)),
        TEMPLATE,
        num_docs=1,
        demonstrations=(Example("d", "Who asks?", docs=(Document("T", "x"),), response="He [1]."),),
        num_fewshot=1,
    )
    for name, question in (("a", "What is it: a bird?"), ("b", "Two\nlines \ud800 of question?"))
]

Replay = Callable[[Any], Generator]


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    def made(content: Any, **model_args: str) -> Generator:
        path = tmp_path / "outputs.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return GENERATORS.get("replay")(GeneratorOptions(str(path), model_args=model_args))

    return made


def outputs(generator: Generator, prompts: list[Prompt] = PROMPTS) -> list[str | None]:
    return [None if c.error else c.text for c in generator.generate(prompts, SamplingParams())]


@pytest.mark.parametrize(
    "content",
    [
        [{"id": "b", "output": "B"}, {"id": "a", "output": "A"}],
        {"data": [{"id": "b", "output": "B"}, {"id": "a", "output": "A"}], "args": {}},
        '{"id": "b", "output": "B"}\n\n{"id": "a", "output": "A"}\n',
        [
            {"question": "Two\nlines \ud800 of question?", "output": "B"},
            {"question": "What is it: a bird?", "output": "A"},
        ],
        [{"id": "other 1", "question": "What is it: a bird?", "output": "A"}, {"id": "b", "output": "B"}],
    ],
)
def test_outputs_are_matched_by_id_and_else_by_question(replay: Replay, content: Any) -> None:
    assert outputs(replay(content)) == ["A", "B"]


def test_a_demonstrations_question_is_not_taken_for_the_samples_own(replay: Replay) -> None:
    content = [{"question": "Who asks?", "output": "no"}, {"question": "What is it: a bird?", "output": "A"}]
    assert outputs(replay(content), PROMPTS[:1]) == ["A"]


def test_a_sample_without_output_gets_an_error_and_no_text(replay: Replay) -> None:
    [first, second] = replay([{"id": "a", "output": "A"}]).generate(PROMPTS, SamplingParams())
    assert first == Completion("a", "A")
    assert second.error is not None
    assert "no output for this sample" in second.error


def test_an_empty_output_is_a_text(replay: Replay) -> None:
    [completion] = replay([{"id": "a", "output": ""}]).generate(PROMPTS[:1], SamplingParams())
    assert completion == Completion("a", "")


def test_generations_of_a_run_are_read_with_what_the_template_had_begun(replay: Replay) -> None:
    content = [
        {"id": "a", "raw": "", "status": "error", "error": "lost"},
        {"id": "a", "raw": "x</think>A", "prefill": "<think>", "status": "ok", "finish_reason": "stop"},
        {"id": "b", "raw": "", "status": "error", "error": "server down"},
    ]
    [first, second] = replay(content).generate(PROMPTS, SamplingParams())
    assert first == Completion("a", "<think>x</think>A", "stop")
    assert second.error == "server down"


def test_another_field_can_hold_the_text(replay: Replay) -> None:
    assert outputs(replay([{"id": "a", "answer": "A"}], output_field="answer"), PROMPTS[:1]) == ["A"]  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("nonsense", "is not JSON"),
        ('[{"id": "a", "output": "A"}', "is cut off"),
        ('{"id": "a", "output": "A"}\n{"id": "b", "outp', "cut off: record 2"),
        ('{"id": "a", "output": "A"}\noops\n{"id": "b", "output": "B"}\n', "not JSON: record 2"),
        ([], "no records"),
        (3, "must be a list of records"),
        ([["a"]], "record 1: it is .* must be an object"),
        ([{"output": "A"}], 'record 1: has neither "id" nor "question"'),
        ([{"id": "a", "question": "q"}], 'record 1.*field "raw" or "output" is missing'),
        ([{"id": "a", "output": None}, {"id": "b", "output": 3}], 'record 2: field "output" is 3, must be text'),
        ('[{"id": "a", "output": NaN}]', 'record 1: field "output" is nan'),
        ([{"id": ["a"], "output": "A"}], 'field "id" is'),
        ([{"question": 3, "output": "A"}], 'field "question" is 3'),
        ([{"id": "a", "output": "A"}, {"id": "a", "output": "B"}], 'records 1 and 2: both have the id "a"'),
        ([{"question": "q", "output": "A"}, {"question": "q", "output": "B"}], "records 1 and 2: the same question"),
    ],
)
def test_a_wrong_file_is_refused_before_anything_is_generated(replay: Replay, content: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        replay(content).identity()


def test_a_missing_file_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"nowhere\.json': no such file"):
        GENERATORS.get("replay")(GeneratorOptions("nowhere.json")).load()


def test_an_unknown_argument_is_refused_with_the_nearest_match() -> None:
    with pytest.raises(UsageError, match='Did you mean "output_field"'):
        GENERATORS.get("replay")(GeneratorOptions("x", model_args={"output_feild": "y"}))


def test_the_identity_is_that_of_the_content(replay: Replay) -> None:
    one = replay([{"id": "a", "output": "A"}]).identity()
    other = replay([{"id": "a", "output": "B"}]).identity()
    assert one["content_sha256"] != other["content_sha256"]
