"""Files of outputs of any size, made from the embedded data: every record has texts of its own."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from groundeval.bench.damaged_text import damaged
from groundeval.records import Example
from groundeval.tasks import load_task
from groundeval.tasks.reference import reference_response

WORDS = 12
"""Words of its own in every document: no two records share a text, so no cache makes them cheaper than real ones."""


def write_outputs(path: Path, count: int, task: str = "asqa") -> Path:
    """Write `count` records as JSON lines: example, documents, gold data and an output, every second one damaged."""
    with path.open("w", encoding="utf-8") as file:
        for record in outputs(count, task):
            file.write(json.dumps(record) + "\n")
    return path


def outputs(count: int, task: str = "asqa") -> Iterator[dict[str, Any]]:
    """The records one at a time; the same for the same count and task."""
    chosen = load_task(task)
    examples = chosen.load("embedded").examples
    honest = [reference_response(each, chosen.kind) for each in examples]
    words = sorted(
        {word for each in examples for doc in each.docs or () for word in doc.text.split() if word.isalpha()}
    )
    records = [record_of(example, output) for example, output in zip(examples, honest, strict=True)]
    for number in range(count):
        rng = random.Random(number)
        record = dict(records[number % len(records)])
        if number % 2:
            record["output"] = damaged(record["output"], number)
        record["id"] = f"made-{number:07d}"
        record["question"] += f" ({' '.join(rng.choices(words, k=3))}, {number})"
        if "docs" in record:
            record["docs"] = [
                {**doc, "text": f"{doc['text']} {' '.join(rng.choices(words, k=WORDS))}."} for doc in record["docs"]
            ]
        yield record


def record_of(example: Example, output: str) -> dict[str, Any]:
    """The line of a predictions file."""
    fields = {key: value for key, value in asdict(example).items() if value is not None and key != "extra"}
    if example.docs is not None:
        fields["docs"] = [{k: v for k, v in asdict(each).items() if v is not None} for each in example.docs]
    if example.annotations is not None:
        fields["annotations"] = [{"long_answer": each} for each in example.annotations]
    return {**fields, "output": output}
