"""Targets of SFT and DPO on tasks: reference responses built from gold data, and worse responses."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from groundeval.parsing.citations import citations, remove_citations
from groundeval.parsing.refusal import REFUSAL
from groundeval.parsing.statements import list_items, sentences
from groundeval.records import Example
from groundeval.tasks import Task
from groundeval.tasks.reference import cited, reference_response


def reference_target(example: Example, task: Task, *, tagged: bool) -> str:
    """The reference response of an example; `tagged`: with a line of reasoning, both in their tags."""
    response = _reference(example, task)
    return in_tags(reasoning(example), response) if tagged else response


def worse_target(example: Example, task: Task, *, tagged: bool) -> str | None:
    """A response to the same example that is wrong by construction; None if none can be built.

    If the documents answer, it refuses, or gives the reference statements with citations of documents that hold no
    answer (chosen by the example's id). If they do not, it states what the first document says. Its line of reasoning
    has the form of the reference's, so that the two differ only in their claims.
    """
    response = _worse(example, task)
    if response is None or not tagged:
        return response
    return in_tags(_reasoning(sorted({index + 1 for index in citations(response)})), response)


def _worse(example: Example, task: Task) -> str | None:
    docs = example.docs or ()
    if not docs:
        return None
    if not example.answerable:
        return cited(sentences(docs[0].text)[0], 0) if docs[0].text.strip() else None
    empty = [place for place, document in enumerate(docs) if not any(document.answers_found or ())]
    refuse = hashlib.sha256(example.id.encode("utf-8", "surrogatepass")).digest()[0] % 2 == 0
    if refuse or not empty:
        return REFUSAL
    honest = _reference(example, task)
    if task.kind == "list":
        return ", ".join(cited(remove_citations(item).strip(" ."), empty[0]) for item in list_items(honest)) + "."
    return " ".join(cited(each, empty[0]) if citations(each) else each for each in sentences(honest))


def _reference(example: Example, task: Task) -> str:
    """The reference response for the documents in the prompt, since the data's own may cite others."""
    beyond = any(not 0 <= index < len(example.docs or ()) for index in citations(example.response or ""))
    return reference_response(replace(example, response=None) if beyond else example, task.kind)


def in_tags(thoughts: str, response: str) -> str:
    """The text in the form that the format reward requires: one think block, then one answer block."""
    return f"<think>\n{thoughts}\n</think>\n<answer>\n{response}\n</answer>"


def reasoning(example: Example) -> str:
    """One true sentence about the documents, from which the decision to answer or to refuse follows."""
    return _reasoning([n for n, document in enumerate(example.docs or (), 1) if any(document.answers_found or ())])


def _reasoning(holding: Sequence[int]) -> str:
    if not holding:
        return "None of the documents holds an answer to the question, so I have to say that I found none."
    named = " and ".join(f"[{number}]" for number in holding)
    verb, noun = ("hold", "documents") if len(holding) > 1 else ("holds", "document")
    return f"The {noun} {named} {verb} an answer to the question, so I can answer it from there."
