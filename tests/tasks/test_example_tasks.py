"""The tasks of `examples/`, with the public data that they are made for."""

from __future__ import annotations

from pathlib import Path

import pytest

import groundeval
from groundeval.errors import UsageError
from groundeval.tasks import load_task

EXAMPLES = Path(__file__).parents[2] / "examples"
SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.skipif(not SHARED.is_dir(), reason="the public data is not here")
def test_the_clapnq_example_mixes_answerable_and_unanswerable_questions() -> None:
    dataset = load_task(EXAMPLES / "clapnq.yaml").load()
    assert len(dataset.examples) == 40
    assert [example.answerable for example in dataset.examples] == [True] * 20 + [False] * 20
    assert all(len(example.docs or ()) == 5 for example in dataset.examples)
    for example in dataset.examples[:20]:
        assert sum(any(document.answers_found or ()) for document in example.docs or ()) == 1
    assert (
        len(
            {
                example.docs.index(next(d for d in example.docs if any(d.answers_found or ())))
                for example in dataset.examples[:20]
                if example.docs
            }
        )
        == 5
    )
    assert dataset.sha256 == load_task(EXAMPLES / "clapnq.yaml").load().sha256


@pytest.mark.skipif(not SHARED.is_dir(), reason="the public data is not here")
@pytest.mark.parametrize(("name", "count"), [("qa_feedback", 500), ("expertqa", 219)])
def test_the_other_examples_load(name: str, count: int) -> None:
    task = load_task(EXAMPLES / f"{name}.yaml")
    examples = task.load().examples
    assert len(examples) == count
    assert all(example.claims and "[1]" not in " ".join(example.claims) for example in examples)
    assert len(task.demonstrations()) == 4


OWN = {"lighthouses": ("em", 4), "orchards": ("list", 3), "bridges": ("claims", 4)}
"""The examples that come with their data: kind and number of questions."""


@pytest.mark.parametrize("name", OWN)
def test_an_example_of_each_kind_comes_with_its_data_and_is_sound(name: str) -> None:
    task = load_task(EXAMPLES / f"{name}.yaml")
    assert (task.kind, len(task.load().examples)) == OWN[name]
    assert not all(example.answers or example.claims for example in task.load().examples)
    assert task.demonstrations()
    report = groundeval.validate(task, nli="lexical")
    assert report.passed, report


@pytest.mark.parametrize("name", ["clapnq", "qa_feedback", "expertqa"])
def test_an_example_without_its_data_says_where_it_is_downloaded(name: str, tmp_path: Path) -> None:
    copy = tmp_path / "a" / "b" / "c" / "task.yaml"
    copy.parent.mkdir(parents=True)
    copy.write_text((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"does not exist.*\n  Download it: https://github\.com/"):
        load_task(copy).load()


@pytest.mark.parametrize(("name", "cited"), [("asqa_cited", True), ("asqa_uncited", False)])
def test_the_example_outputs_can_be_scored_and_compared(name: str, cited: bool) -> None:
    [result] = groundeval.score(EXAMPLES / f"{name}.jsonl", "asqa", nli="lexical")
    assert result.results.n == 6
    assert bool(result.results.metrics["citation_rec"].value) == cited
