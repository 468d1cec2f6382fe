"""Reads a file of model outputs, each beside the question, documents and gold data that it answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from groundeval.records import Example
from groundeval.storage.json_records import Layout, Record, read_records
from groundeval.tasks.formats.examples import Checked
from groundeval.tasks.formats.fields import missing, wrong


def read_predictions(
    path: str | Path, checked: Checked | None = None, *, layout: Layout = "auto", name: str | None = None
) -> Iterator[tuple[Example, str]]:
    """The examples of a predictions file with what the model said (field `output`), one at a time.

    The file is a JSON list, `{"data": [...]}` or JSON lines in the ALCE or Trust-Score format. An output may be empty,
    but has to be there. `checked` says what else is accepted, by default nothing amiss. Raises DataError for anything
    wrong in the file.
    """
    checked = Checked() if checked is None else checked
    for record in read_records(path, layout=layout, name=name):
        yield checked.example(record), _output(record)


def _output(record: Record) -> str:
    output = record.data.get("output")
    if type(output) is str:
        return output
    advice = 'Write "" for an empty output: it counts as an answer that says nothing.'
    if "output" not in record.data:
        missing(record, "output", f"Every record needs the model's text. {advice}")
    return wrong(record, "output", output, "a string, the model's text", advice)
