"""Guesses from the words of a field's name which part of a record it holds, whatever the case and separators."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_FILLING = frozenset({
    "text", "content", "value", "raw", "string", "str", "message", "messages", "texts", "turns", "info", "body", "json",
})  # fmt: skip
"""Last words that say nothing: `answerText` is an answer, `input.value` an input."""
_ASKED = {
    "question": 0, "query": 0, "utterance": 0, "input": 1, "inputs": 1, "instruction": 2, "topic": 2, "narrative": 2,
    "problem": 2, "q": 2, "prompt": 3, "request": 3, "user": 4,
}  # fmt: skip
_SAID = {
    "output": 0, "response": 0, "prediction": 0, "pred": 0, "answer": 1, "completion": 1, "completions": 1,
    "generation": 1, "generated": 1, "generative": 1, "reply": 1, "replies": 1, "outputs": 1, "responses": 1,
    "result": 2, "summary": 2, "resps": 2, "sampled": 2, "candidate": 2, "a": 3,
}  # fmt: skip
_SHOWN = {
    "documents": 0, "docs": 0, "contexts": 0, "passages": 0, "chunks": 0, "context": 1, "retrieved": 1, "retrieval": 1,
    "nodes": 1, "sources": 1, "snippets": 1, "evidence": 1, "evidences": 1, "ctxs": 1, "ctx": 1,
    "document": 1, "passage": 1, "resources": 2, "facts": 2,
    "attributions": 2, "citations": 2, "references": 3, "results": 3, "contents": 3, "hits": 3, "candidates": 3,
}  # fmt: skip
"""By word, how surely a field of that name is meant: 0 before 1."""
_GOLD = frozenset({
    "gold", "golden", "ground", "gt", "truth", "expected", "expectations", "reference", "references", "ideal",
    "correct", "best", "target",
})  # fmt: skip
_UNSURE = 10
_ANSWERS = {*_SAID, *_GOLD, "answers", "facts", "claims"} - {"correct", "best"}
_FOUND = frozenset({"retrieved", "source", "cited", "citation", "search"})
"""What is called so was found: `retrievedReferences` are documents."""
_GIVEN = frozenset({"inputs", "input", "vars", "variables", "doc", "example", "instance", "item"})
"""Objects of what was given to the system: an answer in them is the gold answer."""


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case: `sourceDocuments` and `Source Documents` are the same two."""
    return tuple(word.lower() for word in _WORD.findall(name))


@lru_cache(maxsize=4096)
def canonical(name: str) -> str:
    """A name in snake case: `pageContent` as `page_content`."""
    return "_".join(words(name))


def are_ids(data: Mapping[str, Any]) -> bool:
    """Whether the fields of an object are all ids: `context: {trace_id, span_id}` is no document."""
    return all((found := words(str(name))) and found[-1] in ("id", "ids") for name in data)


def renamed(data: Mapping[str, Any]) -> dict[str, Any]:
    """An object with names in snake case; of two that become one, the first with a value."""
    found: dict[str, Any] = {}
    for name, value in data.items():
        known = canonical(str(name)) or str(name)
        if found.get(known) is None:
            found[known] = value
    return found


def meaning(path: tuple[str, ...]) -> tuple[str, ...]:
    """The words of the last name on a path that says something."""
    for name in reversed(path):
        said = words(name)
        while said and said[-1] in _FILLING:
            said = said[:-1]
        if said:
            return said
    return ()


def asked(path: tuple[str, ...]) -> int | None:
    """How surely a place holds the question, 0 the most; None: it is called otherwise."""
    said = meaning(path)
    if said == ("user",) and words(path[-1]) == said:
        return None  # who asked, not what: `user` is a name, `userMessage` a question
    return _ASKED.get(said[-1]) if said and not is_gold(path) else None


def said(path: tuple[str, ...]) -> int | None:
    """How surely a place holds the output, 0 the most; an answer among what was given, only if there is no other."""
    found = meaning(path)
    if not found or _is_expected(path) or found == ("candidate",):
        return None
    rank = _SAID.get(found[-1])
    return None if rank is None else rank + (_UNSURE if _is_given(path) else 0)


def shown(path: tuple[str, ...]) -> int | None:
    """How surely a place holds the documents, 0 the most."""
    found = words(path[-1])
    ranks = [_SHOWN[word] for word in found if word in _SHOWN]
    # What retrieval should have found is not what the model saw.
    return None if not ranks or (_GOLD & {*found} and found != ("references",)) else min(ranks)


def gold(path: tuple[str, ...]) -> int | None:
    """How surely a place holds what should have been answered, 0 the most; neither a document nor a score beside it."""
    last = meaning(path)
    if not last or last[-1] not in _ANSWERS:
        return None
    return 0 if _is_expected(path) else 1 if _is_given(path) else None


def is_gold(path: tuple[str, ...]) -> bool:
    """Whether a place belongs to what should have been answered."""
    return _is_expected(path) or _is_given(path)


def _is_expected(path: tuple[str, ...]) -> bool:
    """By a name on the way: `reference_outputs.answer`."""
    return any(_GOLD & (found := {*words(name)}) and not found & _FOUND for name in path)


def _is_given(path: tuple[str, ...]) -> bool:
    """By what it was given with: `example.answer`, `example_answer`."""
    last = meaning(path)
    if not last or (last[-1] not in _SAID and last[-1] != "answers"):
        return False
    return bool({*last[:-1]} & _GIVEN) or any({*words(name)} & _GIVEN for name in path[:-1])
