"""Inspects a file of outputs as scoring would read it: fields, one parsed record, possible metrics."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from groundeval.console.tally import counted
from groundeval.errors import DataError, UsageError, UserError, kind_of, option
from groundeval.metrics.metric import Context
from groundeval.metrics.profiles import PROFILES, profile_named
from groundeval.records import Response
from groundeval.run.options import ScoreOptions
from groundeval.run.outputs import Outputs, read_outputs, reader_for
from groundeval.run.score import plans_for
from groundeval.scoring.notes import has_unread_marks
from groundeval.storage.any_records import read_any
from groundeval.tasks import Task
from groundeval.tasks.formats.outputs.columns import by_rows
from groundeval.tasks.formats.outputs.reader import OutputReader
from groundeval.tasks.formats.outputs.unfolded import series


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the records in the file."""

    name: str
    records: int
    """Records that have it with a value that is not null."""
    kinds: tuple[str, ...]
    """JSON type of its values."""
    used_for: str = ""
    """The part of a record that is read from it."""


@dataclass(frozen=True, slots=True)
class Possible:
    """The metrics that can be computed under one profile."""

    profile: str
    metrics: tuple[str, ...]
    notes: tuple[str, ...]
    unread_marks: int
    """Outputs that cite by marks which the profile does not read, or only in part."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """The result of an inspection. `problem` says why the records cannot be scored, if they cannot."""

    file: str
    records: int
    fields: tuple[Field, ...]
    read_as: str = ""
    problem: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    """Of the records: with question, output, documents, citations, refusal, gold answers."""
    read_by: str = ""
    """The profile that read citations, refusals and the statements of the record shown."""
    first: dict[str, Any] = field(default_factory=dict)
    """The record shown, as it is scored."""
    number: int = 1
    """Its position in the file, from 1."""
    possible: tuple[Possible, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def inspect_outputs(options: ScoreOptions, task: Task, number: int | None = None) -> Inspection:
    """Read a file as `score` would; nothing is judged. `number`: the record to show; None: the first with an answer.

    Raises UserError for a file that is missing, or that is in no format that can be read, and for a number beyond it.
    """
    path = Path(str(options.predictions))
    records, fields = _fields(path)
    reader = reader_for(options, task)
    try:
        outputs = read_outputs(options, task, reader)
    except DataError as error:
        # What the other records were recognised as helps to see what is wrong with this one.
        read_as = next(iter(reader.notes), "")
        return Inspection(str(path), records, _with_uses(fields, reader), read_as=read_as, problem=str(error))
    answered = (row for row, each in enumerate(outputs.responses, 1) if each.status != "error")
    shown = next(answered) if number is None else number
    if shown > len(outputs.responses):
        raise UsageError(f"{option('record', shown)}: {path} has {counted(len(outputs.responses), 'record')}")
    notes = [note for note in outputs.notes if not note.startswith("read as ")]
    profiles = options.profiles or tuple(PROFILES)
    read_by = options.profiles[0] if options.profiles else task.profile
    return Inspection(
        str(path),
        records,
        _with_uses(fields, reader),
        read_as=next((note for note in outputs.notes if note.startswith("read as ")), "read as groundeval's format"),
        counts=_counts(outputs, read_by),
        read_by=read_by,
        first=_parsed(outputs, outputs.responses[shown - 1], read_by),
        number=shown,
        possible=tuple(_possible(outputs, profile, options) for profile in profiles),
        notes=tuple(notes),
        warnings=outputs.warnings,
    )


def _fields(path: Path) -> tuple[int, tuple[Field, ...]]:
    counts: dict[str, int] = {}
    kinds: dict[str, dict[str, None]] = {}
    total = 0
    for record in by_rows(read_any(path)):
        total += 1
        for name, value in record.data.items():
            counts[name] = counts.get(name, 0) + (value is not None)
            kinds.setdefault(name, {})[kind_of(value)] = None
    return total, tuple(Field(name, count, tuple(kinds[name])) for name, count in counts.items())


def _with_uses(fields: tuple[Field, ...], reader: OutputReader) -> tuple[Field, ...]:
    """The fields, with the parts that are read from each or from something inside it."""
    used = {part: place.split('"')[1] for part, place in reader.used.items()}
    if not used and reader.shape is None:
        used = {part: part for part in ("question", "output", "docs", "answers", "qa_pairs")}
    return tuple(
        replace(each, used_for=", ".join(part for part, place in used.items() if _is_within(place, each.name)))
        for each in fields
    )


def _is_within(place: str, name: str) -> bool:
    return place in (name, series(name)) or place.startswith((f"{name}.", f"{name}["))


def _counts(outputs: Outputs, read_by: str) -> dict[str, int]:
    profile = profile_named(read_by)
    counts = dict.fromkeys(("output", "empty output", "documents", "citations", "refusal", "gold answers"), 0)
    for response in outputs.responses:
        if response.status == "error":
            counts["failed request"] = counts.get("failed request", 0) + 1
            continue
        reading = Context(profile, outputs.task.kind).read(response)
        counts["output"] += 1
        counts["empty output"] += response.status != "ok"
        counts["documents"] += bool(response.example.docs)
        counts["citations"] += any(statement.citations for statement in reading.statements)
        counts["refusal"] += reading.refused
        counts["gold answers"] += bool(response.example.answers)
    return counts


def _parsed(outputs: Outputs, response: Response, profile: str) -> dict[str, Any]:
    """One record as it is scored."""
    reading = Context(profile_named(profile), outputs.task.kind).read(response)
    example = response.example
    return {
        "id": example.id,
        "question": example.question,
        "output": response.text,
        "error": response.finish_reason if response.status == "error" else None,
        "documents": None if example.docs is None else [{"title": d.title, "text": d.text} for d in example.docs],
        "statements": [
            # Numbered as in the text, from 1.
            {"text": each.hypothesis, "citations": [index + 1 for index in each.citations]}
            for each in reading.statements
        ],
        "decision": reading.decision.outcome
        + (" (the verifier may decide otherwise)" if reading.decision.possible else ""),
        "gold answers": None if example.answers is None else [list(aliases) for aliases in example.answers],
    }


def _possible(outputs: Outputs, name: str, options: ScoreOptions) -> Possible:
    profile = profile_named(name)
    unread = sum(has_unread_marks(response.text, profile) for response in outputs.responses) if name != "strict" else 0
    try:
        [plan] = plans_for(outputs.task, outputs.fields, replace(options, profiles=(name,), rewards=()))
    except UserError as error:
        return Possible(name, (), (str(error),), unread)
    return Possible(name, plan.reported, plan.notes, unread)
