"""The tasks of `examples/`, with the public data that they are made for."""

from __future__ import annotations

from pathlib import Path

import pytest

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
