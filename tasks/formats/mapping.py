"""Turning a record of any shape into an `Example` by the mapping of a YAML task."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from typing import Any, NoReturn

from groundeval.errors import DataError, excerpt
from groundeval.records import Document, Example, QAPair
from groundeval.storage.json_records import Record
from groundeval.tasks.formats.field_path import Absent, parse_path
from groundeval.tasks.formats.fields import described
from groundeval.tasks.formats.patterns import SECONDS, removed
from groundeval.tasks.yaml.schema import Documents, Gold, Value, YamlTask

_NO = frozenset({"", "no", "false", "none", "unanswerable"})


class Mapping:
    """The mapping of one YAML task, applied record by record."""

    def __init__(self, task: YamlTask, file: str) -> None:
        self.task = task
        self.file = file
        """The YAML file, for messages."""

    def covers(self, record: Record) -> bool:
        """Whether a record has the fields that are mapped to question, documents and gold data."""
        fields = self.task.fields
        mapped = [each for each in (fields.question, fields.documents, fields.answers, fields.claims) if each]
        try:
            for each in mapped:
                if each.where is not None:
                    each.where.find(record.data)
        except Absent:
            return False
        return True

    @property
    def roots(self) -> frozenset[str]:
        """The fields of a record that the mapping reads, or reads something of."""
        fields = self.task.fields
        parts = ("id", "question", "documents", "answers", "claims", "answer", "response", "answerable")
        mapped = [*(getattr(fields, part) for part in parts), *fields.extra.values()]
        steps = [each.where.steps[0] for each in mapped if each is not None and each.where and each.where.steps]
        return frozenset(step for step in steps if isinstance(step, str))

    def example(self, record: Record, default_id: str) -> Example:
        """The example of a record. Raises DataError, naming file, record, mapped field, path and value."""
        fields = self.task.fields
        at = _At(record, self.file)
        question = at.text("question", fields.question)
        if question is None or not question.strip():
            at.wrong("question", fields.question, question, "a string that is not empty")
        answers = at.gold("answers", fields.answers)
        claims = at.texts("claims", fields.claims)
        if claims is None and self.task.kind == "claims" and answers is not None:
            claims = tuple(aliases[0] for aliases in answers)
        if answers is None and claims is not None:
            answers = tuple((claim,) for claim in claims)
        answerable = at.answerable(self.task)
        holds = 0 if answers is None or not answerable else len(answers)
        return Example(
            id=at.identifier(fields.id, default_id),
            question=question,
            docs=None if fields.documents is None else at.documents(fields.documents, answers, answerable=holds > 0),
            answers=answers,
            # Read by ALCE's exact match; each gold answer of a plain question becomes a sub-question.
            qa_pairs=tuple(QAPair(question, aliases) for aliases in answers or ()) if self.task.kind == "em" else None,
            claims=claims if self.task.kind == "claims" else None,
            answer=at.text("answer", fields.answer),
            response=at.text("response", fields.response),
            extra={name: at.value(f"extra.{name}", value) for name, value in fields.extra.items()},
        )


class _At:
    """One record, read through the mapping, with its error messages."""

    def __init__(self, record: Record, file: str) -> None:
        self.record = record
        self.file = file

    def value(self, name: str, value: Value | None) -> Any:
        """The raw value of a mapped field; None if it is absent and optional."""
        if value is None:
            return None
        if value.where is None:
            return value.constant
        try:
            found = value.where.find(self.record.data)
            if found is not None and value.decode is not None:
                found = self.decoded(name, value, found)
            if found is not None and value.inside is not None:
                found = parse_path(value.inside).find(found)
        except Absent as absent:
            if value.optional:
                return value.default
            self.fail(name, value, f"{absent}.\n  Correct the path, or give a `default` if some records lack the field")
        return value.default if found is None and value.optional else found

    def decoded(self, name: str, value: Value, found: Any) -> Any:
        """A value that is stored as text."""
        if not isinstance(found, str):
            self.wrong(name, value, found, f"a string, because of `decode: {value.decode}`")
        try:
            return json.loads(found, strict=False) if value.decode == "json" else ast.literal_eval(found)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
            reason = str(error) or type(error).__name__
            self.fail(name, value, f"{described(found)} cannot be decoded as {value.decode}: {reason}")

    def text(self, name: str, value: Value | None) -> str | None:
        """A string; the first one, if the path leads to many places."""
        found = self.value(name, value)
        if isinstance(found, list) and value is not None and value.where is not None and value.where.many and found:
            found = found[0]
        if found is None or value is None:
            return None
        if not isinstance(found, str):
            self.wrong(name, value, found, "a string")
        return self.without(name, found, value)

    def texts(self, name: str, value: Value | None) -> tuple[str, ...] | None:
        """A list of strings, or a single one; empty ones are left out."""
        found = self.value(name, value)
        if value is None:
            return None
        items = [] if found is None else found if isinstance(found, list) else [found]
        for item in items:
            if not isinstance(item, str):
                self.wrong(name, value, item, "a string or a list of strings")
        return tuple(text for text in (self.without(name, item, value) for item in items) if text.strip())

    def gold(self, name: str, value: Gold | None) -> tuple[tuple[str, ...], ...] | None:
        """Gold answers: a string, a list of strings, or a list of lists of aliases; empty ones are left out."""
        found = self.value(name, value)
        if value is None:
            return None
        items = [] if found is None else found if isinstance(found, list | tuple) else [found]
        if value.list_of == "aliases":
            items = [items]
        answers = []
        for item in items:
            aliases = item if isinstance(item, list | tuple) else [item]
            for alias in aliases:
                if not isinstance(alias, str):
                    self.wrong(name, value, alias, "a string, a list of strings, or a list of lists of aliases")
            answers.append(tuple(alias for alias in (self.without(name, a, value) for a in aliases) if alias.strip()))
        return tuple(answer for answer in answers if answer)

    def identifier(self, value: Value | None, default: str) -> str:
        found = self.value("id", value)
        if found is None or value is None:
            return default
        if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
            self.wrong("id", value, found, "a string that is not empty, or a whole number")
        return str(found)

    def answerable(self, task: YamlTask) -> bool:
        """Whether the record is marked as answerable; True without a mark."""
        value = task.fields.answerable
        if value is None:
            return True
        found = self.value("answerable", value)
        if "equals" in value.model_fields_set:
            return bool(found == value.equals)
        if isinstance(found, str):
            return found.strip().lower() not in _NO
        return bool(found)

    def documents(
        self, mapped: Documents, answers: tuple[tuple[str, ...], ...] | None, *, answerable: bool
    ) -> tuple[Document, ...]:
        """The record's own documents."""
        found = self.value("documents", mapped)
        if isinstance(found, dict):
            looks_like_one = mapped.text in found
            found = [found] if looks_like_one else [{"title": str(k), "text": v} for k, v in found.items()]
        items: Iterable[Any] = [] if found is None else found if isinstance(found, list | tuple) else [found]
        docs = [self.document(mapped, item, index, answers, answerable) for index, item in enumerate(items)]
        return tuple(dict.fromkeys(docs)) if mapped.drop_repeated else tuple(docs)

    def document(
        self, mapped: Documents, item: Any, index: int, answers: tuple[tuple[str, ...], ...] | None, answerable: bool
    ) -> Document:
        name = f"documents[{index}]"
        if isinstance(item, str):
            parts: dict[str, str | None] = {"title": "", "text": item}
        elif isinstance(item, dict | list):
            if isinstance(item, list) and not mapped.text.startswith(("[", ".")):
                self.wrong(
                    name, mapped, item, "an object or a string; for a list, give paths: `title: '[0]'`, `text: '[1:]'`"
                )
            parts = {
                part: self.part(mapped, item, name, part, getattr(mapped, part))
                for part in ("title", "text", "sent", "summary", "extraction")
            }
        else:
            self.wrong(name, mapped, item, "an object with a title and a text, or a string")
        text = parts["text"]
        if text is None:
            self.fail("documents", mapped, f'"{name}.{mapped.text}" is missing: a document needs a text')
        return Document(
            parts["title"] or "",
            self.without("documents", text, mapped),
            parts.get("sent"),
            parts.get("summary"),
            parts.get("extraction"),
            self.held(mapped, item, name, answers, answerable),
        )

    def part(self, mapped: Documents, item: Any, name: str, part: str, path: str | None) -> str | None:
        """One text of a document; a list of strings is joined."""
        if path is None:
            return None
        try:
            found = parse_path(path).find(item)
        except Absent as absent:
            if part == "title" and "title" not in mapped.model_fields_set:
                return None
            self.fail("documents", mapped, f"in {name}, {part}: {absent}")
        if isinstance(found, list) and all(isinstance(piece, str) for piece in found):
            return mapped.join.join(found)
        if found is not None and not isinstance(found, str):
            self.wrong(f"{name}.{part}", mapped, found, "a string or a list of strings")
        return found

    def held(
        self, mapped: Documents, item: Any, name: str, answers: tuple[tuple[str, ...], ...] | None, answerable: bool
    ) -> tuple[int, ...] | None:
        """`answers_found` of a document, if the mapping defines it."""
        count = 0 if answers is None else len(answers)
        if not answerable and mapped.holds_answer is not None:
            return (0,) * count
        if mapped.holds_answer is None:
            return None
        if isinstance(mapped.holds_answer, bool):
            return (int(mapped.holds_answer),) * count
        try:
            found = parse_path(mapped.holds_answer).find(item)
        except Absent as absent:
            self.fail("documents", mapped, f"in {name}, holds_answer: {absent}")
        flags = found if isinstance(found, list) else [found] * count
        if len(flags) != count or any(flag not in (0, 1) for flag in flags):
            allowed = f"true or false, or a list of {count} of them, one for every gold answer"
            self.wrong(f"{name}.holds_answer", mapped, found, allowed)
        return tuple(int(flag) for flag in flags)

    def without(self, name: str, text: str, value: Value) -> str:
        """A text without what the field's `remove` matches."""
        if value.remove is None:
            return text
        try:
            return removed(value.remove, text).strip()
        except TimeoutError:
            self.fail(name, value, f"`remove` takes longer than {SECONDS:g} s on {excerpt(text)}: write it simpler")

    def wrong(self, name: str, value: Value, found: object, allowed: str) -> NoReturn:
        self.fail(name, value, f"the value is {described(found)}; it must be {allowed}")

    def fail(self, name: str, value: Value, what: str) -> NoReturn:
        origin = f"constant {value.constant!r}" if value.where is None else f'path "{value.where.text}"'
        raise DataError(f'{self.record.where}: field "{name}" ({origin} in {self.file}): {what}')
