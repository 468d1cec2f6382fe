"""Perplexity: answers with marks `[1]` in the text, and the addresses or search results that they number."""

from __future__ import annotations

from groundeval.tasks.formats.outputs.answered import answered
from groundeval.tasks.formats.outputs.conversations import answer_in
from groundeval.tasks.formats.outputs.parts import Data, Misfit, Part, Parts, Shape, objects, within
from groundeval.tasks.formats.outputs.sources import Sources, documents_from, sources_in
from groundeval.tasks.formats.outputs.texts import QUESTIONS, text_of

_SAID = ("output", "response", "answer", "text", "content")


def _is_address(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def _numbers(data: Data) -> bool:
    """An answer beside a list of addresses, or of results that have addresses."""
    addresses, results = data.get("citations"), objects(data.get("search_results"))
    listed = isinstance(addresses, list) and bool(addresses) and all(map(_is_address, addresses))
    found = bool(results) and all(_is_address(each.get("url")) for each in results)
    return (listed or found) and (answer_in(data) is not None or _said(data) is not None)


def _said(data: Data) -> Part | None:
    for name in _SAID:
        text = text_of(data.get(name)) if name not in QUESTIONS else None
        if text is not None:
            return Part(text, name)
    return None


def _fits(data: Data) -> bool:
    return within(data, _numbers) is not None


def _parts(data: Data) -> Parts:
    found = within(data, _numbers)
    assert found is not None
    answer, where = found
    message = answer_in(answer)
    said = _said(answer) if message is None else Part(text_of(message.get("content")), "choices[0].message.content")
    if said is None or said.value is None:
        raise Misfit("choices[0].message.content", None, "a string")
    sources, name = _documents(data, answer)
    return answered(data, Part(said.value, _at(where, said.field)), sources, _at(where, name))


def _at(where: str, field: str) -> str:
    return f"{where}.{field}".lstrip(".")


def _documents(data: Data, answer: Data) -> tuple[Sources, str]:
    """The documents numbered by the marks, in that order, with their texts from anywhere in the record."""
    results = documents_from(answer.get("search_results"), "search_results")
    addresses = answer.get("citations")
    if not isinstance(addresses, list) or not addresses:
        return Sources(results), "search_results"
    others, _ = sources_in({key: value for key, value in data.items() if key != "search_results"})
    known = Sources([*results, *others.all])
    ordered = Sources([known.all[known.cited(each, title=each)] for each in addresses if _is_address(each)])
    return ordered, "citations"


SHAPE = Shape("Perplexity", _fits, _parts)
