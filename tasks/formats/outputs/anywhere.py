"""Finds the parts of a record wherever they lie in it, by what their names mean: for logs whose format is unknown."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from groundeval.tasks.formats.outputs import roles
from groundeval.tasks.formats.outputs.blocks import is_document
from groundeval.tasks.formats.outputs.conversations import is_conversation, last_answer, last_question, turn_text
from groundeval.tasks.formats.outputs.parts import Data, Misfit, Part, Parts, Shape, objects
from groundeval.tasks.formats.outputs.roles import renamed
from groundeval.tasks.formats.outputs.sources import documents_from, flattened
from groundeval.tasks.formats.outputs.texts import TEXTS, decoded, text_of

_DEPTH, _MOST = 8, 5_000
"""Levels and places that are searched of one record: documents by the hundred are not."""


_UNNAMED = 4
"""The rank of what only its structure shows, after all that a name says."""
_BLOCKS = 1
"""The rank of documents that are blocks of turns: after fields that are called so, before citations."""
_INDEX = re.compile(r"\[-?\d+\]")
_SPECIAL = re.compile(r"[.\[\]*]")
_PASSAGES = 20
"""What the rank of passages under the name of an answer loses: they are the output where there is no other."""
_SCORES = frozenset({"score", "distance", "relevance_score", "similarity", "rank"})
_WORDS = 6
"""Least words of a document under a name that says nothing: a label or a title has fewer."""


class Place(NamedTuple):
    """A value within a record."""

    path: tuple[str, ...]
    """The names of the fields on the way to it."""
    shown: str
    """The way to it, for notes: `outputs[0].answer`."""
    exact: str
    """The way to it as `parse_path` reads it: names that have dots or brackets themselves are quoted."""
    value: Any
    first: bool
    """Whether it lies in no list, or in the first elements of lists: others are further answers, or documents."""


def places(data: Data, closed: Container[str] = ()) -> Iterator[Place]:
    """The values of a record with a name, those near the top first; dots in a name separate names.

    What lies inside of a `closed` place is left out; places may be closed as they come.
    """
    level = [Place((), "", "", data, True)]
    left = _MOST
    for _ in range(_DEPTH):
        below: list[Place] = []
        for place in level:
            if place.shown in closed:
                continue
            for each in _inside(place):
                left -= 1
                if left < 0:
                    return
                yield each
                below.append(each)
        level = below


def _inside(place: Place) -> Iterator[Place]:
    value = place.value
    if isinstance(value, Mapping):
        for name, each in value.items():
            path = (*place.path, *(part for part in str(name).split(".") if part))
            if path:
                shown = f"{place.shown}.{name}".lstrip(".")
                exact = (
                    f'{place.exact}["{name}"]' if _SPECIAL.search(str(name)) else f"{place.exact}.{name}".lstrip(".")
                )
                yield Place(path, shown, exact, each, place.first)
    elif is_conversation(value):
        answer = last_answer(value)
        if answer is not None:
            yield Place(
                place.path, f"{place.shown}[-1]", f"{place.exact}[-1]", {**answer, "content": None}, place.first
            )
    elif isinstance(value, list) and place.path:
        last = len(value) - 1 if place.path[-1].lower().endswith("turns") else 0
        for number, each in enumerate(value):
            if isinstance(each, Mapping | list):
                index = f"[{number}]"
                yield Place(place.path, place.shown + index, place.exact + index, each, place.first and number == last)


def parts_anywhere(data: Data, known: Sequence[str] = ()) -> Parts:
    """The parts of a record by what the names of its fields mean: question, output, documents, gold answers.

    Of several places the one whose name says it most surely is used, and of those the one nearest to the top. `known`:
    places that hold documents in other records of the file, the surest first; there, short texts are documents, too.
    """
    found: dict[str, list[tuple[tuple[int, int, int], Part]]] = {}
    documents = set[str]()
    for order, place in enumerate(places(data, documents)):
        for name, rank, part in _candidates(place, known):
            if name == "docs" and rank < _UNNAMED and not is_conversation(place.value):
                documents.add(place.shown)
            found.setdefault(name, []).append(((rank, len(place.path), order), part))
    parts = {name: min(each, key=_rank)[1] for name, each in found.items() if name != "docs"}
    said = text_of(parts["output"].value) if "output" in parts else None
    # Blocks of the answer look like documents.
    others = [each for each in found.get("docs", ()) if "".join(doc.text or "" for doc in each[1].value) != said]
    if others:
        docs = parts["docs"] = min(others, key=_rank)[1]
        # A passage under a name such as `response` is no answer where there is one outside of the passages.
        outside = [
            each
            for each in found.get("output", ())
            if not each[1].field.startswith((f"{docs.field}[", f"{docs.field}."))
        ]
        if outside:
            parts["output"] = min(outside, key=_rank)[1]
    if "reference" in parts and "output" in parts and parts["reference"].field == parts["output"].field:
        del parts["reference"]
    return parts


def _rank(candidate: tuple[tuple[int, int, int], Part]) -> tuple[int, int, int]:
    return candidate[0]


def _candidates(place: Place, known: Sequence[str]) -> Iterator[tuple[str, int, Part]]:
    value = place.value
    conversation = is_conversation(value)
    if place.first:
        question = last_question(value) if conversation else value
        if isinstance(question, str) and question.strip():
            rank = roles.asked(place.path)
            rank = _UNNAMED if rank is None and conversation else rank
            if rank is not None:
                yield "question", rank, Part(question, place.shown)
        rank = roles.said(place.path)
        if conversation:
            text = turn_text(last_answer(value) or {})
            if text is not None:
                yield "output", 3 if rank is None else rank, Part(text, place.shown)
        elif rank is not None:
            text = text_of(_first(value))
            if text is not None:
                yield "output", rank + (_PASSAGES if _are_ranked(value) else 0), Part(text, place.shown)
        rank = roles.gold(place.path)
        if rank is not None and not conversation:
            gold = _gold(value)
            if gold is not None:
                yield "reference", rank, Part(gold, place.shown)
    if conversation:
        given = documents_from(value, place.shown)
        if given:
            yield "docs", _BLOCKS, Part(given, place.shown)
    elif not roles.is_gold(place.path[:-1]):
        yield from _documents(place, known)


def _are_ranked(value: Any) -> bool:
    """Whether it is an object with a score, or a list of them: rather passages that were found than an answer."""
    return any(_SCORES & renamed(each).keys() for each in objects(value if isinstance(value, list) else [value]))


def _first(value: Any) -> Any:
    """Of answers drawn several times, the first: `["a"]`, `[["a", "b"]]`."""
    while isinstance(value, list) and value and isinstance(value[0], str | list):
        value = value[0]
    return value


def _gold(value: Any) -> Any:
    value = decoded(value)
    if isinstance(value, list) and objects(value):
        if any({"url", "uri", "link", "title", "docid", "doc_id"} & each.keys() for each in objects(value)):
            return None  # documents that the answer refers to
        right = [each for each in objects(value) if "correct" in (each.get("tags") or ["correct"])]
        texts = [text_of(each) for each in right]
        return texts if texts and all(text is not None for text in texts) else None
    if isinstance(value, str) or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    return value if isinstance(value, list) and value and all(isinstance(each, str | list) for each in value) else None


def _documents(place: Place, known: Sequence[str]) -> Iterator[tuple[str, int, Part]]:
    rank, value = roles.shown(place.path), decoded(place.value)
    named = rank is not None
    if rank is None and isinstance(value, list) and any(map(is_document, objects(value))):
        rank = _BLOCKS
    if rank is None:
        # A list of objects with texts, under a name that says nothing.
        found = _rank_among(known, place.shown)
        if roles.asked(place.path) is not None or not _has_texts(value, 1 if found < len(known) else _WORDS):
            return
        rank = _UNNAMED + found
    elif not isinstance(value, str | list) and not (isinstance(value, Mapping) and len(value) > 1):
        return
    if isinstance(value, str) and "context" not in place.path[-1].lower() and len(value.split()) < _WORDS:
        return
    if isinstance(value, Mapping) and roles.are_ids(value):
        return
    try:
        read = documents_from(value, place.shown)
    except Misfit:
        return
    if any(each.text for each in read):
        yield "docs", rank, Part(read, place.shown)
    elif read and named and not isinstance(value, str):
        yield "docs", rank + 100, Part(read, place.shown)


def _rank_among(known: Sequence[str], shown: str) -> int:
    """The position of a place among those known, then of one that differs only by indices; else their number."""
    if shown in known:
        return known.index(shown)
    alike = (n for n, each in enumerate(known) if _INDEX.sub("", each) == _INDEX.sub("", shown))
    return next(alike, len(known))


def _has_texts(value: Any, words: int) -> bool:
    """Whether it is a list of objects with texts, most of them of so many words, and none a turn, a call or a grade."""
    items = objects(value)
    if not items or len(items) != len(value):
        return False
    longest = [max((len(text.split()) for text in _texts(each) if isinstance(text, str)), default=0) for each in items]
    return (
        not any({"role", "type", "score_type", "metric", "from"} & each.keys() for each in items)
        and all(longest)
        and sum(each >= words for each in longest) * 2 > len(items)
    )


def _texts(item: Data) -> Iterator[Any]:
    known = flattened(item)
    return (known[name] for name in TEXTS if name in known)


def _fits(data: Data) -> bool:
    return {"question", "output"} <= parts_anywhere(data).keys()


SHAPE = Shape("nested fields", _fits, parts_anywhere, is_whole=True)
