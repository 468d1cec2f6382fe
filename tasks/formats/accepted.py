"""Records of outputs that the original evaluators score although something is amiss in them: taken, with a note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from groundeval.records import Example, cut_at_limit
from groundeval.storage.json_records import Record
from groundeval.tasks.formats.examples import FOUND, Checked

_GOLD = ("answers", "qa_pairs", "claims")
"""What `answers_found` must match: the first of these that a record has."""

ENDED = ("finish_reason", "stop_reason")
"""Fields in which a record tells why its output ended."""


class Accepted(Checked):
    """Turns records into examples as `Checked` does, and puts right what the originals do not mind.

    - An id that an earlier record has gets a suffix, so that both are scored.
    - An empty id is none: the record's position stands for it.
    - A document with `sent` (ALCE's shorter premise) and no `text` has that as its text.
    - Where no profile reads `answers_found`, flags that do not fit the gold answers are left out.

    `notes` says what was put right, and in how many records; and how many outputs were cut, where the records tell why
    each ended (`finish_reason`, or `stop_reason`).
    """

    def __init__(self, *, reads_flags: bool = True) -> None:
        super().__init__()
        self._reads_flags = reads_flags
        self.may_lack = frozenset() if reads_flags else frozenset({FOUND})
        self._taken: set[str] = set()
        self._counts: dict[str, int] = {}
        self._where: dict[str, str] = {}
        self._read = self._cut = 0

    def read(self, record: Record) -> Example:
        """The example of a record. Raises DataError for what the originals cannot score either."""
        data = dict(record.data)
        self._read += 1
        self._cut += any(cut_at_limit(data.get(name)) for name in ENDED)
        if _is_empty(data.get("id")):
            self._count("records with an empty id, for which their position stands", record)
            del data["id"]
        if isinstance(docs := data.get("docs"), list):
            data["docs"] = self._documents(docs, data, record)
        return super().read(replace(record, data=data))

    def identified(self, example: Example, record: Record) -> Example:
        """The example under an id of its own."""
        free, number = example.id, 1
        while free in self._taken:
            number += 1
            free = f"{example.id}-{number}"
        self._taken.add(free)
        if free == example.id:
            return example
        self._count(
            "records with the id of an earlier one, which got a suffix", record, f'"{example.id}" is now "{free}"'
        )
        return replace(example, id=free)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was put right in the records read so far."""
        right = [f"{what}: {count} ({self._where[what]})" for what, count in self._counts.items()]
        cut = f"{self._cut} of {self._read} answers were cut at the limit on their length"
        return (*right, cut) if self._cut else tuple(right)

    def _documents(self, docs: list[Any], data: Mapping[str, Any], record: Record) -> list[Any]:
        if any(_has_only_sent(doc) for doc in docs):
            self._count('records whose documents have "sent" and no "text", which it is taken for', record)
            docs = [{**doc, "text": doc["sent"]} if _has_only_sent(doc) else doc for doc in docs]
        if not self._reads_flags and not _flags_fit(docs, data):
            what = (
                'records whose "answers_found" do not fit their gold answers, left out: profile alce does not read them'
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
    """An id without a character, or a NaN, which is how a table says that there is none."""
    return value == "" or value != value


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
