"""Cohere: chat responses of both versions, whose citations are spans of the text."""

from __future__ import annotations

from groundeval.tasks.formats.outputs.answered import answered
from groundeval.tasks.formats.outputs.marks import Span, with_marks
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, Shape, listed, objects, offset, within
from groundeval.tasks.formats.outputs.sources import Source, Sources, documents_from, sources_in
from groundeval.tasks.formats.outputs.texts import text_of


def _cites(data: Data) -> bool:
    """A response or message with citations that name documents or sources by a span."""
    cited = objects(data.get("citations"))
    said = data.get("text") if "text" in data else data.get("content")
    names = any(("document_ids" in each or "sources" in each) and "retrievedReferences" not in each for each in cited)
    return names and text_of(said) is not None


def _fits(data: Data) -> bool:
    return within(data, _cites) is not None


def _parts(data: Data) -> Parts:
    found = within(data, _cites)
    assert found is not None
    answer, where = found
    sources, name = sources_in(data)
    if name is None:
        sources, inner = sources_in(answer)
        name = None if inner is None else f"{where}.{inner}".lstrip(".")
    ids = set[str]().union(*(source.keys for source in sources.all))
    for place, source in enumerate(sources.all):
        # The ids that Cohere gives documents without one.
        source.keys |= {f"doc_{place}"} - ids
    spans = [
        Span(offset(each, "start", "citations[]"), offset(each, "end", "citations[]"), _cited(each, sources))
        for each in objects(answer.get("citations"))
    ]
    field = "text" if "text" in answer else "content"
    return answered(
        data,
        Part(with_marks(text_of(answer[field]) or "", spans), f"{where}.{field}".lstrip(".")),
        sources,
        name or f"{where}.citations[].sources".lstrip("."),
    )


def _cited(citation: Data, sources: Sources) -> tuple[int, ...]:
    places = [sources.cited(each) for each in listed(citation.get("document_ids"), "citations[].document_ids")]
    for each in objects(citation.get("sources")):
        known = each.get("document") or each.get("tool_output")
        read = documents_from([known], "citations[].sources[].document") if isinstance(known, dict) else []
        about = read[0] if read else Source()
        inner = known.get("id") if isinstance(known, dict) else None
        places.append(sources.cited(each.get("id"), inner, title=about.title, text=about.text))
    return tuple(dict.fromkeys(places))


SHAPE = Shape("Cohere", _fits, _parts)
