"""Reading untrusted cache files: read-only, only tables, every row checked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from groundeval.errors import DataError, UsageError, excerpt
from groundeval.nli.cache import ENTAILED, RECHECKED, default_path, in_file, refuse_network
from groundeval.records import Verdict

SQLITE = b"SQLite format 3\0"
PAIR_BYTES = 16
MOST_IDENTITY = 1 << 20
"""Characters of a verifier's identity."""
_UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises on a damaged file; the latter for names of tables and columns."""
_COLUMNS = {
    "verifier": ("id", "hash", "identity"),
    "verdict": ("verifier", "pair", "flags", "score"),
}


class Kept(NamedTuple):
    """A verdict with its cache key."""

    verifier: str
    """The verifier's identity, as canonical JSON."""
    pair: bytes
    verdict: Verdict


def is_database(file: Path) -> bool:
    """Whether a file begins as SQLite's do."""
    try:
        with file.open("rb") as stream:
            return stream.read(len(SQLITE)) == SQLITE
    except OSError as error:
        raise UsageError(f"NLI cache {file}: cannot be used: {error.strerror}") from None


def check_cache(path: Path) -> None:
    """Raises DataError for an existing file that is not a cache of verdicts; the file is not changed."""
    if path.exists() and path.stat().st_size:
        with closing(_opened(path)):
            pass


def counts(path: Path) -> dict[str, int]:
    """The number of verdicts by the verifier's identity. Raises DataError for a file that is not a cache."""
    query = "SELECT identity, (SELECT COUNT(*) FROM verdict WHERE verdict.verifier = verifier.id) FROM verifier"
    try:
        with closing(_opened(path)) as connection:
            return {str(identity): count for identity, count in connection.execute(query)}
    except _UNREADABLE as error:
        raise _no_cache(path, str(error)) from error


def verdicts_in(path: Path, bad: Callable[[str], None] | None = None) -> Iterator[Kept]:
    """The verdicts of a cache file, verifier by verifier, in the order of the pairs.

    `bad` is called for each row without a valid verdict, which is then left out; without it such a row is a DataError.
    """
    query = (
        "SELECT identity, pair, flags, score FROM verdict JOIN verifier ON verifier.id = verdict.verifier "
        "ORDER BY verifier.hash, pair"
    )
    try:
        with closing(_opened(path)) as connection:
            for number, row in enumerate(connection.execute(query), 1):
                try:
                    yield _kept(*row)
                except ValueError as error:
                    where = f"{path}, verdict {number}: {error}"
                    if bad is None:
                        raise DataError(where) from None
                    bad(where)
    except _UNREADABLE as error:
        raise _no_cache(path, str(error)) from error


def _opened(path: Path) -> sqlite3.Connection:
    """A read-only connection to a file whose schema is that of a cache."""
    if not is_database(path):
        raise _no_cache(path, "it is not an SQLite database")
    try:
        connection = _connection(path, "mode=ro")
    except sqlite3.OperationalError:
        # A file in write-ahead mode in a folder that cannot be written to.
        connection = _connection(path, "mode=ro&immutable=1")
    except _UNREADABLE as error:
        raise _no_cache(path, str(error)) from error
    return connection


def _connection(path: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
    try:
        # Views and triggers are code of the file's author.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        trouble = _trouble(connection)
    except BaseException:
        connection.close()
        raise
    if trouble:
        connection.close()
        raise _no_cache(path, trouble)
    return connection


def _trouble(connection: sqlite3.Connection) -> str | None:
    """The difference of a schema from a cache's; None if there is none."""
    found = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    tables = {name for kind, name, sql in found if kind == "table" and str(sql).upper().startswith("CREATE TABLE")}
    for kind, name, _ in found:
        if kind not in ("table", "index") or (kind == "table" and name not in tables):
            return f"it has a {kind} {excerpt(name, 40)}"
    for table, columns in _COLUMNS.items():
        there = [row[1] for row in connection.execute(f"PRAGMA table_xinfo({table})")]
        if table not in tables or there != list(columns):
            return f"its table {table} must have the columns {', '.join(columns)}"
    return None


def _kept(identity: object, pair: object, flags: object, score: object) -> Kept:
    """A row as a verdict. Raises ValueError, which names the column and what is allowed."""
    if not isinstance(identity, str) or len(identity) > MOST_IDENTITY or not _is_object(identity):
        raise ValueError(f"identity must be a JSON object, not {excerpt(identity)}")
    if not isinstance(pair, bytes) or len(pair) != PAIR_BYTES:
        raise ValueError(f"pair must be {PAIR_BYTES} bytes, not {excerpt(pair)}")
    if type(flags) is not int or not 0 <= flags <= ENTAILED | RECHECKED:
        raise ValueError(f"flags must be a number from 0 to {ENTAILED | RECHECKED}, not {excerpt(flags)}")
    if type(score) not in (int, float) or not isfinite(score) or not 0 <= score <= 1:  # type: ignore[arg-type,operator]
        raise ValueError(f"score must be a number from 0 to 1, not {excerpt(score)}")
    return Kept(identity, pair, Verdict(bool(flags & ENTAILED), float(score), bool(flags & RECHECKED)))  # type: ignore[arg-type]


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _no_cache(path: Path, why: str) -> DataError:
    return DataError(f"{path} is not a cache of verdicts: {why}. It was not changed.")


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """Size and content of a cache file."""

    path: str
    bytes: int
    verdicts: dict[str, int]
    """Number of verdicts by the verifier's identity (JSON)."""


def info(path: Path | None = None) -> CacheInfo:
    """Size and content of a cache file; zero for one that does not exist. Changes nothing.

    Raises DataError for a file that is not a cache, UsageError for one that cannot be read.
    """
    path = path or default_path()
    refuse_network(path)
    if not path.exists():
        return CacheInfo(str(path), 0, {})
    return CacheInfo(str(path), path.stat().st_size, counts(path) if path.stat().st_size else {})


def clear(path: Path | None = None) -> int:
    """Empty a cache file, even one in use; return the number of verdicts dropped. Raises as `info`."""
    path = path or default_path()
    if not path.exists():
        return 0
    check_cache(path)
    return in_file(path, _empty)


def _empty(connection: sqlite3.Connection) -> int:
    with connection:
        dropped = connection.execute("DELETE FROM verdict").rowcount
        connection.execute("DELETE FROM verifier")
    # If other processes use the file, it keeps its size and fills again.
    with suppress(sqlite3.OperationalError):
        connection.execute("VACUUM")
    return int(dropped)
