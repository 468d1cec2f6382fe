"""Reads outputs of any known shape as records in groundeval's own format, and reports which fields it read as what."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Any, NoReturn

from groundeval.errors import DataError, UsageError, option, quoted, unknown
from groundeval.metrics.reading import AnswerKind
from groundeval.storage.json_records import Record
from groundeval.tasks.formats.field_path import Absent, FieldPath, parse_path
from groundeval.tasks.formats.fields import missing, wrong
from groundeval.tasks.formats.outputs.anywhere import SHAPE as NESTED
from groundeval.tasks.formats.outputs.anywhere import parts_anywhere
from groundeval.tasks.formats.outputs.conversations import question_in
from groundeval.tasks.formats.outputs.ended import was_cut
from groundeval.tasks.formats.outputs.failed import failure_in
from groundeval.tasks.formats.outputs.gold import claims_in, gold_from, kind_of_gold
from groundeval.tasks.formats.outputs.hints import likely_fields
from groundeval.tasks.formats.outputs.named import OUTPUTS, OWN, TABLE, named_parts
from groundeval.tasks.formats.outputs.numbered import with_numbers
from groundeval.tasks.formats.outputs.own_format import is_own
from groundeval.tasks.formats.outputs.parts import NO_OUTPUT, PARTS, Data, Misfit, Part, Parts, Shape, first_of
from groundeval.tasks.formats.outputs.paths import path_to
from groundeval.tasks.formats.outputs.prompts import apart, with_told
from groundeval.tasks.formats.outputs.shapes import shape_of
from groundeval.tasks.formats.outputs.sources import Source, documents_from
from groundeval.tasks.formats.outputs.texts import QUESTIONS, decoded, string_of, text_of
from groundeval.tasks.formats.outputs.unfolded import numbered_columns

LOOKED_AT = 100
"""Number of records from which the shape of a file is recognised."""
MOST_LOOKED_AT = 2_000
"""Records read for that where requests failed: an outage may be at the beginning of a log."""
_MOST_PLACES = 20
"""Number of places of documents that are remembered."""
_ORDER = ("question", "output", "docs", "gold", *PARTS, *OWN)
_HOW = {"claims": " (each sentence a claim)", "em": " (looked for as it is)", "list": " (looked for as items)"}


class OutputReader:
    """Turns the records of one source into groundeval's own format; `notes` says how, once reading has begun.

    `paths` maps parts of a record (`PARTS`) to field paths and takes precedence over recognition. `kind`: how gold
    answers are matched; None: determined from the gold data.
    """

    def __init__(self, paths: Mapping[str, str] | None = None, kind: AnswerKind | None = None) -> None:
        self.paths = {part: _path(part, text) for part, text in (paths or {}).items()}
        self.kind = kind
        self.shape: Shape | None = None
        """The shape of the records; None: groundeval's own format."""
        self.used: dict[str, str] = {}
        """The parts found, with their fields."""
        self._has_texts = False
        self._gold_field: str | None = None
        self._sought = {"question", "output", "docs", "reference"}
        """The parts that are looked for in the whole of a record where its shape has no place for them."""
        self._seeks_told = True
        """Whether passages are looked for in what the system was told."""
        self._was_told = False
        self._has_gold_throughout = True
        self._found = set[str]()
        """Those that were found so."""
        self._coded = frozenset[str]()
        """The fields whose texts are lists or objects as JSON, as cells of a table hold them."""
        self._document_places: tuple[str, ...] = ()
        """Where documents lie in the first records, the most frequent place first."""
        self.documents_at: str | None = None
        """The path to the documents of the records, as `--map` takes it; None where there is none, or no documents."""
        self._without_text = 0
        self._read = 0
        self._told = list[str]()

    def tell(self, note: str) -> None:
        """Take a note on how the records came about, to be among `notes`."""
        self._told.append(note)

    def read(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records, one at a time. Raises DataError for one that cannot be read, naming its field and value."""
        coming = iter(records)
        first, answered = _begin(coming)
        data = [record.data for record in answered]
        if sum(is_own(each, self.paths) for each in data) * 2 <= len(data):
            self.shape = shape_of(data) or (TABLE if self.paths else None)
        if self.shape is None and not self.paths:
            if data and "question" not in data[0]:
                self._missing("question" if question_in(data[0]) is None else "output", answered[0])
            self._read = len(first)
        else:
            self._look(answered)
        whole = self.shape is None and not self.paths
        for record in chain(first, coming):
            failure = failure_in(record.data)
            if failure is not None:
                yield replace(record, data=self._of_failed(record), failure=failure)
            else:
                yield record if whole else replace(record, data=self._converted(record))

    def output_beside(self, others: Collection[str], record: Record) -> str:
        """The output of a record whose other parts are read from these fields by a task's mapping."""
        path = self.paths.get("output")
        free = {name: value for name, value in record.data.items() if name not in others}
        part = first_of(free, *OUTPUTS)
        if path is not None:
            part = Part(_found(record, "output", path, record.data), path.text)
        if part is None:
            self._missing("output", record)
        self.used.setdefault("output", f'"{part.field}"')
        text = text_of(part.value)
        return wrong(record, part.field, part.value, "a string, the model's text", NO_OUTPUT) if text is None else text

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the fields recognised, for readers of the results; none for groundeval's format."""
        if not self.used:
            return ()
        name = "groundeval's format" if self.shape is None else self.shape.name
        found = ", ".join(f"{part} from {self.used[part]}" for part in sorted(self.used, key=_ORDER.index))
        notes = [f"read as {name}: {found}", *self._told]
        if self._without_text:
            notes.append(
                f"{self._without_text} of {self._read} records name their documents without their texts: "
                "citations are checked against texts"
            )
        return tuple(notes)

    def _parts(self, record: Record) -> Parts:
        data = record.data
        mapped = {part: Part(_found(record, part, path, data), path.text) for part, path in self.paths.items()}
        used = {path.text for path in self.paths.values() if len(path.steps) == 1}
        if self.shape is None:
            return mapped
        shape = self.shape if self.shape.fits(data) else shape_of([data]) or TABLE
        if "output" in mapped:
            parts = named_parts(data, used)
        elif shape is NESTED:
            parts = parts_anywhere(data, self._document_places)
        else:
            parts = shape.parts(data)
        if shape.is_whole and not self._has_gold_throughout:
            parts.pop("reference", None)
        lacking = set[str]() if shape.is_whole else self._sought - {*parts, *mapped}
        if lacking:
            free = {name: value for name, value in data.items() if name not in used}
            found = parts_anywhere(free, self._document_places)
            if "docs" in lacking and "docs" in found and _is_said(found["docs"], parts.get("output")):
                del found["docs"]
            parts = {**{name: part for name, part in found.items() if name in lacking}, **parts}
            self._found |= lacking & found.keys()
        if mapped.keys() & {"answers", "claims"}:
            parts.pop("reference", None)
        found = apart({**parts, **mapped})
        if "docs" not in found and self._seeks_told:
            found = with_told(found, data)
            self._was_told |= "docs" in found
        return found

    def _look(self, records: Sequence[Record]) -> None:
        """Determine from the first records what all have: texts of documents, gold data, and their kind."""
        gold: list[list[list[str]]] = []
        readable: list[Parts] = []
        # What no record has need not be sought in the others; gold answers that only some seem to have are none.
        having = [record for record in records if self._has_gold(record)]
        if 0 < len(having) < len(records):
            self._tell_of_gold(having[0], len(records) - len(having), len(records))
        self._has_gold_throughout = len(having) == len(records)
        self._sought = self._found if self._has_gold_throughout else self._found - {"reference"}
        self._seeks_told = self._was_told
        self._coded = _coded([record.data for record in records])
        self._document_places = self._places_of_documents(records)
        for record in records:
            # Records that do not fit are reported when they are read.
            with suppress(Misfit, RecursionError):
                parts = self._parts(record)
                docs = parts.get("docs")
                self._has_texts |= docs is not None and any(each.text for each in _sources(docs))
                found = parts.get("answers") or parts.get("reference")
                if found is not None:
                    self._gold_field = found.field
                    gold.append(gold_from(found.value, found.field))
                readable.append(parts)
        if self.kind is None:
            self.kind = kind_of_gold(gold)
        if self._has_texts:  # a record that cites nothing may have its documents elsewhere
            self._sought |= {"docs"}
        for parts in readable:
            if {"question", "output"} <= parts.keys():
                self._note(parts)

    def _tell_of_gold(self, having: Record, lacking: int, count: int) -> None:
        """The note on gold data that only some records have, which is not used."""
        with suppress(Misfit, RecursionError, DataError):
            parts = self._parts(having)
            if "reference" in parts and self.shape is not None:
                field = parts["reference"].field
                self.tell(
                    f'"{field}" is not read as gold answers: {lacking} of {count} records lack it. Write "" where '
                    f"a question has no answer, or name the field: {option('map', answers=field)}"
                )

    def _places_of_documents(self, records: Sequence[Record]) -> tuple[str, ...]:
        """Where any of the records has documents: what shows them in one record, shows them in all."""
        found = Counter[str]()
        for record in records:
            with suppress(Misfit, RecursionError, DataError):
                parts = self._parts(record)
                docs = parts.get("docs")
                if docs is None or not any(each.text for each in _sources(docs)):
                    continue
                if not found:
                    self.documents_at = path_to(docs, record.data)
                found[docs.field] += 1
        return tuple(field for field, _ in found.most_common(_MOST_PLACES))

    def _has_gold(self, record: Record) -> bool:
        try:
            return bool({"answers", "claims", "reference", *OWN} & self._parts(record).keys())
        except (Misfit, RecursionError, DataError):
            return True  # reported when it is read

    def _converted(self, record: Record) -> dict[str, Any]:
        self._read += 1
        try:
            parts = self._parts(record)
            for name in parts.keys() - {"question", "output"}:  # a model may write broken JSON
                self._refuse_broken(parts[name].field, record.data.get(parts[name].field))
            found = self._in_own_format(parts, record)
        except RecursionError:
            raise DataError(f"{record.where}: nested too deeply to be read") from None
        except Misfit as misfit:
            wrong(record, misfit.field, misfit.value, misfit.allowed)
        for name in ("question", "output"):
            if name not in found:
                self._missing(name, record)
        if self._gold_field is not None and not found.keys() & {"answers", "claims", *OWN}:
            missing(record, self._gold_field, "Other records have it. An empty value means that there is no answer.")
        if was_cut(record.data):
            found["finish_reason"] = "length"
        self._note(parts)
        return found

    def _of_failed(self, record: Record) -> dict[str, Any]:
        """What can be read of a record without an answer: its question, documents and gold data."""
        if self.shape is None and not self.paths:
            return dict(record.data)
        try:
            parts = self._parts(record)
            parts.pop("output", None)
            return self._in_own_format(parts, record)
        except (Misfit, DataError, RecursionError):
            asked = question_in(record.data)
            return {} if asked is None else {"question": asked.value}

    def _refuse_broken(self, field: str, value: object) -> None:
        """Raise Misfit for a cell that is broken JSON where the others are whole: it is no single text."""
        if field in self._coded and isinstance(value, str) and _begins_as_code(value) and decoded(value) is value:
            raise Misfit(field, value, "a whole list or object, as in the other records: it begins as one")

    def _note(self, parts: Parts) -> None:
        for name, part in parts.items():
            how = _HOW.get(str(self.kind), "") if name == "reference" else ""
            self.used.setdefault("gold" if name == "reference" else name, f'"{part.field}"{how}')

    def _in_own_format(self, parts: Parts, record: Record) -> dict[str, Any]:
        found: dict[str, Any] = dict(record.data) if self.shape is None else {}
        for name, part in parts.items():
            if name == "docs":
                found["docs"] = self._docs(part)
            elif name in ("answers", "reference"):
                found |= self._graded(part, string_of(parts["question"]) if "question" in parts else "")
            elif name == "claims":
                found["claims"] = [aliases[0] for aliases in gold_from(part.value, part.field)]
            elif name in ("question", "output", "answer"):
                text = string_of(part)
                found[name] = (
                    with_numbers(text, _sources(parts["docs"])) if name == "output" and "docs" in parts else text
                )
            else:
                found[name] = part.value
        if found.get("docs", ...) is None:
            del found["docs"]
        if self._has_texts:
            found.setdefault("docs", [])
        return found

    def _docs(self, part: Part) -> list[dict[str, Any]] | None:
        """The documents in groundeval's format; None if only their names are known."""
        sources = _sources(part)
        if sources and all(source.text is None for source in sources):
            self._without_text += 1
            if not self._has_texts:
                return None
        return [{"title": each.title, "text": each.text or "", **each.own} for each in sources]

    def _graded(self, part: Part, question: str) -> dict[str, Any]:
        answers = gold_from(part.value, part.field)
        if self.kind == "em":
            # What ALCE's exact match reads: a gold answer of a plain question is one reading of it.
            pairs = [{"question": question, "short_answers": aliases} for aliases in answers]
            return {"answers": answers, "qa_pairs": pairs}
        if self.kind == "list":
            return {"answers": answers}
        return {"claims": claims_in(answers), "answer": "\n".join(aliases[0] for aliases in answers)}

    def _missing(self, part: str, record: Record) -> NoReturn:
        """Raise the error for a record whose question or output is missing or empty."""
        names, allowed = {
            "output": (OUTPUTS, "a string, the model's text"),
            "question": (QUESTIONS, "a string that is not empty"),
        }[part]
        there = next((name for name in (self.used.get(part, "").strip('"'), *names) if name in record.data), None)
        if there is not None:
            wrong(record, there, record.data[there], allowed, NO_OUTPUT if part == "output" else "")
        found = dict[str, Part]()
        with suppress(Misfit, DataError, RecursionError):
            found = named_parts(record.data) | self._parts(record)
        lacking = {part} | {"question", "output", "docs"} - found.keys()
        likely = likely_fields(lacking, record.data, {each.field for each in found.values()})
        write = option("map", **{name: path.text for name, path in self.paths.items()} | likely)
        sought = f"It is looked for in {quoted(names, 6)}; the record has {quoted(record.data, 20)}."
        missing(record, part, f"{sought}\n  Name the fields: {write}")


def _begin(records: Iterator[Record]) -> tuple[list[Record], list[Record]]:
    """The first records, so many that enough of them have an answer, and those that have one."""
    first, answered = list[Record](), list[Record]()
    for record in records:
        first.append(record)
        if failure_in(record.data) is None:
            answered.append(record)
        if len(answered) == LOOKED_AT or len(first) == MOST_LOOKED_AT:
            break
    return first, answered


def _path(part: str, text: str) -> FieldPath:
    if part not in PARTS:
        raise unknown(f"part in {option('map')}", part, PARTS)
    try:
        return parse_path(text)
    except ValueError as error:
        raise UsageError(f"{option('map', **{part: text})}: {error}") from None


def _found(record: Record, part: str, path: FieldPath, data: Data) -> Any:
    first = path.steps[0] if path.steps else None
    if isinstance(first, str) and len(path.steps) > 1 and isinstance(data.get(first), str):
        data = {**data, first: decoded(data[first])}  # a cell of a table
    elif isinstance(first, str) and first not in data:
        data = {**data, **numbered_columns(data)}
    try:
        return path.find(data)
    except Absent as absent:
        raise DataError(f"{record.where}: {option('map', **{part: path.text})}: {absent}") from None


def _is_said(docs: Part, output: Part | None) -> bool:
    """Whether the texts of documents are the output itself, in its blocks."""
    said = text_of(output.value) if output is not None else None
    return said is not None and _letters("".join(each.text or "" for each in _sources(docs))) == _letters(said)


def _letters(text: str) -> str:
    return re.sub(r"\[\d+\]|\W", "", text)


def _sources(part: Part) -> list[Source]:
    return documents_from(part.value, part.field)


def _coded(records: Sequence[Data]) -> frozenset[str]:
    """The fields of which most texts that begin as a list or an object are one."""
    whole, broken = Counter[str](), Counter[str]()
    for data in records:
        for name, value in data.items():
            if isinstance(value, str) and _begins_as_code(value):
                (broken if decoded(value) is value else whole)[name] += 1
    return frozenset(name for name in whole if whole[name] > broken[name])


def _begins_as_code(text: str) -> bool:
    return text.lstrip()[:1] in ("[", "{")
