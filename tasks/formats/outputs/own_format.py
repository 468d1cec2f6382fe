"""Whether records are in groundeval's own format, in which nothing needs to be recognised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundeval.tasks.formats.field_path import FieldPath
from groundeval.tasks.formats.outputs.named import OWN, REFERENCES
from groundeval.tasks.formats.outputs.parts import Data
from groundeval.tasks.formats.outputs.prompts import has_passages
from groundeval.tasks.formats.outputs.sources import DOCUMENTS


def is_own(data: Data, paths: Mapping[str, FieldPath]) -> bool:
    """Whether a record is in groundeval's own format, or meant to be, so that its mistakes are reported as such."""
    if "question" not in {*data, *paths} or isinstance(data.get("question"), dict | list):
        return False
    if not data.keys() & {"question", "output"}:
        return False
    if data.get("docs") is None and has_passages(data):
        return False  # its documents stand in its prompt
    answers = data.get("answers")
    if _is_plain(data.get("docs")) or _is_plain(answers):
        return False
    has_lists = isinstance(answers, list) and all(isinstance(each, list) for each in answers)
    has_gold = has_lists or any(data.get(name) is not None for name in OWN)
    if "output" not in {*data, *paths}:
        # `answer` is a gold answer there, and must not be read as the output.
        return has_gold
    if isinstance(data.get("output"), dict):
        return False
    # With its own gold data a record is complete: a closed-book run has no documents, and may have other fields.
    elsewhere = {*REFERENCES} | ({*DOCUMENTS} - {"docs"} if data.get("docs") is None else set())
    return has_gold or not any(data.get(name) is not None for name in elsewhere)


def is_written_here(data: Data) -> bool:
    """Whether a record is complete in groundeval's own format: documents with texts, gold data, and an output.

    What a training run logs of its completions is so, whatever the fields of the task's own data are called.
    """
    docs = data.get("docs")
    texts = isinstance(docs, list) and all(isinstance(doc, dict) and isinstance(doc.get("text"), str) for doc in docs)
    return texts and isinstance(data.get("output"), str) and "id" in data and is_own(data, {})


def _is_plain(value: Any) -> bool:
    """Whether it is a text or a list of texts: cells of tables can be, documents in groundeval's own format cannot."""
    return isinstance(value, str) or (isinstance(value, list) and bool(value) and all(type(e) is str for e in value))
