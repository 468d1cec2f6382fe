"""Logs that are zip archives with a JSON file for every sample in the folder `samples`, as `.eval` files are."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from groundeval.console.sanitize import one_line
from groundeval.errors import DataError
from groundeval.storage.json_records import Record, read_stream

_SAMPLES = "samples/"


def is_archive_of_samples(path: Path) -> bool:
    """Whether a file is such an archive; false for any other zip archive, which has to be unpacked."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return bool(_members(archive))
    except (zipfile.BadZipFile, OSError):
        return False


def read_archive(path: Path, name: str) -> Iterator[Record]:
    """The samples, one at a time, in the order of the archive. Raises DataError for one that cannot be read."""
    number = 0
    with zipfile.ZipFile(path) as archive:
        for member in _members(archive):
            try:
                with archive.open(member) as stream:
                    for record in read_stream(stream, path, f"{name}, {one_line(member)}"):
                        number += 1
                        yield replace(record, file=name, number=number)
            except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
                shown = one_line(member)
                raise DataError(f"{name}, {shown} cannot be read: {error}; unpack the file: unzip {path}") from error


def _members(archive: zipfile.ZipFile) -> list[str]:
    return [each for each in archive.namelist() if each.startswith(_SAMPLES) and each.endswith(".json")]
