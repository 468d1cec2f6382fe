"""Distractors: documents of other records, mixed into those of each example deterministically."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from groundeval.errors import DataError
from groundeval.metrics.gold import with_answers
from groundeval.records import Document, Example

_DRAWS = 50


def with_distractors(examples: Sequence[Example], count: int, seed: int) -> tuple[Example, ...]:
    """Every example with `count` documents of other examples among its own, at positions drawn with the seed.

    A distractor never has the text of one of the example's own documents or of another distractor, and never comes from
    an example with the same question. Its own documents keep their order. Where documents have `answers_found`, those
    of a distractor are all 0. The same examples and seed give the same result in every version of Python.

    Raises DataError if the other examples have too few documents.
    """
    pool = [(index, document) for index, example in enumerate(examples) for document in example.docs or ()]
    return tuple(_mixed(index, examples, pool, count, seed) for index in range(len(examples)))


def _mixed(
    index: int, examples: Sequence[Example], pool: Sequence[tuple[int, Document]], count: int, seed: int
) -> Example:
    example = examples[index]
    own = example.docs or ()
    drawn: list[Document] = []
    texts = {document.text.strip() for document in own}
    for other, document in _candidates(pool, f"{seed}\n{example.id}", count):
        if len(drawn) == count:
            break
        text = document.text.strip()
        if other == index or text in texts or examples[other].question == example.question:
            continue
        texts.add(text)
        found = None if document.answers_found is None else (0,) * len(with_answers(example).answers or ())
        drawn.append(replace(document, answers_found=found))
    if len(drawn) < count:
        raise DataError(
            f'example "{example.id}": {count} distractors are required, but the other records have only {len(drawn)} '
            "different documents.\n  Lower `distractors.count`, or read more records (`limit`)."
        )
    places = sorted(range(len(own) + count), key=lambda place: _draw(f"{seed}\n{example.id}\nplace {place}"))
    kept = set(places[: len(own)])
    mine, others = iter(own), iter(drawn)
    return replace(
        example, docs=tuple(next(mine) if place in kept else next(others) for place in range(len(own) + count))
    )


def _candidates(pool: Sequence[tuple[int, Document]], key: str, count: int) -> Iterator[tuple[int, Document]]:
    """Documents in an order given by the key: some random draws, which nearly always suffice, then all in turn."""
    if not pool:
        return
    # More than there are is found out by one look at each.
    for attempt in range(_DRAWS * count if count <= len(pool) else 0):
        yield pool[_draw(f"{key}\n{attempt}") % len(pool)]
    start = _draw(key) % len(pool)
    yield from pool[start:]
    yield from pool[:start]


def _draw(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:8], "big")
