"""Turning one record in the ALCE or Trust-Score format into an `Example`, with every field checked."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any, NoReturn, TypeVar

from groundeval.errors import DataError, excerpt, kind_of, nearest, quoted
from groundeval.records import Document, Example, QAPair
from groundeval.storage.json_records import Record

T = TypeVar("T")


MOST_SHARED = 50_000
"""Values of which equal ones are looked for: documents repeat near each other, or throughout a small collection."""


class Shared:
    """Interns equal documents and strings of a file, so that repeated documents use memory once."""

    def __init__(self) -> None:
        self._values: dict[Any, Any] = {}
        self._flags: dict[tuple[Any, ...], tuple[int, ...]] = {}

    def one(self, value: T) -> T:
        """An earlier value equal to this one, if it is remembered, else this one."""
        if len(self._values) >= MOST_SHARED:
            self._values.clear()
        kept: T = self._values.setdefault(value, value)
        return kept

    def flags(self, value: list[Any]) -> tuple[int, ...] | None:
        """A list of zeros and ones as a tuple; None for anything else."""
        try:
            key = tuple(value)
            if key not in self._flags:
                if not all(flag in (0, 1) for flag in key):
                    return None
                self._flags[key] = tuple(int(flag) for flag in key)
            return self._flags[key]
        except TypeError:  # a list within the list
            return None


def example_from(record: Record, default_id: str, shared: Shared | None = None) -> Example:
    """The example that a record describes. Raises DataError for a field that is missing or has a wrong type.

    Fields that are absent or null become None; an empty list stays one (`docs: []` is an example without documents);
    unknown fields are ignored. `default_id` is used where the record has neither `id` nor `sample_id`.
    """
    shared = shared or Shared()
    data = record.data
    answers = _alias_lists(record, data.get("answers"), "answers", shared)
    qa_pairs = _qa_pairs(record, data.get("qa_pairs"), shared)
    claims = _strings(record, data.get("claims"), "claims")
    # The source of derived `answers`, which `answers_found` must match too.
    gold = next((each for each in (answers, qa_pairs, claims) if each is not None), None)
    return Example(
        id=_id(record, default_id),
        question=_question(record),
        docs=_documents(record, data.get("docs"), None if gold is None else len(gold), shared),
        answers=answers,
        qa_pairs=qa_pairs,
        claims=claims,
        answer=_string(record, data.get("answer"), "answer"),
        annotations=_annotations(record, data.get("annotations")),
        response=_string(record, data.get("response"), "response"),
    )


def wrong(record: Record, field: str, value: object, allowed: str, advice: str = "") -> NoReturn:
    """Raise DataError for a field with a wrong value, naming file, record, field, value and what is allowed."""
    raise DataError(
        f'{record.where}: field "{field}" is {described(value)}; it must be {allowed}.'
        + (f"\n  {advice}" if advice else "")
    )


def missing(record: Record, field: str, advice: str) -> NoReturn:
    """Raise DataError for a missing field, naming the field that may have been meant."""
    near = nearest(field, map(str, record.data), likeness=0.6)
    guess = f' (there is "{near}")' if near else ""
    raise DataError(f'{record.where}: field "{field}" is missing{guess}.\n  {advice}')


def described(value: object) -> str:
    """A value for messages: `null`, `NaN`, or an excerpt with its type."""
    if value is None:
        return "null"
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "infinite"
    return f"{excerpt(value)} ({kind_of(value)})"


def _question(record: Record) -> str:
    question = record.data.get("question")
    if type(question) is str and question.strip():
        return question
    if "question" not in record.data:
        missing(record, "question", f"Every record needs one. This record has: {quoted(record.data)}.")
    return wrong(record, "question", question, "a string that is not empty")


def _id(record: Record, default: str) -> str:
    for name in ("id", "sample_id"):
        value = record.data.get(name)
        if value is None:
            continue
        if type(value) is str and value:
            return value
        if type(value) is int:
            with suppress(ValueError):  # more digits than Python writes
                return str(value)
        wrong(record, name, value, "a string that is not empty, or a whole number")
    return default


def _documents(record: Record, value: Any, answers: int | None, shared: Shared) -> tuple[Document, ...] | None:
    if value is None:
        return None
    if type(value) is not list:
        wrong(record, "docs", value, 'a list of objects {"title": ..., "text": ...}')
    docs = tuple(_document(record, doc, index, answers, shared) for index, doc in enumerate(value))
    if any(doc.answers_found is None for doc in docs) and any(doc.answers_found is not None for doc in docs):
        index = next(i for i, doc in enumerate(docs) if doc.answers_found is None)
        raise DataError(
            f'{record.where}: field "docs[{index}].answers_found" is missing, but other documents have it.\n'
            "  Give it for every document, or for none: then it is computed."
        )
    return docs


def _document(record: Record, value: Any, index: int, answers: int | None, shared: Shared) -> Document:
    name = f"docs[{index}]"
    if type(value) is not dict:
        wrong(record, name, value, 'an object {"title": ..., "text": ...}')
    text = value.get("text")
    if type(text) is not str:
        if text is None and "text" not in value:
            raise DataError(f'{record.where}: field "{name}.text" is missing: a document needs a text')
        wrong(record, f"{name}.text", text, "a string")
    title = value.get("title")
    if type(title) is not str:
        title = _string(record, title, f"{name}.title") or ""
    found = value.get("answers_found")
    document = Document(
        shared.one(title),
        shared.one(text),
        _string(record, value.get("sent"), f"{name}.sent"),
        _string(record, value.get("summary"), f"{name}.summary"),
        _string(record, value.get("extraction"), f"{name}.extraction"),
        None if found is None else _found(record, found, f"{name}.answers_found", answers, shared),
    )
    return shared.one(document)


def _found(record: Record, value: Any, name: str, answers: int | None, shared: Shared) -> tuple[int, ...]:
    flags = shared.flags(value) if type(value) is list else None
    if flags is None:
        wrong(record, name, value, "a list with 0 or 1 for every gold answer")
    if answers is not None and len(flags) != answers:
        wrong(record, name, value, f"a list of {answers} numbers, one for every gold answer")
    return flags


def _alias_lists(record: Record, value: Any, name: str, shared: Shared) -> tuple[tuple[str, ...], ...] | None:
    if value is None:
        return None
    form = 'a list of gold answers, each a list of its aliases: [["Paris"], ["1889", "the year 1889"]]'
    if type(value) is not list:
        wrong(record, name, value, form)
    lists = []
    for index, aliases in enumerate(value):
        if type(aliases) is not list:
            wrong(record, f"{name}[{index}]", aliases, "a list of strings", f"`{name}` is {form}.")
        lists.append(shared.one(_strings(record, aliases, f"{name}[{index}]") or ()))
    return tuple(lists)


def _qa_pairs(record: Record, value: Any, shared: Shared) -> tuple[QAPair, ...] | None:
    if value is None:
        return None
    form = 'a list of objects {"question": ..., "short_answers": [...]}'
    if type(value) is not list:
        wrong(record, "qa_pairs", value, form)
    pairs = []
    for index, pair in enumerate(value):
        name = f"qa_pairs[{index}]"
        if type(pair) is not dict:
            wrong(record, name, pair, 'an object {"question": ..., "short_answers": [...]}')
        if "short_answers" not in pair:
            raise DataError(
                f'{record.where}: field "{name}.short_answers" is missing: it lists the aliases of the answer'
            )
        short = pair["short_answers"]
        if type(short) is not list:
            wrong(record, f"{name}.short_answers", short, "a list of strings")
        question = _string(record, pair.get("question"), f"{name}.question") or ""
        pairs.append(QAPair(question, shared.one(_strings(record, short, f"{name}.short_answers") or ())))
    return tuple(pairs)


def _annotations(record: Record, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if type(value) is not list:
        wrong(record, "annotations", value, 'a list of objects {"long_answer": ...}')
    for index, annotation in enumerate(value):
        if type(annotation) is not dict or type(annotation.get("long_answer")) is not str:
            wrong(record, f"annotations[{index}]", annotation, 'an object whose "long_answer" is a string')
    return tuple(annotation["long_answer"] for annotation in value)


def _strings(record: Record, value: Any, name: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    if type(value) is not list:
        wrong(record, name, value, "a list of strings")
    for index, item in enumerate(value):
        if type(item) is not str:
            wrong(record, f"{name}[{index}]", item, "a string")
    return tuple(value)


def _string(record: Record, value: Any, name: str) -> str | None:
    if value is None or type(value) is str:
        return value
    return wrong(record, name, value, "a string")
