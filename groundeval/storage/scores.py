"""The lines of `scores.jsonl`, checked: id, status, and values that are numbers or null."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from groundeval.errors import DataError
from groundeval.storage.folder import Lines

LARGEST = sys.float_info.max
"""A value is a number that a float can hold: integers of JSON have any length."""


def score_lines(path: Path, root: Path | None = None) -> Iterator[dict[str, Any]]:
    """The scored samples of a file, in the order of its lines; `root` as in `open_regular`.

    Raises DataError, which names the line, for one that is not a scored sample.
    """
    for number, record in enumerate(Lines(path, root).read(), 1):
        if not _is_sample(record):
            raise DataError(f"{path}, line {number}: not a scored sample: id, status and values (numbers or null)")
        yield record


def _is_sample(record: Mapping[str, Any]) -> bool:
    values = record.get("values")
    if not isinstance(record.get("id"), str) or not isinstance(record.get("status"), str):
        return False
    if not isinstance(values, dict):
        return False
    numbers = [value for value in values.values() if value is not None]
    return all(type(value) in (int, float) and abs(value) <= LARGEST for value in numbers)
