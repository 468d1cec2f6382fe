"""Portable files of verdicts, and merging of caches.

A file of verdicts is JSON lines, compressed where its name ends in `.gz`:

    {"format": "groundeval verdicts", "version": 1}
    {"verifier": {...}}            the verifier: model, revision, dtype, template ...
    {"pair": "HEX", "entailed": true, "score": 0.97, "rechecked": false}      of this verifier, and so on
    {"end": NUMBER OF VERDICTS}

A pair is a hash of its texts, so that the file holds no document.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from groundeval.errors import DataError, UsageError, excerpt, no_such
from groundeval.nli.cache import ENTAILED, RECHECKED, default_path, in_file, verifier_id
from groundeval.nli.cache_files import Kept, check_cache, is_database, verdicts_in
from groundeval.records import Verdict

logger = logging.getLogger(__name__)

FORMAT = "groundeval verdicts"
VERSION = 1
MOST_LINE = 1 << 22
"""Characters of a line: a verifier's identity is the longest."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Counts of verdicts added to a cache."""

    read: int
    added: int
    other: int
    """Verdicts that contradict the cache's; the cache's are kept."""


def export(file: Path, path: Path | None = None) -> int:
    """Write all verdicts of a cache to a file, atomically; return their number. Raises UsageError if it cannot.

    A row of the cache that holds no verdict is left out with a warning.
    """
    path = path or default_path()
    if not path.exists():
        raise UsageError(f"NLI cache {path}: does not exist, so there is nothing to export.")
    bad: list[str] = []
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with _writing(unfinished, file.suffix == ".gz") as stream:
            count = _write(stream, verdicts_in(path, bad.append))
        os.replace(unfinished, file)
    except OSError as error:
        raise UsageError(f"{file}: cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    if bad:
        logger.warning("%d rows were left out; the first: %s", len(bad), bad[0])
    return count


def add(sources: Sequence[Path], path: Path | None = None) -> Joined:
    """Add the verdicts of files and other caches to a cache: all of them, or none in case of an error.

    Raises UsageError for a source that does not exist or is the cache itself and for a cache that cannot be used,
    DataError for a damaged source, which names the line.
    """
    path = path or default_path()
    for source in sources:
        if not source.is_file():
            raise no_such(source, advice="\n  Expected: a cache (nli.sqlite) or an exported file.")
        if path.exists() and source.samefile(path):
            raise UsageError(f"{source}: is the cache being added to. Choose another with --path FILE.")
    check_cache(path)
    return in_file(path, lambda connection: _add(connection, sources))


def _add(connection: sqlite3.Connection, sources: Sequence[Path]) -> Joined:
    read = added = other = 0
    numbers: dict[str, int] = {}
    with connection:
        for source in sources:
            for kept in verdicts_in(source) if is_database(source) else read_file(source):
                if kept.verifier not in numbers:
                    numbers[kept.verifier] = verifier_id(connection, kept.verifier)
                is_new, differs = _insert(connection, numbers[kept.verifier], kept)
                read, added, other = read + 1, added + is_new, other + differs
    return Joined(read, added, other)


def read_file(file: Path) -> Iterator[Kept]:
    """The verdicts of a file. Raises DataError, which names the line, if it is damaged or incomplete."""
    verifier: str | None = None
    count = 0
    ended = False
    number = 0
    for number, line in _lines(file):
        where = f"{file}, line {number}"
        found = _object(line, where)
        if ended:
            raise DataError(f"{where}: comes after the end of the file.")
        if number == 1:
            if (found.get("format"), found.get("version")) != (FORMAT, VERSION):
                raise DataError(f"{where}: not a file of verdicts (version {VERSION}).")
        elif isinstance(found.get("verifier"), dict):
            verifier = json.dumps(found["verifier"], sort_keys=True)
        elif "end" in found:
            ended = True
            if found["end"] != count:
                raise DataError(f"{where}: the file declares {found['end']} verdicts but holds {count}.")
        else:
            if verifier is None:
                raise DataError(f"{where}: no earlier line names the verifier of this verdict.")
            count += 1
            yield Kept(verifier, *_verdict(found, where))
    if not ended:
        raise DataError(f"{file}, line {number + 1}: the file is cut off.")


def _write(stream: IO[str], verdicts: Iterable[Kept]) -> int:
    verifier = None
    count = 0
    stream.write(json.dumps({"format": FORMAT, "version": VERSION}) + "\n")
    for kept in verdicts:
        if kept.verifier != verifier:
            verifier = kept.verifier
            stream.write(json.dumps({"verifier": json.loads(verifier)}, sort_keys=True) + "\n")
        entailed, score, rechecked = kept.verdict.entailed, kept.verdict.score, kept.verdict.rechecked
        row = {"pair": kept.pair.hex(), "entailed": entailed, "score": score, "rechecked": rechecked}
        stream.write(json.dumps(row) + "\n")
        count += 1
    stream.write(json.dumps({"end": count}) + "\n")
    return count


def _insert(connection: sqlite3.Connection, verifier: int, kept: Kept) -> tuple[bool, bool]:
    """Insert a verdict; return whether it is new, and whether it contradicts an existing one."""
    flags = kept.verdict.entailed * ENTAILED + kept.verdict.rechecked * RECHECKED
    row = (verifier, kept.pair, flags, kept.verdict.score)
    if connection.execute("INSERT OR IGNORE INTO verdict VALUES (?, ?, ?, ?)", row).rowcount:
        return True, False
    query = "SELECT flags FROM verdict WHERE verifier = ? AND pair = ?"
    [there] = connection.execute(query, (verifier, kept.pair)).fetchone()
    return False, bool(there & ENTAILED) != kept.verdict.entailed


def _writing(file: Path, compressed: bool) -> IO[str]:
    if compressed:
        return cast("IO[str]", gzip.open(file, "wt", encoding="ascii"))
    return file.open("w", encoding="ascii")


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    number = 0
    opened: Callable[..., Any] = gzip.open if file.suffix == ".gz" else open
    try:
        with opened(file, "rt", encoding="utf-8") as stream:
            # Lines have a bound: a compressed file of a few kilobytes may hold one of gigabytes.
            for line in iter(partial(stream.readline, MOST_LINE), ""):
                number += 1
                if len(line) == MOST_LINE:
                    raise DataError(f"{file}, line {number}: longer than {MOST_LINE:,} characters")
                yield number, line
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{file}, line {number + 1}: cannot be read: {error}") from error


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise DataError(f"{where}: must be an object, not {excerpt(line)}")
    return found


def _verdict(found: dict[str, Any], where: str) -> tuple[bytes, Verdict]:
    pair, entailed, score, rechecked = (found.get(name) for name in ("pair", "entailed", "score", "rechecked"))
    if not isinstance(entailed, bool) or not isinstance(rechecked, bool):
        raise DataError(f'{where}: "entailed" and "rechecked" must be true or false.')
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise DataError(f'{where}: "score" must be a number from 0 to 1, not {excerpt(score)}')
    try:
        key = bytes.fromhex(pair)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        key = b""
    if len(key) != 16:
        raise DataError(f'{where}: "pair" must be 32 hexadecimal digits, not {excerpt(pair)}')
    return key, Verdict(entailed, float(score), rechecked)
