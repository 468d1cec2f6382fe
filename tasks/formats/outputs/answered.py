"""The parts of a record whose answer and documents have been found: with them goes the question, wherever it stands."""

from __future__ import annotations

from groundeval.tasks.formats.outputs.conversations import question_in
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, requests_in
from groundeval.tasks.formats.outputs.sources import Sources


def answered(data: Data, output: Part, sources: Sources, name: str) -> Parts:
    """The output, the question of the record or of its request, and the documents, `name`d after their field."""
    parts: Parts = {"output": output}
    question = question_in(data) or _requested(data)
    if question is not None:
        parts["question"] = question
    if sources.all:
        parts["docs"] = sources.part(name)
    return parts


def _requested(data: Data) -> Part | None:
    """The question in a request that a log keeps beside the answer."""
    for request, name in requests_in(data):
        found = question_in(request)
        if found is not None:
            return Part(found.value, f"{name}.{found.field}")
    return None
