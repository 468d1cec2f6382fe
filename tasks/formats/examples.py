"""Reading a whole file of examples: ids are unique, and every record has the same kinds of gold data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from groundeval.errors import DataError
from groundeval.records import Document, Example
from groundeval.storage.any_records import read_any
from groundeval.storage.id_index import IdIndex
from groundeval.storage.json_records import Layout, Record
from groundeval.storage.spool import Numbers, Spool
from groundeval.tasks.formats.fields import Shared, example_from

FOUND = "docs[].answers_found"
"""Name of the documents' flags in messages."""

_NUMBER_BITS = 40
"""Of a record's place in its file, beside the number of the file."""

_PURPOSE = {
    "docs": 'Citation metrics need the documents given to the model: [{"title": ..., "text": ...}, ...] ([] for none).',
    FOUND: "It lists the gold answers that a document holds. If no record has it, it is computed.",
    "qa_pairs": 'Exact-match metrics need it: a list of {"question": ..., "short_answers": [...]}.',
    "answers": "List and Trust-Score metrics need it: a list of gold answers, each a list of aliases.",
    "claims": "Claim metrics need it: a list of strings.",
}
"""The fields that must be in all records or in none, with their purpose."""


class Checked:
    """Turns the records of one source into examples and checks them against each other."""

    def __init__(self) -> None:
        self.shared = Shared()
        self.may_lack: frozenset[str] = frozenset()
        """Fields that only some records may have."""
        self._ids = IdIndex()
        self._records = Numbers()
        """By the number of its id: the number of a record, with that of its file."""
        self._files: list[str] = []
        self._first: dict[str, tuple[bool, str]] = {}

    def example(self, record: Record) -> Example:
        """The example of a record; its id defaults to the record's index, counted from 0."""
        example = self.identified(self.read(record), record)
        self.complete(example, record)
        return example

    def read(self, record: Record) -> Example:
        """The example of a record, not yet checked against others."""
        return example_from(record, str(record.number - 1), self.shared)

    def lenient(self, record: Record) -> Example:
        """The example of a request that failed, which is not scored: what of it can be read."""
        try:
            example = self.read(record)
        except DataError:
            asked = record.data.get("question")
            example = Example(str(record.number - 1), asked if isinstance(asked, str) else "")
        return self.identified(example, record)

    def identified(self, example: Example, record: Record) -> Example:
        """The example, after checking that its id is unique."""
        self.unique(example.id, record)
        return example

    def unique(self, identifier: str, record: Record) -> None:
        """Refuse an id that an earlier record has."""
        if record.file not in self._files:
            self._files.append(record.file)
        mine = self._files.index(record.file) << _NUMBER_BITS | record.number
        number = self._ids.add(identifier)
        if number == len(self._records):
            self._records.append(mine)
        elif (found := self._records[number]) != mine:
            file, number = self._files[found >> _NUMBER_BITS], found & (1 << _NUMBER_BITS) - 1
            raise DataError(
                f'{record.where}: the id "{identifier}" is already used by record {number} of {file}.\n'
                "  Give every record a unique id, or leave `id` out: then its position is its id."
            )

    def complete(self, example: Example, record: Record) -> None:
        """Refuse a record that lacks a field that others have."""
        for field, present in _present(example):
            if field in self.may_lack:
                continue
            if field not in self._first:
                self._first[field] = present, record.where
            before, where = self._first[field]
            if before != present:
                lacking, having = (where, record.where) if present else (record.where, where)
                raise DataError(f'{lacking}: field "{field}" is missing, but {having} has it.\n  {_PURPOSE[field]}')


def read_examples(path: str | Path, *, layout: Layout = "auto", name: str | None = None) -> Iterator[Example]:
    """The examples of a file in the ALCE or Trust-Score format, one at a time.

    Raises DataError for anything wrong in it: see `read_any`, `example_from` and `Checked`.
    """
    checked = Checked()
    for record in read_any(path, layout=layout, name=name):
        yield checked.example(record)


class FieldsPresent:
    """The fields that all of the examples seen so far have, under the names that metrics use.

    Out of `docs`, `answers_found`, `qa_pairs`, `answers`, `claims`, `answer`, `annotations`, `response`, and
    `references` (an `answer` or `annotations`). Examples without documents do not count for `answers_found`.
    """

    def __init__(self) -> None:
        self._absent: set[str] = set()
        self._seen: set[str] = set()

    def add(self, example: Example) -> None:
        """See an example."""
        for field, present in _present(example):
            (self._seen if present else self._absent).add("answers_found" if field == FOUND else field)
        for field in ("answer", "annotations", "response"):
            (self._absent if getattr(example, field) is None else self._seen).add(field)
        (self._absent if example.answer is None and not example.annotations else self._seen).add("references")

    @property
    def found(self) -> frozenset[str]:
        """The fields that all have."""
        return frozenset(self._seen - self._absent)

    @property
    def known(self) -> frozenset[str]:
        """The fields that all have or can derive: `answers` from `qa_pairs` or `claims`, where it is missing."""
        return self.found | {"answers"} if self.found & {"qa_pairs", "claims"} else self.found


def fields_present(examples: Iterable[Example]) -> frozenset[str]:
    """The fields that all of the examples have (see `FieldsPresent`)."""
    present = FieldsPresent()
    for example in examples:
        present.add(example)
    return present.found


class ContentHashes:
    """The `content_hash` of the examples seen so far, together and each alone; those of many are on disk."""

    def __init__(self, examples: Iterable[Example] = ()) -> None:
        self._together = hashlib.sha256()
        self._each = Spool[bytes]()
        for example in examples:
            self.add(example)

    def add(self, example: Example) -> None:
        """See an example."""
        content = _as_bytes(example)
        self._together.update(content)
        self._each.append(hashlib.sha256(content).digest())

    @property
    def together(self) -> str:
        """Of all examples."""
        return self._together.hexdigest()

    def __getitem__(self, row: int) -> str:
        """Of one example."""
        return self._each[row].hex()


def content_hash(examples: Iterable[Example]) -> str:
    """SHA-256 of the examples' content as hexadecimal digits, independent of the file format."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(_as_bytes(example))
    return digest.hexdigest()


def _as_bytes(example: Example) -> bytes:
    return json.dumps(_plain(example), sort_keys=True, default=str).encode() + b"\n"


def _present(example: Example) -> Iterator[tuple[str, bool]]:
    yield "docs", example.docs is not None
    yield "qa_pairs", example.qa_pairs is not None
    yield "answers", example.answers is not None
    yield "claims", example.claims is not None
    if example.docs:
        yield FOUND, example.docs[0].answers_found is not None


def _plain(example: Example) -> list[object]:
    return [
        example.id,
        example.question,
        None if example.docs is None else [_plain_document(document) for document in example.docs],
        example.answers,
        None if example.qa_pairs is None else [[pair.question, pair.short_answers] for pair in example.qa_pairs],
        example.claims,
        example.answer,
        example.annotations,
        example.response,
        dict(example.extra),
    ]


def _plain_document(document: Document) -> list[object]:
    return [
        document.title,
        document.text,
        document.sent,
        document.summary,
        document.extraction,
        document.answers_found,
    ]


def known_fields(examples: Iterable[Example]) -> frozenset[str]:
    """Fields that all examples have or can derive, under the names that metrics use."""
    present = FieldsPresent()
    for example in examples:
        present.add(example)
    return present.known


def with_documents(example: Example, count: int) -> Example:
    """The example with its first `count` documents: only those given to the model are scored."""
    if example.docs is None or len(example.docs) <= count:
        return example
    return replace(example, docs=example.docs[:count])
