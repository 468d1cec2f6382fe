"""Training data against evaluation data."""

from __future__ import annotations

import pytest

from groundeval.errors import DataError
from groundeval.records import Document, Example
from groundeval.tasks import TASKS, load_task
from groundeval.trainers.data.overlap import EvaluationTexts, OverlapReport, evaluation_texts, without_overlap

PASSAGE = "The lighthouse of Alexandria was built under Ptolemy II and stood on the island of Pharos for centuries."


def example(name: str, question: str, *passages: str) -> Example:
    return Example(name, question, docs=tuple(Document("", passage) for passage in passages))


def index_of(*examples: Example, ngram: int = 8, share: float = 0.5) -> EvaluationTexts:
    index = EvaluationTexts(ngram, share, num_docs=5)
    index.add("held out", examples)
    return index


def cleaned(examples: list[Example], index: EvaluationTexts, **actions: str) -> tuple[tuple[str, ...], OverlapReport]:
    report = OverlapReport(index.ngram, index.share, index.sets, index.missing)
    chosen = {"questions": "refuse", "passages": "refuse", **actions}
    kept = without_overlap("train.json", examples, index, chosen, report)  # type: ignore[arg-type]
    return tuple(each.id for each in kept), report


def test_the_same_question_is_refused_and_shown():
    index = index_of(example("e7", "Who built the lighthouse of Alexandria?"))
    with pytest.raises(DataError, match=r'question of example t1, 100% of it in held out, example e7: "who built THE'):
        cleaned([example("t1", "who built THE lighthouse of Alexandria")], index)


def test_a_question_that_shares_only_a_few_words_passes():
    index = index_of(example("e", "Who built the lighthouse of Alexandria?"))
    assert cleaned([example("t", "Who built the lighthouse of Genoa?")], index)[0] == ("t",)


def test_a_passage_of_which_half_is_in_an_evaluation_passage_overlaps():
    index = index_of(example("e", "What stood on Pharos?", PASSAGE))
    longer = f"{PASSAGE} Sailors saw it from far away."
    with pytest.raises(DataError, match="passage of example t"):
        cleaned([example("t", "Which island is Pharos?", longer)], index)
    much_longer = f"{PASSAGE} " + " ".join(f"word{number}" for number in range(60))
    assert cleaned([example("t", "Which island is Pharos?", much_longer)], index)[0] == ("t",)


def test_drop_leaves_the_examples_out_and_the_report_counts_them():
    index = index_of(example("e", "What stood on Pharos?", PASSAGE))
    training = [example("t1", "Which island?", PASSAGE), example("t2", "Which sea?", "The sea is wide.")]
    kept, report = cleaned(training, index, passages="drop")
    assert kept == ("t2",)
    assert report.dropped == {"train.json": 1}
    assert report.as_dict()["hits"]["train.json"][0]["example"] == "t1"


def test_only_documents_that_prompts_show_count():
    index = EvaluationTexts(8, 0.5, num_docs=1)
    index.add("held out", [example("e", "What stood on Pharos?", "The sea is wide.", PASSAGE)])
    assert cleaned([example("t", "Which island?", PASSAGE)], index)[0] == ("t",)


def test_report_keeps_the_examples_and_names_them():
    index = index_of(example("e", "What stood on Pharos?", PASSAGE))
    kept, report = cleaned([example("t", "Which island?", PASSAGE)], index, passages="report")
    assert kept == ("t",)
    assert len(report.hits["train.json"]) == 1


def test_a_text_without_words_overlaps_with_nothing():
    assert cleaned([example("t", "???", "")], index_of(example("e", "???", "")))[0] == ("t",)


def test_the_embedded_training_data_does_not_overlap_with_the_embedded_test_data():
    index = evaluation_texts(["embedded"], {}, ngram=8, share=0.5, num_docs=5)
    names = [name for name in TASKS.names() if name.startswith("trust_")]
    assert len(index.sets) >= 4
    for name in names:
        examples = list(load_task(name).load("embedded", "train").examples)
        assert len(cleaned(examples, index)[0]) == len(examples)


def test_the_test_data_of_what_is_evaluated_always_counts():
    held_out = load_task("trust_asqa").load("embedded", "test")
    index = evaluation_texts([], {"trust_asqa": held_out}, ngram=8, share=0.5, num_docs=5)
    with pytest.raises(DataError, match="overlaps with evaluation data"):
        cleaned(list(held_out.examples), index)
