"""The parts of a record whose answer and documents have been found: with them goes the question, wherever it stands."""

from __future__ import annotations

from groundeval.tasks.formats.outputs.conversations import question_in
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts
from groundeval.tasks.formats.outputs.sources import Sources


def answered(data: Data, output: Part, sources: Sources, name: str) -> Parts:
    """The output, the question of the record or of its request, and the documents, `name`d after their field."""
    parts: Parts = {"output": output}
    question = question_in(data) or question_in(data.get("request") or data.get("body") or {})
    if question is not None:
        parts["question"] = question
    if sources.all:
        parts["docs"] = sources.part(name)
    return parts
