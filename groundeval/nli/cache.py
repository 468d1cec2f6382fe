"""The verdict cache on disk: one SQLite file for all verifiers, shared by processes."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from groundeval.errors import UsageError, option
from groundeval.models.hub import cache_folder
from groundeval.records import Verdict

logger = logging.getLogger(__name__)
T = TypeVar("T")

NETWORK_FILE_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "fuse.sshfs", "9p")
PATIENCE_SECONDS, SHORT_PATIENCE_SECONDS = 30.0, 1.0
"""Longest wait for a file that another process has locked: usually, and after a wait that timed out."""
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
    """The file `nli.sqlite` in the cache folder."""
    return cache_folder() / "nli.sqlite"


class VerdictCache:
    """The verdicts of one verifier, by its identity: model, revision, dtype, template.

    Any number of processes and threads may share the file, and any of them may empty it. A damaged file is set aside
    with a warning, and a new one created. A cache never makes a run fail: a batch for which the file stays locked is
    judged without it, and after any other failure (a full disk) the cache is no longer used; both with a warning.
    Raises UsageError for a file on a network file system, where SQLite's locks cannot be trusted.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self._identity = json.dumps(identity, sort_keys=True)
        self._lock = threading.Lock()
        self._pid = -1
        self._connection: sqlite3.Connection | None = None
        self._inode: int | None = None
        self._patience = PATIENCE_SECONDS
        self._broken = False
        refuse_network(path)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Verdict]:
        """The verdicts of those keys that are known."""

        def read(connection: sqlite3.Connection) -> dict[bytes, Verdict]:
            found: dict[bytes, Verdict] = {}
            for start in range(0, len(keys), KEYS_A_QUERY):
                some = keys[start : start + KEYS_A_QUERY]
                # The verifier's number is looked up every time: after the file was emptied it may be another's.
                query = (
                    "SELECT pair, flags, score FROM verdict WHERE verifier = (SELECT id FROM verifier WHERE hash = ?) "
                    f"AND pair IN ({','.join('?' * len(some))})"
                )
                for pair, flags, score in connection.execute(query, (_hash(self._identity), *some)):
                    # SQLite keeps any type in any column: anything but a verdict is judged again.
                    if type(flags) is int and isinstance(score, int | float):
                        found[pair] = Verdict(bool(flags & ENTAILED), float(score), bool(flags & RECHECKED))
            return found

        return self._use(read, {})

    def put(self, verdicts: Sequence[tuple[bytes, Verdict]]) -> None:
        """Store verdicts, in one transaction."""

        def write(connection: sqlite3.Connection) -> None:
            with connection:
                number = verifier_id(connection, self._identity)
                rows = [(number, key, v.entailed * ENTAILED + v.rechecked * RECHECKED, v.score) for key, v in verdicts]
                connection.executemany("INSERT OR REPLACE INTO verdict VALUES (?, ?, ?, ?)", rows)

        if verdicts:
            self._use(write, None)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._let_go()

    def _use(self, do: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """The result of `do` on the file, or a default where the file cannot be used."""
        with self._lock:
            if self._broken:
                return otherwise
            try:
                try:
                    return do(self._opened())
                except sqlite3.DatabaseError as error:
                    if not _is_damage(error):
                        raise
                    self._let_go()
                    _set_aside(self.path, self._inode, error)
                    return do(self._opened())
            except (sqlite3.Error, OSError) as error:
                self._broken = not _is_locked(error)
                what = "continuing without it" if self._broken else "this batch is judged without it"
                logger.warning("NLI cache %s: %s; %s.", self.path, error, what)
                with suppress(sqlite3.Error):
                    self._let_go()
                # A lock may be held for hours: only one batch waits the full time for it.
                self._patience = SHORT_PATIENCE_SECONDS
                return otherwise

    def _opened(self) -> sqlite3.Connection:
        """The connection of this process."""
        if self._connection is None or self._pid != os.getpid():
            self._connection = connect_file(self.path, self._patience)
            self._inode = _inode(self.path)
            self._pid = os.getpid()
        return self._connection

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and self._pid == os.getpid():
            connection.close()


def verifier_id(connection: sqlite3.Connection, identity: str) -> int:
    """The number of a verifier in a cache file, by its identity as canonical JSON; a new one gets a new number.

    It is valid within the transaction that this begins or belongs to: later, emptying the file frees the number.
    """
    key = _hash(identity)
    added = connection.execute("INSERT OR IGNORE INTO verifier (hash, identity) VALUES (?, ?)", (key, identity))
    [number] = connection.execute("SELECT id FROM verifier WHERE hash = ?", (key,)).fetchone()
    if added.rowcount:
        # Earlier versions could leave verdicts behind under a freed number.
        connection.execute("DELETE FROM verdict WHERE verifier = ?", (number,))
    return int(number)


def _hash(identity: str) -> bytes:
    return hashlib.sha256(identity.encode()).digest()


def in_file(path: Path, do: Callable[[sqlite3.Connection], T]) -> T:
    """The result of `do` on a cache file, or on a new one if a damaged one had to be set aside.

    Raises UsageError for a file that cannot be used.
    """
    try:
        with closing(connect_file(path)) as connection:
            inode = _inode(path)
            try:
                return do(connection)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                damage = error
        _set_aside(path, inode, damage)
        with closing(connect_file(path)) as connection:
            return do(connection)
    except (sqlite3.Error, OSError) as error:
        raise UsageError(f"NLI cache {path}: cannot be used: {error}") from error


def connect_file(path: Path, patience: float | None = None) -> sqlite3.Connection:
    """Open a cache file; create it if missing. One that is not a database is set aside as `NAME.corrupt-TIME`.

    Raises UsageError for a file on a network file system, where SQLite's locks cannot be trusted.
    """
    refuse_network(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    patience = PATIENCE_SECONDS if patience is None else patience
    inode = _inode(path)
    try:
        return _connect(path, patience)
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        _set_aside(path, inode, error)
        return _connect(path, patience)


def _connect(path: Path, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=patience, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(SCHEMA)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _is_damage(error: Exception) -> bool:
    """Whether an error means a damaged file; errors of the disk, of locks and of queries are subclasses."""
    return type(error) is sqlite3.DatabaseError


def _is_locked(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "is locked" in str(error)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _set_aside(path: Path, inode: int | None, error: Exception) -> None:
    """Move a damaged file away, unless another process has already replaced it."""
    if inode is None or _inode(path) != inode:
        return
    aside = path.with_name(f"{path.name}.corrupt-{int(time.time())}")
    os.replace(path, aside)
    for tail in ("-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    logger.warning("NLI cache %s cannot be read (%s): set aside as %s.", path, error, aside.name)


def refuse_network(path: Path) -> None:
    """Raise UsageError for a file on a network file system, where SQLite's locks cannot be trusted."""
    kind = file_system(path)
    if kind in NETWORK_FILE_SYSTEMS:
        raise UsageError(
            f"NLI cache {path}: is on a network file system ({kind}), where SQLite can lose data.\n"
            "  Put it on a local disk (GROUNDEVAL_CACHE=FOLDER), share verdicts through `groundeval serve-nli`, or run "
            f"without ({option('no_cache', True)})."
        )


def file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> str | None:
    """The type of the file system that holds a path; None where it is unknown."""
    try:
        # Access the path first, so that a folder that is mounted on demand is mounted.
        resolved = path.resolve()
        lines = [line.split() for line in mounts.read_text("utf-8", "surrogateescape").splitlines()]
    except OSError:
        return None
    best, kind = -1, None
    for _, point, type_, *_ in lines:
        # Blanks and backslashes are written in octal.
        point = re.sub(r"\\([0-7]{3})", lambda digits: chr(int(digits[1], 8)), point)
        # Of two mounts at one point the later one is visible.
        if len(point) >= best and resolved.is_relative_to(point):
            best, kind = len(point), type_
    return kind
