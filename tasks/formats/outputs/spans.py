"""Answers beside a list of spans with the documents that each cites, whatever the tool calls them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from groundeval.tasks.formats.outputs.anywhere import parts_anywhere, places
from groundeval.tasks.formats.outputs.marks import Span, with_marks
from groundeval.tasks.formats.outputs.named import OUTPUTS
from groundeval.tasks.formats.outputs.parts import Data, Misfit, Part, Parts, Shape, first_of, objects
from groundeval.tasks.formats.outputs.roles import renamed
from groundeval.tasks.formats.outputs.sources import Sources, documents_from
from groundeval.tasks.formats.outputs.texts import text_of

_START = ("start", "start_index", "start_idx", "start_pos", "start_offset", "begin_offset", "begin_index", "begin")
_END = ("end", "end_index", "end_idx", "end_pos", "end_offset", "position")
_CITED = (
    "citation_indices", "reference_indices", "chunk_indices", "content_ids", "reference_ids", "chunk_ids",
    "document_ids", "doc_ids", "source_ids", "sources", "references", "documents", "citations",
)  # fmt: skip
_NAMES = ("reference_id", "citation_id", "id", "document_id", "chunk_id", "url", "uri", "index")


def _spans(data: Data) -> tuple[str, list[dict[str, Any]]] | None:
    """The list of spans and its place: objects with an end in the text and a list of what they cite."""
    for place in places(data):
        items = objects(place.value)
        if items and len(items) == len(place.value):
            known = [renamed(item) for item in items]
            if all(map(_is_span, known)):
                return place.shown, known
            turned = [span for item in known for span in _turned(item)]
            if turned:
                return place.shown, turned
    return None


def _is_span(item: Data) -> bool:
    return any(name in item for name in _END) and any(isinstance(item.get(name), list) for name in _CITED)


def _turned(item: dict[str, Any]) -> list[dict[str, Any]]:
    """The spans of a source that holds them itself, as a list of parts of the text that cite it."""
    for name, value in item.items():
        parts = [renamed(each) for each in objects(value)]
        if parts and all(any(end in part for end in _END) and any(start in part for start in _START) for part in parts):
            source = {key: each for key, each in item.items() if key != name}
            return [{**part, "sources": [source]} for part in parts]
    return []


def _fits(data: Data) -> bool:
    return _spans(data) is not None


def _parts(data: Data) -> Parts:
    found = _spans(data)
    assert found is not None
    where, items = found
    parts = parts_anywhere(data)
    said = parts.get("output") or _pointed_into(data, where, items) or first_of(data, *OUTPUTS)
    if said is None:
        return parts
    text = text_of(said.value) or ""
    docs = parts.get("docs")
    given = docs is not None and docs.field != where and not docs.field.startswith(f"{where}[")
    sources = Sources(documents_from(docs.value, docs.field) if docs is not None and given else [])
    spans = [Span(*_bounds(item, text, where), tuple(_cited(item, sources))) for item in items]
    parts["output"] = Part(with_marks(text, [span for span in spans if span.cited]), said.field)
    if sources.all:
        parts["docs"] = sources.part(docs.field if docs is not None and given else where)
    return parts


def _pointed_into(data: Data, where: str, items: list[dict[str, Any]]) -> Part | None:
    """The text that spans point into, whatever it is called: the shortest beside them that is long enough."""
    beside = where.rpartition(".")[0]
    end = max((item[name] for item in items for name in _END if isinstance(item.get(name), int)), default=0)
    texts = [
        place for place in places(data)
        if isinstance(place.value, str) and place.shown.rpartition(".")[0] == beside and len(place.value) >= max(end, 1)
    ]  # fmt: skip
    best = min(texts, key=lambda place: len(place.value), default=None)
    return None if best is None else Part(best.value, best.shown)


def _bounds(item: Data, text: str, where: str) -> tuple[int, int]:
    """Start and end in characters. Numbers in quotes count bytes of UTF-8: so does JSON made of Google's messages."""
    end = next(name for name in _END if name in item)
    start = end if end == "position" else next((name for name in _START if name in item), None)
    return (0 if start is None else _offset(item, start, text, where)), _offset(item, end, text, where)


def _offset(item: Data, name: str, text: str, where: str) -> int:
    value = item[name]
    if isinstance(value, str) and value.isdecimal() and len(value) < 12:
        return len(text.encode("utf-8", "surrogatepass")[: int(value)].decode("utf-8", "ignore"))
    if type(value) is not int:
        raise Misfit(f"{where}[].{name}", value, "a whole number, an offset in the text")
    return value


def _cited(item: Data, sources: Sources) -> Iterator[int]:
    cited = next(item[name] for name in _CITED if isinstance(item.get(name), list))
    for each in cited:
        place = _place(each, sources)
        if place is not None:
            yield place


def _place(each: Any, sources: Sources) -> int | None:
    """The document that a citation names by its position, its id or itself."""
    if isinstance(each, Mapping):
        known = renamed(each)
        try:
            [read] = documents_from([each], "cited")
        except Misfit:
            read = None
        if read is not None and read.text is not None:
            return sources.cited(*sorted(read.keys), title=read.title, text=read.text)
        each = next((known[name] for name in _NAMES if isinstance(known.get(name), str | int)), None)
    if any(str(each) in source.keys for source in sources.all):
        return sources.cited(each)
    number = int(each) if isinstance(each, str) and each.isdecimal() and len(each) < 12 else each
    return sources.at(number) if isinstance(number, int) else None


SHAPE = Shape("spans with citations", _fits, _parts, is_whole=True)
