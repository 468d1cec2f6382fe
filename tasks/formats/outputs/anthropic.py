"""Anthropic: messages whose blocks of text name what they cite."""

from __future__ import annotations

from typing import Any

from groundeval.tasks.formats.outputs.answered import answered
from groundeval.tasks.formats.outputs.conversations import last_answer
from groundeval.tasks.formats.outputs.marks import Span, with_marks
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, Shape, at, objects, within
from groundeval.tasks.formats.outputs.sources import Source, Sources, sources_in
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
    asked = "messages" if data.get("messages") else "request.messages"
    turns = data.get("messages") or at(data, "request", "messages")
    blocks = [block for turn in objects(turns) for block in _all_blocks(turn.get("content"))]
    given = [_source(block, "document", n) for n, block in enumerate(b for b in blocks if b["type"] == "document")]
    given += [_source(block, "result", n) for n, block in enumerate(b for b in blocks if b["type"] == "search_result")]
    return Sources(given), f"{asked}[].content" if given else None


def _all_blocks(content: Any) -> list[Data]:
    """The documents and search results of a turn, also those that a tool returned."""
    found = []
    for block in objects(content):
        if block.get("type") in ("document", "search_result"):
            found.append(block)
        found += _all_blocks(block.get("content")) if block.get("type") == "tool_result" else []
    return found


def _source(block: Data, kind: str, number: int) -> Source:
    source = block.get("source")
    address = source if isinstance(source, str) else None
    inside = block if address is not None else source
    text = at(inside, "data") or text_of(at(inside, "content"))
    keys = {f"{kind} {number}", *([address] if address else [])}
    return Source(block.get("title") or address or "", text if isinstance(text, str) else None, keys)


def _place(citation: Data, sources: Sources) -> int:
    number, result = citation.get("document_index"), citation.get("search_result_index")
    key = f"document {number}" if number is not None else f"result {result}" if result is not None else None
    address = citation.get("url") or citation.get("source")
    title = citation.get("document_title") or citation.get("title") or address
    known = key or address or title or "document 0"
    return sources.cited(known, title=title, text=citation.get("cited_text"))


SHAPE = Shape("Anthropic", _fits, _parts)
