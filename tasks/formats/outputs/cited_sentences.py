"""Answers that are lists of sentences, each with the documents that it cites, as the TREC RAG track has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from groundeval.tasks.formats.outputs.anywhere import parts_anywhere
from groundeval.tasks.formats.outputs.marks import Span, with_marks
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, Shape, first_of, objects, within
from groundeval.tasks.formats.outputs.roles import said
from groundeval.tasks.formats.outputs.sources import Sources, documents_from

_CITES = ("citations", "cited", "references", "sources", "document_ids", "doc_ids", "source_ids", "citation_ids")


def _sentences(data: Data) -> str | None:
    """The field that holds the sentences."""
    for name, value in data.items():
        items = objects(value)
        if items and len(items) == len(value) and (said((str(name),)) is not None or name == "sentences"):
            lists = [cited.value for item in items if (cited := first_of(item, *_CITES)) is not None]
            plain = all(isinstance(each, list) and all(type(e) in (int, str) for e in each) for each in lists)
            if lists and plain and all(isinstance(item.get("text", item.get("sentence")), str) for item in items):
                return str(name)
    return None


def _cites(data: Data) -> bool:
    return _sentences(data) is not None


def _fits(data: Data) -> bool:
    return within(data, _cites) is not None


def _parts(data: Data) -> Parts:
    found = within(data, _cites)
    assert found is not None
    answer, where = found
    name = _sentences(answer) or ""
    ids = answer.get("references")
    ids = ids if isinstance(ids, list) and all(isinstance(each, str | int) for each in ids) else []
    rest = {key: value for key, value in data.items() if key not in (name, *(["references"] if ids else []))}
    parts = parts_anywhere(rest)
    known = Sources(documents_from(parts["docs"].value, "docs") if "docs" in parts else [])
    # The numbers count the list of ids where there is one, else the documents.
    sources = Sources([known.all[known.cited(each)] for each in ids]) if ids else known
    numbers = [cited for item in objects(answer[name]) for cited in _cited(item) if type(cited) is int]
    first = 1 if sources.all and max(numbers, default=0) == len(sources.all) and 0 not in numbers else 0
    text, spans = "", list[Span]()
    for item in objects(answer[name]):
        sentence = str(item.get("text", item.get("sentence"))).strip()
        text += " " if text else ""
        places = tuple(_places(_cited(item), sources, first))
        spans.append(Span(len(text), len(text) + len(sentence), places))
        text += sentence
    parts["output"] = Part(with_marks(text, [span for span in spans if span.cited]), f"{where}.{name}".lstrip("."))
    if sources.all:
        parts["docs"] = sources.part(parts["docs"].field if "docs" in parts else "references")
    return parts


def _cited(item: Data) -> list[Any]:
    found = first_of(item, *_CITES)
    return list(found.value) if found is not None else []


def _places(cited: Iterable[Any], sources: Sources, first: int) -> Iterable[int]:
    for each in cited:
        place = sources.at(each - first) if type(each) is int else sources.cited(each)
        if place is not None:
            yield place


SHAPE = Shape("cited sentences", _fits, _parts, is_whole=True)
