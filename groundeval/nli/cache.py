"""Verdicts kept on disk: one SQLite file for all verifiers, shared by processes."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundeval.errors import UsageError
from groundeval.records import Verdict

logger = logging.getLogger(__name__)

NETWORK_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "fuse.sshfs", "9p")
PATIENCE_SECONDS = 30.0
KEYS_A_QUERY = 500
SCHEMA = """
CREATE TABLE IF NOT EXISTS verifier (id INTEGER PRIMARY KEY, hash BLOB UNIQUE NOT NULL, identity TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS verdict (
    verifier INTEGER NOT NULL, pair BLOB NOT NULL, flags INTEGER NOT NULL, score REAL NOT NULL,
    PRIMARY KEY (verifier, pair)
) WITHOUT ROWID;
"""
ENTAILED, RECHECKED = 1, 2


def default_path() -> Path:
    """`$GROUNDEVAL_CACHE`, or `groundeval` in the user's cache folder; the file `nli.sqlite` in it."""
    folder = os.environ.get("GROUNDEVAL_CACHE")
    if folder:
        return Path(folder).expanduser() / "nli.sqlite"
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "groundeval" / "nli.sqlite"


class VerdictCache:
    """The verdicts of one verifier, by its identity: model, revision, dtype, template.

    Any number of processes and threads may share the file. A file that cannot be read is set aside with a warning.
    A cache that fails later (a full disk) warns and is not used any more: it is never the reason for a failed run.
    Raises UsageError for a file on a network file system, where SQLite's locks cannot be trusted.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self._identity = json.dumps(identity, sort_keys=True)
        self._lock = threading.Lock()
        self._pid = -1
        self._connection: sqlite3.Connection | None = None
        self._verifier = 0
        self._broken = False
        _refuse_network(path)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Verdict]:
        """Those of the pairs' keys that are known."""
        found: dict[bytes, Verdict] = {}
        with self._guarded() as connection:
            for start in range(0, len(keys) if connection else 0, KEYS_A_QUERY):
                some = keys[start : start + KEYS_A_QUERY]
                marks = ",".join("?" * len(some))
                query = f"SELECT pair, flags, score FROM verdict WHERE verifier = ? AND pair IN ({marks})"
                assert connection is not None
                for pair, flags, score in connection.execute(query, (self._verifier, *some)):
                    found[pair] = Verdict(bool(flags & ENTAILED), score, bool(flags & RECHECKED))
        return found

    def put(self, verdicts: Sequence[tuple[bytes, Verdict]]) -> None:
        """Keep verdicts, in one transaction."""
        with self._guarded() as connection:
            if connection is None:
                return
            rows = [
                (self._verifier, key, v.entailed * ENTAILED + v.rechecked * RECHECKED, v.score) for key, v in verdicts
            ]
            with connection:
                connection.executemany("INSERT OR REPLACE INTO verdict VALUES (?, ?, ?, ?)", rows)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    @contextmanager
    def _guarded(self) -> Iterator[sqlite3.Connection | None]:
        """The connection of this process, or None once the file has failed."""
        with self._lock:
            try:
                if not self._broken and (self._connection is None or self._pid != os.getpid()):
                    self._open()
            except (sqlite3.Error, OSError) as error:
                self._give_up(error)
            try:
                yield None if self._broken else self._connection
            except (sqlite3.Error, OSError) as error:
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._broken = True
        logger.warning("NLI cache %s: %s; going on without it.", self.path, error)

    def _open(self) -> None:
        self._connection = connect_file(self.path)
        self._pid = os.getpid()
        with self._connection:
            self._verifier = verifier_id(self._connection, self._identity)


def verifier_id(connection: sqlite3.Connection, identity: str) -> int:
    """The number of a verifier in a cache file, by its identity as canonical JSON; a new one gets a new number."""
    key = hashlib.sha256(identity.encode()).digest()
    connection.execute("INSERT OR IGNORE INTO verifier (hash, identity) VALUES (?, ?)", (key, identity))
    [number] = connection.execute("SELECT id FROM verifier WHERE hash = ?", (key,)).fetchone()
    return int(number)


def connect_file(path: Path) -> sqlite3.Connection:
    """Open a cache file, made if need be. One that is no database is set aside as `NAME.corrupt-TIME`.

    Raises UsageError for a file on a network file system, where SQLite's locks cannot be trusted.
    """
    _refuse_network(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _connect(path)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        aside = path.with_name(f"{path.name}.corrupt-{int(time.time())}")
        os.replace(path, aside)
        for tail in ("-wal", "-shm"):
            path.with_name(path.name + tail).unlink(missing_ok=True)
        logger.warning("NLI cache %s cannot be read (%s): set aside as %s.", path, error, aside.name)
        return _connect(path)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE_SECONDS, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _refuse_network(path: Path) -> None:
    kind = file_system(path)
    if kind in NETWORK_FILE_SYSTEMS:
        raise UsageError(
            f"NLI cache {path}: lies on a network file system ({kind}), where SQLite can lose data.\n"
            "  Put it on a local disk (GROUNDEVAL_CACHE=FOLDER), or share verdicts through `groundeval serve-nli`."
        )


def file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> str | None:
    """The type of the file system that holds a path; None where it cannot be told."""
    try:
        lines = [line.split() for line in mounts.read_text("utf-8").splitlines()]
        resolved = path.resolve()
    except OSError:
        return None
    best, kind = -1, None
    for _, point, type_, *_ in lines:
        if len(point) > best and resolved.is_relative_to(point.replace("\\040", " ")):
            best, kind = len(point), type_
    return kind


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """What a cache file holds."""

    path: str
    bytes: int
    verdicts: dict[str, int]
    """Number of verdicts by the verifier's identity (JSON)."""


def info(path: Path | None = None) -> CacheInfo:
    """Size and content of a cache file; zero for one that does not exist."""
    path = path or default_path()
    if not path.exists():
        return CacheInfo(str(path), 0, {})
    connection = connect_file(path)
    try:
        rows = connection.execute(
            "SELECT identity, (SELECT COUNT(*) FROM verdict WHERE verdict.verifier = verifier.id) FROM verifier"
        ).fetchall()
    finally:
        connection.close()
    return CacheInfo(str(path), path.stat().st_size, dict(rows))


def clear(path: Path | None = None) -> int:
    """Empty a cache file; the number of verdicts that were dropped."""
    path = path or default_path()
    if not path.exists():
        return 0
    connection = connect_file(path)
    try:
        with connection:
            dropped = connection.execute("DELETE FROM verdict").rowcount
            connection.execute("DELETE FROM verifier")
        connection.execute("VACUUM")
    finally:
        connection.close()
    return int(dropped)
