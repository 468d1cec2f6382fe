"""Texts in the forms in which tools write them: strings, blocks, messages, cells that hold JSON."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from groundeval.tasks.formats.outputs.parts import Data, Misfit, Part

QUESTIONS = (
    "question", "user_input", "query", "input", "user_query", "main_input", "user_question", "prompt", "request",
)  # fmt: skip
"""Fields that hold the question, the more specific first."""

_TEXTS = (
    "text",
    "content",
    "value",
    "response",
    "answer",
    "result",
    "output",
    "output_text",
    "query",
    "question",
    "parts",
)


TEXTS = (
    "text", "page_content", "content", "snippet", "passage", "chunk", "body", "contents", "data", "document", "quote",
    "passage_text", "chunk_text", "content_text", "document_content", "document_text", "fact_text", "page_snippet",
    "segment", "snippets", "sentences", "sentence", "excerpt", "highlight", "description",
)  # fmt: skip
"""Fields of a document that hold its text, in snake case."""


def text_of(value: Any) -> str | None:
    """A string, the text of a block or message, or the texts of a list of blocks one after the other; else None."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return next((text for name in _TEXTS if (text := text_of(value.get(name))) is not None), None)
    if isinstance(value, list) and value:
        texts = [text_of(each) for each in value if not isinstance(each, Mapping) or is_text(each)]
        return "".join(each for each in texts if each) if any(each is not None for each in texts) else None
    return None


def string_of(part: Part) -> str:
    """The text of a part. Raises Misfit where it has none."""
    text = text_of(part.value)
    if text is None:
        raise Misfit(part.field, part.value, "a string, or a message or block with a text")
    return text


def is_text(block: Data) -> bool:
    """Whether a block of a message is text of the answer: a tool call or a document is not."""
    return block.get("type", "text") in ("text", "input_text", "output_text", "message")


def decoded(value: Any) -> Any:
    """A value that a cell of a table holds as text: JSON, or a Python literal; anything else unchanged."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{", "("):
        return value
    for read in (lambda text: json.loads(text, strict=False), ast.literal_eval):
        try:
            found = read(value.strip())
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        return list(found) if isinstance(found, tuple) else found
    return value
