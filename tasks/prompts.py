"""The instructions of the built-in tasks."""

from __future__ import annotations

from groundeval.generation.prompts import PromptTemplate
from groundeval.parsing.refusal import REFUSAL

_LONG = (
    "Answer the question in a few accurate and fluent sentences, using nothing but the documents given. After each "
    "statement, before its full stop, name the documents that support it by their numbers in square brackets, like "
    "[1] or [1][2]. Name at least one document for every statement and at most three, and only those that are needed. "
    "Ignore documents that do not help."
)
_LIST = (
    "Answer the question with a list: all the answers that the documents given contain, separated by commas and "
    "nothing else. After each answer name the documents that support it by their numbers in square brackets, like "
    "[1] or [1][2], and only those that are needed. Write no sentences. Ignore documents that do not help."
)
_REFUSE = f"If none of the documents holds an answer, write exactly this sentence and nothing more: {REFUSAL}"
_LONG_CLOSED = "Answer the question in a few accurate and fluent sentences from what you know. Write no citations."
_LIST_CLOSED = "Answer the question with a list of all answers that you know, separated by commas and nothing else."

CITED_ANSWER = PromptTemplate("cited_answer", _LONG, closed_book=_LONG_CLOSED)
"""Sentences with citations (ALCE protocol)."""

CITED_LIST = PromptTemplate("cited_list", _LIST, closed_book=_LIST_CLOSED)
"""A comma-separated list with citations (ALCE protocol, QAMPARI)."""

TRUST_ANSWER = PromptTemplate("trust_answer", f"{_LONG} {_REFUSE}", closed_book=_LONG_CLOSED)
"""Sentences with citations, or the refusal (Trust-Score protocol)."""

TRUST_LIST = PromptTemplate("trust_list", f"{_LIST} {_REFUSE}", closed_book=_LIST_CLOSED)
"""A comma-separated list with citations, or the refusal (Trust-Score protocol)."""

PROMPTS = {template.name: template for template in (CITED_ANSWER, CITED_LIST, TRUST_ANSWER, TRUST_LIST)}
"""By name, for YAML tasks."""
