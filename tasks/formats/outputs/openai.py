"""OpenAI: chat completions, responses, messages of assistants, and lists of messages, with their annotations."""

from __future__ import annotations

from typing import Any

from groundeval.tasks.formats.outputs.answered import answered
from groundeval.tasks.formats.outputs.conversations import answer_in, last_answer, turn_text
from groundeval.tasks.formats.outputs.marks import Span, with_marks
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, Shape, at, objects, within
from groundeval.tasks.formats.outputs.sources import Sources, sources_in
from groundeval.tasks.formats.outputs.texts import text_of

Block = tuple[str, list[Data]]
"""A text and the annotations whose offsets count from its beginning."""


def _answers(data: Data) -> bool:
    """A chat completion, a response, or a conversation that ends with the assistant."""
    items = objects(data.get("output"))
    return (
        answer_in(data) is not None
        or any(item.get("type") == "message" for item in items)
        or last_answer(data.get("messages")) is not None
        or (data.get("role") == "assistant" and "content" in data)
    )


def _fits(data: Data) -> bool:
    return within(data, _answers) is not None


def _parts(data: Data) -> Parts:
    found = within(data, _answers)
    assert found is not None
    answer, where = found
    sources, name = sources_in(data)
    if not sources.all:
        sources = _searched(answer)
    text, spans = "", list[Span]()
    for said, cited in _blocks(answer):
        base = len(text)
        text += said
        spans += [span for each in cited for span in _span(each, base, len(said), sources)]
    output = Part(with_marks(text, spans), _at(where, _place(answer)))
    return answered(data, output, sources, name or _at(where, _place(answer).removesuffix(".text") + ".annotations"))


def _at(where: str, field: str) -> str:
    return f"{where}.{field}".lstrip(".")


def _place(answer: Data) -> str:
    """Where the text of an answer stands in it."""
    if any(item.get("type") == "message" for item in objects(answer.get("output"))):
        return "output[].content[].text"
    if answer_in(answer) is not None:
        return "choices[0].message.content"
    return "messages[-1].content" if last_answer(answer.get("messages")) is not None else "content"


def _blocks(answer: Data) -> list[Block]:
    items = [item for item in objects(answer.get("output")) if item.get("type") == "message"]
    messages = items or [answer_in(answer) or last_answer(answer.get("messages")) or answer]
    return [block for message in messages for block in _blocks_of(message)]


def _blocks_of(message: Data) -> list[Block]:
    content, outside = message.get("content"), objects(message.get("annotations"))
    if not isinstance(content, list):
        return [(text_of(content) or text_of(message.get("refusal")) or turn_text(message) or "", outside)]
    blocks = []
    for block in objects(content):
        inner = block.get("text")
        inside = objects(block.get("annotations")) or objects(at(inner, "annotations"))
        said = text_of(inner) or text_of(block.get("refusal"))
        if said is not None:
            blocks.append((said, inside))
    return [(blocks[0][0], blocks[0][1] + outside), *blocks[1:]] if blocks else [("", outside)]


def _span(annotation: Data, base: int, length: int, sources: Sources) -> list[Span]:
    kind = str(annotation.get("type", ""))
    inner = annotation.get(kind)
    about: dict[str, Any] = {**annotation, **(inner if isinstance(inner, dict) else {})}
    keys = [about.get(each) for each in ("url", "file_id", "filename")]
    if not any(keys):
        return []
    title, quote = about.get("title") or about.get("filename"), about.get("quote")
    place = sources.cited(*keys, title=title, text=quote)
    start, end = about.get("start_index"), about.get("end_index")
    if not (isinstance(start, int) and isinstance(end, int)):
        start = end = about["index"] if isinstance(about.get("index"), int) else length
    return [Span(base + start, base + end, (place,))]


def _searched(answer: Data) -> Sources:
    """The results of a file search, if the response holds them: the passages of a file are one document."""
    sources = Sources()
    for result in (each for call in objects(answer.get("output")) for each in objects(call.get("results"))):
        name = result.get("filename")
        sources.cited(result.get("file_id"), name, title=name, text=text_of(result.get("text")))
    return sources


SHAPE = Shape("OpenAI", _fits, _parts)
