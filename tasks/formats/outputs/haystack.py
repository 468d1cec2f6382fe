"""Haystack: results of pipelines whose answers hold the documents that they are based on."""

from __future__ import annotations

from groundeval.tasks.formats.outputs.named import named_parts
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, Shape, at, first_of, within
from groundeval.tasks.formats.outputs.sources import documents_from
from groundeval.tasks.formats.outputs.texts import text_of


def _generates(data: Data) -> bool:
    answer = at(data, "answers", 0) or at(data, "answer_builder", "answers", 0)
    return isinstance(answer, dict) and ("data" in answer or "answer" in answer) and "documents" in answer


def _fits(data: Data) -> bool:
    return within(data, _generates) is not None


def _parts(data: Data) -> Parts:
    found = within(data, _generates)
    assert found is not None
    answer = at(found[0], "answers", 0) or at(found[0], "answer_builder", "answers", 0)
    said = first_of(answer, "data", "answer")
    parts = named_parts({name: value for name, value in data.items() if name != "answers"})
    if said is not None:
        parts["output"] = Part(text_of(said.value), f"answers[0].{said.field}")
    if "question" not in parts and isinstance(answer.get("query"), str):
        parts["question"] = Part(answer["query"], "answers[0].query")
    return parts | {"docs": Part(documents_from(answer["documents"], "answers[0].documents"), "answers[0].documents")}


SHAPE = Shape("Haystack", _fits, _parts)
