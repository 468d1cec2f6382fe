"""Passages that stand in one text between tags: `<document id="1">...</document>`, or numbered ones between two."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, pairwise
from typing import NamedTuple

from groundeval.tasks.formats.outputs.numbered import WORD, passages
from groundeval.tasks.formats.outputs.roles import canonical, words
from groundeval.tasks.formats.outputs.texts import TEXTS

_VALUE = r"\"[^\"<>]{0,500}\"|'[^'<>]{0,500}'|[^\s\"'<>]{1,200}"
_ATTRIBUTE = rf"[\w:-]{{1,40}}\s*=\s*(?:{_VALUE})"
_TAG = re.compile(rf"<(?P<close>/?)(?P<name>[A-Za-z][\w-]{{0,40}})(?P<about>(?:\s+{_ATTRIBUTE})*)\s*>")
_ABOUT = re.compile(rf"([\w:-]+)\s*=\s*({_VALUE})")
_OPEN, _CLOSE = re.compile(r"<[A-Za-z][^<>]{0,500}>\s*$"), re.compile(r"^\s*</[\w-]{1,40}>")
_ONE = re.compile(WORD, re.IGNORECASE)
_NUMBERS = ("id", "index", "number", "n", "idx", "nr", "key")
_MOST_TAGS = 2_000
"""Tags of a text that is looked at; documents in HTML have more."""


class Passages(NamedTuple):
    """Passages in a text."""

    docs: list[dict[str, str]]
    """Each with `text`, or another usual name of it, and what the tags say about it."""
    before: str
    """The text before them, without the tag around them all."""
    after: str


class _Element(NamedTuple):
    name: str
    about: dict[str, str]
    inner: str
    start: int
    end: int


def tagged(text: str, depth: int = 3) -> Passages | None:
    """The passages between tags in a text; None unless it is clear which and how many they are.

    Clear: elements of one name that says what they hold (`document`, `source`, `search_result`, ...), side by side and
    numbered from 1, by ids, or not at all; or one element around these, or around passages that are numbered. `depth`:
    elements that may lie in each other.
    """
    found = [each for each in _elements(text, _holds_passages) if re.search(r"\w", each.inner)]
    if not found:
        return None
    docs = _inside(found[0], depth) if len(found) == 1 else _documents(found, text)
    if not docs:
        return None
    before, after = text[: found[0].start], text[found[-1].end :]
    if _OPEN.search(before) and _CLOSE.search(after):
        before, after = _OPEN.sub("", before), _CLOSE.sub("", after)
    return Passages(docs, before, after)


def elements_of(text: str, *names: str) -> list[str]:
    """What is between the tags of elements whose names end in one of these words."""
    return [each.inner.strip() for each in _elements(text, lambda name: _kind(name) in names)]


def _elements(text: str, wanted: Callable[[str], bool]) -> Iterator[_Element]:
    """The elements of wanted names, without those within others. A tag that no other closes is only mentioned."""
    tags = list(islice(_TAG.finditer(text), _MOST_TAGS + 1))
    if len(tags) > _MOST_TAGS:
        return
    end = 0
    for place, tag in enumerate(tags):
        if tag["close"] or tag.start() < end or not wanted(tag["name"]):
            continue
        next_one = next((each for each in tags[place + 1 :] if each["name"] == tag["name"]), None)
        if next_one is None or not next_one["close"]:
            continue
        about = {canonical(name): value.strip("\"'") for name, value in _ABOUT.findall(tag["about"])}
        yield _Element(tag["name"], about, text[tag.end() : next_one.start()], tag.start(), end := next_one.end())


def _holds_passages(name: str) -> bool:
    kind = _kind(name)
    return _ONE.fullmatch(kind) is not None or _ONE.fullmatch(kind.removesuffix("s")) is not None


def _kind(name: str) -> str:
    """The last word of a name: `document` of `retrieved_document_2`."""
    return next((word for word in reversed(words(name)) if not word.isdecimal()), "")


def _inside(element: _Element, depth: int) -> list[dict[str, str]]:
    """The passages in an element around them all, or the only one."""
    numbered = [{"title": title, "text": text} for title, text in passages(element.inner)]
    if numbered:
        return numbered
    within = tagged(element.inner, depth - 1) if depth else None
    if within is not None and not within.before.strip() and not within.after.strip():
        return within.docs
    is_one = _ONE.fullmatch(_kind(element.name)) is not None and _kind(element.name) not in ("context", "result")
    return _documents([element], "") if is_one or "id" in element.about or "index" in element.about else []


def _documents(elements: Sequence[_Element], text: str) -> list[dict[str, str]]:
    """The documents of elements side by side; none if they are not, or if their numbers are not their order."""
    apart = [text[one.end : other.start] for one, other in pairwise(elements)]
    if any(each.strip() for each in apart) or len({_kind(each.name) for each in elements}) > 1:
        return []
    numbers = [_number(each) for each in elements]
    decimals = [each for each in numbers if each is not None and each.isdecimal()]
    if decimals and decimals != [str(number) for number in range(1, len(elements) + 1)]:
        return []
    return [_document(each, None if decimals else number) for each, number in zip(elements, numbers, strict=True)]


def _number(element: _Element) -> str | None:
    """The number or id of an element, in its tag or in its name: `<document_1>`."""
    own = re.search(r"\d+$", element.name)
    return next((element.about[name] for name in _NUMBERS if name in element.about), own and own[0])


def _document(element: _Element, key: str | None) -> dict[str, str]:
    about = {name: value for name, value in element.about.items() if name not in _NUMBERS}
    known = {canonical(name): inner for name, inner in _children(element.inner)}
    said = known if not known.keys().isdisjoint(TEXTS) else {"text": element.inner.strip()}
    return {**about, **said, **({} if key is None else {"id": key})}


def _children(inner: str) -> list[tuple[str, str]]:
    """The elements that a text consists of; none if there is more in it."""
    found = list(_elements(inner, lambda _: True))
    edges = [0, *(edge for each in found for edge in (each.start, each.end)), len(inner)]
    if any(inner[start:end].strip() for start, end in zip(edges[::2], edges[1::2], strict=True)):
        return []
    return [(each.name, each.inner.strip()) for each in found]
