"""The documents of a record, in the forms in which tools write them, and the numbers by which they are cited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from groundeval.tasks.formats.outputs.blocks import document_blocks, is_document
from groundeval.tasks.formats.outputs.conversations import is_conversation
from groundeval.tasks.formats.outputs.numbered import passages
from groundeval.tasks.formats.outputs.parts import Data, Misfit, Part, first_of, objects, requests_in
from groundeval.tasks.formats.outputs.returned import returned_objects
from groundeval.tasks.formats.outputs.roles import renamed
from groundeval.tasks.formats.outputs.tagged import tagged
from groundeval.tasks.formats.outputs.texts import TEXTS, decoded, text_of

DOCUMENTS = (
    "docs", "documents", "contexts", "retrieved_contexts", "retrieval_context", "source_documents", "source_nodes",
    "context", "passages", "retrieved_documents", "retrieved_docs", "retrieved_passages", "search_results", "sources",
    "chunks", "ctxs", "evidence",
)  # fmt: skip
"""Fields that hold documents, the more specific first."""

_TITLE = (
    "title", "name", "filename", "file_name", "document_title", "document_name", "doc_name", "page_name", "source",
    "url", "uri", "link", "page_url",
)  # fmt: skip
_KEYS = (
    "id", "doc_id", "docid", "document_id", "id_", "node_id", "file_id", "content_id", "chunk_id", "url", "uri", "link",
    "page_url", "source", "title", "filename",
)  # fmt: skip
_INSIDE = (
    "node", "kwargs", "document", "data", "retrieved_context", "web", "rag_chunk", "doc", "chunk_info", "chunk", "file",
    "source", "payload", "properties", "fields",
)  # fmt: skip
_METADATA = ("metadata", "meta", "extra_info", "location", "document_metadata", "attributes")
_OWN = ("sent", "summary", "extraction", "answers_found")
"""Fields of a document in groundeval's own format besides title and text."""
_ALLOWED = "a list of texts, or of objects with a text (text, page_content, content, snippet, ...) and perhaps a title"


@dataclass(slots=True)
class Source:
    """A document, or what is known of it."""

    title: str = ""
    text: str | None = None
    keys: set[str] = field(default_factory=set)
    """The keys by which a citation may name it: an id, an address, a title."""
    own: dict[str, Any] = field(default_factory=dict)


class Sources:
    """The documents of one record in their order; a citation of one that is not among them adds it."""

    def __init__(self, given: Iterable[Source] = ()) -> None:
        self.all = list(given)
        self._whole = {id(source) for source in self.all if source.text is not None}

    def cited(self, *keys: object, title: object = None, text: object = None) -> int:
        """The position of the document that a key names, the first before the others; else of the one with this text.

        A quotation from a document whose text is unknown is used as its text.
        """
        names = [str(key) for key in keys if key not in (None, "")]
        said = text.strip() if isinstance(text, str) else ""
        place = next((n for name in names for n, source in enumerate(self.all) if name in source.keys), None)
        if place is None and said:
            place = next((n for n, each in enumerate(self.all) if id(each) in self._whole and each.text == said), None)
        if place is None:
            self.all.append(Source())
            place = len(self.all) - 1
        source = self.all[place]
        source.keys.update(names)
        source.title = source.title or (title if isinstance(title, str) else "")
        if said and id(source) not in self._whole and said not in (source.text or ""):
            source.text = said if source.text is None else f"{source.text}\n{said}"
        return place

    def at(self, position: object) -> int | None:
        """The position of a document that is cited by its position; None if there is no such document."""
        is_place = type(position) is int and 0 <= position < len(self.all)
        return position if is_place else None  # type: ignore[return-value]

    def part(self, name: str) -> Part:
        """The documents as a part of a record; `name`: the field they come from."""
        return Part(self.all, name)


def sources_in(data: Data) -> tuple[Sources, str | None]:
    """The documents that a record, or the request in it, holds under one of the usual names, and that name."""
    found = first_of(data, *DOCUMENTS)
    if found is not None:
        return Sources(documents_from(found.value, found.field)), found.field
    for request, name in requests_in(data):
        found = first_of(request, *DOCUMENTS)
        with suppress(Misfit):  # a request has much else, for instance a context that is no text
            if found is not None:
                return Sources(documents_from(found.value, found.field)), f"{name}.{found.field}"
    return Sources(), None


def documents_from(value: Any, name: str) -> list[Source]:
    """The documents of a value: a list of texts or objects, one of them, `{title: text}`, or a cell that holds one."""
    value = decoded(value)
    if value is None or value == "":
        return []
    if is_conversation(value):
        return _given_in(value, name)
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0] if passages(value[0]) else value
    if isinstance(value, str):
        between = tagged(value)
        if between is not None and not between.before.strip() and not between.after.strip():
            return [_source(each, name) for each in between.docs]
        return [Source(title, text) for title, text in passages(value) or [("", value)]]
    if isinstance(value, Mapping):
        value = _rows(value) or value
    if isinstance(value, Mapping):
        flat = flattened(value)
        if not any(key in flat for key in (*TEXTS, *_KEYS)) and all(isinstance(each, str) for each in value.values()):
            return [Source(str(title), text, {str(title)}) for title, text in value.items()]
        value = [value]
    if not isinstance(value, list):
        raise Misfit(name, value, _ALLOWED)
    value = _given(value)
    return [found for index, item in enumerate(value) for found in _sources(item, f"{name}[{index}]")]


def _given_in(turns: Any, name: str) -> list[Source]:
    """The documents of a conversation: blocks of its turns, else what tools returned, if all of it has texts."""
    blocks = document_blocks(turns)
    if blocks:
        return [_source(block, name) for block in blocks]
    with suppress(Misfit):
        returned = [_source(each, name) for each in returned_objects(turns)]
        return returned if all(each.text for each in returned) else []
    return []


def _given(items: list[Any]) -> list[Any]:
    """Of the content of turns, the documents; of lists of objects, as a path to many places finds them, the objects."""
    if any(isinstance(each, list) for each in items) or any(each.get("type") == "text" for each in objects(items)):
        blocks = document_blocks(items)
        if any(map(is_document, blocks)) or (blocks and objects(items) != items):
            return blocks
    if all(isinstance(each, list) and objects(each) == each for each in items):
        return [each for inner in items for each in inner]
    return items


def _sources(item: Any, name: str) -> list[Source]:
    """The document of an item; several where it has the texts of several files, each with an object that names it."""
    known = renamed(item) if isinstance(item, Mapping) else {}
    texts, about = known.get("document"), known.get("metadata")
    if not isinstance(texts, list) or not isinstance(about, list) or len(texts) != len(about):
        return [_source(item, name)]
    each = [_source({"text": text, "metadata": data}, name) for text, data in zip(texts, about, strict=True)]
    files = {next(iter(sorted(found.keys)), None) for found in each}
    return [_source(item, name)] if len(files) < 2 else each


def _rows(value: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Documents stored by columns, `{title: [...], sentences: [...]}`; None for anything else."""
    columns = {name: each[0] if _is_nested(each) else each for name, each in renamed(value).items() if each}
    kept = {name.removesuffix("s"): each for name, each in columns.items() if isinstance(each, list)}
    if len({len(each) for each in kept.values()}) != 1 or len(kept) != len(columns) or not {*kept} & {*TEXTS}:
        return None
    return [dict(zip(kept, row, strict=True)) for row in zip(*kept.values(), strict=True)]


def _is_nested(value: Any) -> bool:
    """Whether it is the result of one query among several: `[[...]]`."""
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], list)


def _source(item: Any, name: str) -> Source:
    if isinstance(item, list) and len(item) == 2 and isinstance(item[1], int | float):
        item = item[0]  # a document and its score
    if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], list):
        item = {"title": item[0], "text": item[1]}  # a title and sentences
    item = decoded(item)
    if isinstance(item, Source):
        return item
    if isinstance(item, str):
        is_address = item.startswith(("http://", "https://")) and not any(map(str.isspace, item))
        return Source(item, None, {item}) if is_address else Source(text=item)
    if not isinstance(item, Mapping):
        raise Misfit(name, item, _ALLOWED)
    flat = flattened(item)
    text = next((found for key in TEXTS if (found := _text(flat.get(key))) is not None), None)
    title = next((flat[key] for key in _TITLE if isinstance(flat.get(key), str)), "")
    keys = {str(flat[key]) for key in _KEYS if isinstance(flat.get(key), str | int)}
    if text is None and not keys and not is_document(item):
        raise Misfit(name, item, _ALLOWED)
    return Source(title, text, keys, {key: item[key] for key in _OWN if item.get(key) is not None})


def _text(value: Any) -> str | None:
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        return " ".join(map(str.strip, value))  # sentences or snippets
    return text_of(value)


def flattened(item: Data) -> dict[str, Any]:
    """The fields of a document, and those of its metadata and of the object inside it; its own take precedence."""
    item = renamed(item)
    if item.get("type") == "base64":  # the bytes of a PDF are no text
        item.pop("data", None)
    flat: dict[str, Any] = {}
    for name in (*_INSIDE, *_METADATA):
        if isinstance(item.get(name), Mapping):
            flat = {**flattened(item[name]), **flat}
    nested = (*_INSIDE, *_METADATA)
    own = {key: value for key, value in item.items() if not (key in nested and isinstance(value, Mapping))}
    return {**flat, **{key: value for key, value in own.items() if value is not None}}
