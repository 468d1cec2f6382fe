"""Gemini: candidates whose grounding metadata name chunks for segments of the text."""

from __future__ import annotations

from typing import Any

from groundeval.tasks.formats.outputs.answered import answered
from groundeval.tasks.formats.outputs.marks import Span, with_marks
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, Shape, at, listed, objects, offset, within
from groundeval.tasks.formats.outputs.sources import Sources, documents_from, sources_in


def _either(data: Any, camel: str) -> Any:
    """A field in the spelling of the REST interface, or of the Python one."""
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in camel)
    return at(data, camel) if at(data, camel) is not None else at(data, snake)


def _has_candidates(data: Data) -> bool:
    return at(data, "candidates", 0, "content") is not None


def _fits(data: Data) -> bool:
    return within(data, _has_candidates) is not None


def _parts(data: Data) -> Parts:
    found = within(data, _has_candidates)
    assert found is not None
    candidate = found[0]["candidates"][0]
    texts = [str(part["text"]) for part in objects(at(candidate, "content", "parts")) if _says(part)]
    metadata = _either(candidate, "groundingMetadata")
    own, name = sources_in(data)
    chunks = documents_from(objects(_either(metadata, "groundingChunks")), "groundingChunks")
    found_again = [own.cited(*each.keys, title=each.title, text=each.text) for each in chunks]
    others = [source for place, source in enumerate(own.all) if place not in found_again]
    sources = Sources([*(own.all[place] for place in found_again), *others])
    spans = [span for each in objects(_either(metadata, "groundingSupports")) for span in _span(each, texts, sources)]
    field = f"{found[1]}.candidates[0]".lstrip(".")
    output = Part(with_marks("".join(texts), spans), f"{field}.content.parts")
    if not chunks:
        return answered(data, output, own, name or "docs")
    return answered(data, output, sources, f"{field}.groundingMetadata.groundingChunks")


def _says(part: Data) -> bool:
    return isinstance(part.get("text"), str) and not part.get("thought")


def _span(support: Data, texts: list[str], sources: Sources) -> list[Span]:
    """The span of a support; its offsets count bytes of UTF-8, from the beginning of its part."""
    segment = support.get("segment")
    indices = listed(_either(support, "groundingChunkIndices"), "groundingChunkIndices")
    cited = tuple(place for each in indices if (place := sources.at(each)) is not None)
    # Zeros are omitted in the response.
    found = {name: _either(segment, name) or 0 for name in ("partIndex", "startIndex", "endIndex")}
    number, start, end = (offset(found, name, "groundingSupports[].segment") for name in found)
    if not cited or not 0 <= number < len(texts):
        return []
    data = texts[number].encode("utf-8", "surrogatepass")
    base = sum(map(len, texts[:number]))
    return [Span(base + _characters(data[:start]), base + _characters(data[:end]), cited)]


def _characters(data: bytes) -> int:
    return len(data.decode("utf-8", "ignore"))


SHAPE = Shape("Gemini", _fits, _parts)
