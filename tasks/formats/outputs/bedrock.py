"""Amazon Bedrock: answers from knowledge bases, whose citations are spans with the passages that were retrieved."""

from __future__ import annotations

from groundeval.tasks.formats.outputs.answered import answered
from groundeval.tasks.formats.outputs.marks import Span, with_marks
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, Shape, at, objects, offset, within
from groundeval.tasks.formats.outputs.sources import documents_from, sources_in


def _cites(data: Data) -> bool:
    return _text(data) is not None and any("retrievedReferences" in each for each in objects(data.get("citations")))


def _text(data: Data) -> Part | None:
    """The text beside citations, in an object of its own or not."""
    found = at(data, "output", "text")
    if isinstance(found, str):
        return Part(found, "output.text")
    return Part(data["text"], "text") if isinstance(data.get("text"), str) else None


def _fits(data: Data) -> bool:
    return within(data, _cites) is not None


def _parts(data: Data) -> Parts:
    found = within(data, _cites)
    assert found is not None
    answer, where = found
    sources, name = sources_in(data)
    spans = list[Span]()
    for citation in objects(answer["citations"]):
        span = at(citation, "generatedResponsePart", "textResponsePart", "span")
        read = documents_from(citation.get("retrievedReferences") or [], "citations[].retrievedReferences")
        # Passages of one file are separate documents: they are told apart by their text.
        cited = tuple(sources.cited(each.text, title=each.title, text=each.text) for each in read)
        if cited and isinstance(span, dict):
            start, last = (offset(span, name, "citations[].span") for name in ("start", "end"))
            spans.append(Span(start, last + 1, cited))
    said = _text(answer)
    assert said is not None
    output = Part(with_marks(said.value, spans), f"{where}.{said.field}".lstrip("."))
    rest = {name: value for name, value in data.items() if name != "output"}
    return answered(rest, output, sources, name or f"{where}.citations[].retrievedReferences".lstrip("."))


SHAPE = Shape("Amazon Bedrock", _fits, _parts)
