"""Oracle documents (ALCE): the documents of an example that hold the most gold answers."""

from __future__ import annotations

from dataclasses import replace

from groundeval.errors import DataError, option
from groundeval.records import Document, Example


def with_oracle_documents(example: Example, count: int) -> Example:
    """The example with `count` of its documents, chosen greedily by the most gold answers not yet covered.

    Ties keep the given order, and so do the documents that add nothing, which fill the rest. Raises DataError if the
    documents lack `answers_found`.
    """
    docs = example.docs or ()
    if any(document.answers_found is None for document in docs):
        raise DataError(
            f'example "{example.id}": oracle documents need "answers_found" in every document.\n'
            f"  Use data in the Trust-Score format, or ALCE's file of oracle documents: {option('data', 'FILE')}."
        )
    chosen: list[Document] = []
    rest = list(docs)
    brought: set[int] = set()
    while rest and len(chosen) < count:
        gains = [len(_held(document) - brought) for document in rest]
        best = gains.index(max(gains))
        brought |= _held(rest[best])
        chosen.append(rest.pop(best))
    return replace(example, docs=(*chosen, *rest))


def _held(document: Document) -> set[int]:
    return {index for index, found in enumerate(document.answers_found or ()) if found}
