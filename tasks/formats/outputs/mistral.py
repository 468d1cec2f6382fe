"""Mistral: messages whose content has references after the text that they support."""

from __future__ import annotations

from groundeval.tasks.formats.outputs.answered import answered
from groundeval.tasks.formats.outputs.conversations import answer_in
from groundeval.tasks.formats.outputs.marks import Span, with_marks
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, Shape, objects, within
from groundeval.tasks.formats.outputs.sources import Sources, documents_from, sources_in
from groundeval.tasks.formats.outputs.texts import text_of

_KINDS = ("reference", "tool_reference")


def _content(data: Data) -> list[Data]:
    """The blocks of the answer: of a chat completion, a message, or the outputs of a conversation."""
    outputs = [each for each in objects(data.get("outputs")) if each.get("type") == "message.output"]
    messages = outputs or [answer_in(data) or data]
    return [block for message in messages for block in objects(message.get("content"))]


def _refers(data: Data) -> bool:
    return any(block.get("type") in _KINDS for block in _content(data))


def _fits(data: Data) -> bool:
    return within(data, _refers) is not None


def _parts(data: Data) -> Parts:
    found = within(data, _refers)
    assert found is not None
    answer, where = found
    sources, name = sources_in(data)
    if name is None:
        sources, name = Sources(documents_from(data.get("messages") or [], "messages")), "messages"
    text, spans = "", list[Span]()
    for block in _content(answer):
        if block.get("type") in _KINDS:
            cited = tuple(_cited(block, sources))
            spans += [Span(len(text), len(text), cited)] if cited else []
        else:
            text += text_of(block) or ""
    return answered(data, Part(with_marks(text, spans), f"{where}.content".lstrip(".")), sources, name)


def _cited(block: Data, sources: Sources) -> list[int]:
    numbers = block.get("reference_ids")
    if isinstance(numbers, list):
        return [place for each in numbers if (place := sources.at(each)) is not None]
    keys = [block.get("url"), block.get("title")]
    return [sources.cited(*keys, title=block.get("title"))] if any(keys) else []


SHAPE = Shape("Mistral", _fits, _parts)
