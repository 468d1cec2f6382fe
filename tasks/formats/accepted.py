"""Lenient reading of output records that the original evaluators score despite faults: corrected, with a note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from groundeval.records import Example
from groundeval.storage.id_index import IdIndex
from groundeval.storage.json_records import Record
from groundeval.tasks.formats.examples import FOUND, Checked
from groundeval.tasks.formats.outputs.ended import was_cut

_GOLD = ("answers", "qa_pairs", "claims")
"""The gold fields that `answers_found` must match: the first of these that a record has."""


class Accepted(Checked):
    """Turns records into examples as `Checked` does, and corrects faults that the originals tolerate.

    - A repeated id gets a suffix, so that both records are scored.
    - An empty id is replaced by the record's position.
    - A document with `sent` (ALCE's shorter premise) and no `text` gets that as its text.
    - Where no profile reads `answers_found`, flags that do not match the gold answers are dropped.

    `notes` says what was put right, and in how many records; and how many outputs were cut, where the records tell why
    each ended (`groundeval.tasks.formats.outputs.ended`).
    """

    def __init__(self, *, reads_flags: bool = True) -> None:
        super().__init__()
        self._reads_flags = reads_flags
        self.may_lack = frozenset() if reads_flags else frozenset({FOUND})
        self._taken = IdIndex()
        self._counts: dict[str, int] = {}
        self._where: dict[str, str] = {}
        self._read = self._cut = 0

    def read(self, record: Record) -> Example:
        """The example of a record. Raises DataError for records that the originals cannot score either."""
        data = dict(record.data)
        for name in ("id", "sample_id"):
            if _is_empty(data.get(name)):
                self._count("records with an empty id, replaced by their position", record)
                del data[name]
        if isinstance(docs := data.get("docs"), list):
            data["docs"] = self._documents(docs, data, record)
        return super().read(replace(record, data=data))

    def identified(self, example: Example, record: Record) -> Example:
        """The example with a unique id."""
        self._read += 1
        self._cut += was_cut(record.data)
        free, number = example.id, 1
        while free in self._taken:
            number += 1
            free = f"{example.id}-{number}"
        self._taken.add(free)
        if free == example.id:
            return example
        self._count("records with the id of an earlier one, given a suffix", record, f'"{example.id}" is now "{free}"')
        return replace(example, id=free)

    @property
    def notes(self) -> tuple[str, ...]:
        """The corrections made in the records read so far."""
        right = [f"{what}: {count} ({self._where[what]})" for what, count in self._counts.items()]
        cut = f"{self._cut} of {self._read} answers were cut at the limit on their length"
        return (*right, cut) if self._cut else tuple(right)

    def _documents(self, docs: list[Any], data: Mapping[str, Any], record: Record) -> list[Any]:
        if any(_has_only_sent(doc) for doc in docs):
            self._count('records whose documents have "sent" and no "text", read as their text', record)
            docs = [{**doc, "text": doc["sent"]} if _has_only_sent(doc) else doc for doc in docs]
        if not self._reads_flags and not _flags_fit(docs, data):
            what = (
                'records whose "answers_found" do not match their gold answers, ignored: profile alce does not use them'
            )
            self._count(what, record)
            docs = [
                {key: value for key, value in doc.items() if key != "answers_found"} if isinstance(doc, dict) else doc
                for doc in docs
            ]
        return docs

    def _count(self, what: str, record: Record, detail: str = "") -> None:
        self._counts[what] = self._counts.get(what, 0) + 1
        self._where.setdefault(what, f"first: record {record.number}" + (f", {detail}" if detail else ""))


def _is_empty(value: object) -> bool:
    """Whether an id is an empty string, or NaN, a table's missing value."""
    return (isinstance(value, str) and not value) or (isinstance(value, float) and value != value)


def _has_only_sent(doc: Any) -> bool:
    return isinstance(doc, dict) and doc.get("text") is None and isinstance(doc.get("sent"), str)


def _flags_fit(docs: list[Any], data: Mapping[str, Any]) -> bool:
    """Whether every document or none has a 0 or 1 for each gold answer."""
    found = [doc.get("answers_found") for doc in docs if isinstance(doc, dict)]
    if all(flags is None for flags in found):
        return True
    gold = next((data[name] for name in _GOLD if isinstance(data.get(name), list)), None)
    return all(
        isinstance(flags, list) and all(flag in (0, 1) for flag in flags) and (gold is None or len(flags) == len(gold))
        for flags in found
    )
