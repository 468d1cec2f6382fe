"""The lines of `scores.jsonl` that a scoring finds: which can be reused, and the order in which they belong."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from groundeval.run.responses import ResponseSet, sample_hash
from groundeval.scoring.notes import ResponseNotes
from groundeval.scoring.table import ScoreTable
from groundeval.storage.folder import Lines
from groundeval.storage.id_index import IdIndex
from groundeval.storage.scores import score_lines
from groundeval.storage.spool import Numbers

SCORED = ("ok", "empty", "unclosed_reasoning")
"""Statuses of samples that have values."""


@dataclass(slots=True)
class Stored:
    """The lines of `scores.jsonl` in their order, by the position of their sample in the data."""

    rows: Numbers = field(default_factory=Numbers)
    """-1 where the line belongs to a sample that is not among these."""
    others: dict[str, int] = field(default_factory=dict)
    """The last line of each such sample."""


def recall(lines: Lines, responses: ResponseSet, table: ScoreTable, notes: ResponseNotes) -> Stored:
    """Reuse the stored scores whose text and example are unchanged."""
    stored = Stored()
    if not lines.path.exists():
        return stored
    rows = IdIndex(example.id for example in responses.examples)
    for number, record in enumerate(score_lines(lines.path, responses.folder)):
        row = rows.get(record["id"])
        stored.rows.append(-1 if row is None else row)
        if row is None:
            stored.others[record["id"]] = number
        elif record["status"] in SCORED and row not in table:
            response = responses.at(row)
            known = None if responses.content is None else responses.content[row]
            if record.get("sample_sha256") == sample_hash(response, known):
                table.add(row, record["status"], record["values"])
                notes.add(response, row)
    return stored


def put_in_order(lines: Lines, stored: Stored, samples: int) -> None:
    """Bring lines that were written in another order into that of the data, one per sample.

    Intervals are drawn from values in their order: recomputing them from the file must use the same order.
    """
    rows = stored.rows
    if all(row == number for number, row in enumerate(rows)):
        return
    last = array("q", [-1]) * samples
    for number, row in enumerate(rows):
        if row >= 0:
            last[row] = number
    ordered = array("q", (number for number in (*last, *stored.others.values()) if number >= 0))
    if any(here != number for number, here in enumerate(ordered)) or len(ordered) < len(rows):
        lines.reorder(ordered)
