"""Anthropic: messages whose blocks of text name what they cite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from groundeval.tasks.formats.outputs.answered import answered
from groundeval.tasks.formats.outputs.anywhere import places
from groundeval.tasks.formats.outputs.blocks import document_blocks, is_result
from groundeval.tasks.formats.outputs.conversations import is_conversation, last_answer
from groundeval.tasks.formats.outputs.marks import Span, with_marks
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, Shape, objects, within
from groundeval.tasks.formats.outputs.sources import Source, Sources, documents_from, sources_in
from groundeval.tasks.formats.outputs.texts import text_of


def _cites(data: Data) -> bool:
    """A message of Claude, known by blocks with `citations`, or by its own type."""
    blocks = _blocks(data)
    is_message = data.get("type") == "message" and data.get("role") == "assistant" and "stop_reason" in data
    return bool(blocks) and (is_message or any("citations" in block for block in blocks))


def _blocks(message: Data) -> list[Data]:
    """The blocks of a message; those of Bedrock's Converse in the form that Anthropic has itself."""
    return [_as_anthropic(block) for block in objects(message.get("content"))]


def _as_anthropic(block: Data) -> Data:
    cited = block.get("citationsContent")
    if not isinstance(cited, dict):
        return block
    citations = []
    for each in objects(cited.get("citations")):
        places = [place for place in (each.get("location") or {}).values() if isinstance(place, dict)]
        number = next((place.get("documentIndex") for place in places), None)
        quote = text_of(each.get("sourceContent"))
        citations.append({"document_index": number, "document_title": each.get("title"), "cited_text": quote})
    return {"type": "text", "text": text_of(cited.get("content")) or "", "citations": citations}


def _message(data: Data) -> tuple[Data, str] | None:
    found = within(data, _cites)
    if found is not None:
        return found
    last = last_answer(data.get("messages"))
    return (last, "messages[-1]") if last is not None and _cites(last) else None


def _fits(data: Data) -> bool:
    return _message(data) is not None


def _parts(data: Data) -> Parts:
    found = _message(data)
    assert found is not None
    message, where = found
    sources, name = _documents(data)
    text, spans = "", list[Span]()
    for block in _blocks(message):
        said = text_of(block.get("text"))
        if said is None or block.get("type", "text") != "text":
            continue
        cited = tuple(_place(each, sources) for each in objects(block.get("citations")))
        if cited:
            spans.append(Span(len(text), len(text) + len(said), cited))
        text += said
    content = f"{where}.content".lstrip(".")
    output = Part(with_marks(text, spans), f"{content}[].text")
    return answered(data, output, sources, name or f"{content}[].citations[].cited_text")


def _documents(data: Data) -> tuple[Sources, str | None]:
    """The documents of a field of the record, else of the request; none if only cited passages are known."""
    sources, name = sources_in(data)
    if name is not None:
        for place, source in enumerate(sources.all):
            source.keys.add(f"document {place}")
        return sources, name
    for found in places(data):
        blocks = document_blocks(found.value) if is_conversation(found.value) else []
        if blocks:
            return Sources(_numbered(blocks)), found.shown
    return Sources(), None


def _numbered(blocks: Iterable[Data]) -> Iterator[Source]:
    """The documents with the names by which citations count them."""
    counted = {"document": 0, "result": 0}
    for block in blocks:
        kind = "result" if is_result(block) else "document"
        for source in documents_from([block], "content"):
            source.keys.add(f"{kind} {counted[kind]}")
            yield source
        counted[kind] += 1


def _place(citation: Data, sources: Sources) -> int:
    number, result = citation.get("document_index"), citation.get("search_result_index")
    key = f"document {number}" if number is not None else f"result {result}" if result is not None else None
    address = citation.get("url") or citation.get("source")
    title = citation.get("document_title") or citation.get("title") or address
    known = key or address or title or "document 0"
    return sources.cited(known, title=title, text=citation.get("cited_text"))


SHAPE = Shape("Anthropic", _fits, _parts)
