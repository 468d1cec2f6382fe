"""Records whose fields have the usual names: tables, JSON lines, and the tools that write nothing else."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from groundeval.tasks.formats.outputs.conversations import last_answer, question_in
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, Shape, first_of
from groundeval.tasks.formats.outputs.roles import are_ids
from groundeval.tasks.formats.outputs.sources import DOCUMENTS, documents_from
from groundeval.tasks.formats.outputs.texts import QUESTIONS, text_of

OUTPUTS = (
    "output", "response", "actual_output", "prediction", "generated_answer", "model_answer", "model_output",
    "model_response", "llm_answer", "generation", "generated_text", "completion", "answer", "result", "output_text",
    "main_output", "text",
)  # fmt: skip
REFERENCES = (
    "ground_truth", "ground_truths", "reference", "references", "reference_answer", "reference_answers",
    "expected_output", "expected_answer", "expected", "gold", "gold_answer", "gold_answers", "target", "targets",
    "correct_answer", "answers",
)  # fmt: skip
IDS = ("id", "sample_id", "record_id", "custom_id", "trace_id", "question_id", "qid", "uid")
OWN = ("claims", "qa_pairs", "annotations")
"""Gold data of groundeval's own format, used unchanged."""


def named_parts(data: Data, used: Collection[str] = ()) -> Parts:
    """The parts that a record has under the usual names, except fields that are already used. Raises `Misfit`."""
    free = {name: value for name, value in data.items() if name not in used}
    parts: Parts = {}
    question = question_in(free)
    if question is not None:
        parts["question"] = question
    asked = "" if question is None else question.field.partition(".")[0]
    said = first_of({name: value for name, value in free.items() if name != asked and _may_be_said(value)}, *OUTPUTS)
    last = last_answer(free.get("messages")) if said is None else None
    if last is not None:
        said = Part(text_of(last), "messages")
    if said is not None and said.field != "answer" and isinstance(free.get("answer"), str | list):
        # Beside a field that says it is the model's, as data sets call their gold answers.
        parts["reference"] = Part(free["answer"], "answer")
    if said is not None:
        text = text_of(said.value)
        parts["output"] = Part(said.value if text is None else text, said.field)
    found = first_of({name: value for name, value in free.items() if not _names_nothing(value)}, *DOCUMENTS)
    if found is not None:
        parts["docs"] = Part(documents_from(found.value, found.field), found.field)
    reference = first_of(free, *REFERENCES)
    if reference is not None:
        parts["reference"] = reference
    identifier = first_of(free, *IDS)
    if identifier is not None:
        parts["id"] = identifier
    return parts | {name: Part(free[name], name) for name in OWN if free.get(name) is not None}


def _may_be_said(value: object) -> bool:
    """Whether it is a text, or a wrong value to be reported; not an object that holds the output somewhere inside."""
    return not isinstance(value, dict | list) or text_of(value) is not None


def _names_nothing(value: object) -> bool:
    """Whether it is a list of numbers (tokens, scores or positions) or an object of ids: they are no documents."""
    if isinstance(value, Mapping):
        return are_ids(value)
    return isinstance(value, list) and bool(value) and all(isinstance(each, int | float) for each in value)


def shape_with(name: str, *fields: tuple[str, ...]) -> Shape:
    """A shape that a record has which has all the fields of one of these tuples."""
    return Shape(name, lambda data: any(all(field in data for field in each) for each in fields), named_parts)


def _has_a_text(data: Data) -> bool:
    """Whether it has a question or an output, a text under one of the usual names."""
    return any(text_of(data.get(name)) is not None for name in OUTPUTS) or any(
        isinstance(data.get(name), str) for name in QUESTIONS
    )


RAGAS = shape_with(
    "ragas", ("user_input", "response"), ("question", "answer", "contexts"), ("question", "answer", "ground_truth")
)
DEEPEVAL = shape_with("DeepEval", ("input", "actual_output"))
TABLE = Shape("plain fields", _has_a_text, named_parts)
