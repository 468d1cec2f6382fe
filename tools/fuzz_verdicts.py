"""Damaged caches and exported files of verdicts."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from damage import altered, as_text, torn
from fuzz_ground import Ground

from groundeval.errors import GroundevalError
from groundeval.nli.cache import VerdictCache
from groundeval.nli.cache_files import verdicts_in
from groundeval.nli.verdict_files import add, read_file
from groundeval.records import Verdict


class Verdicts(Ground):
    """Files of verdicts."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        cache = VerdictCache(folder / "cache.sqlite", {"model": "m"})
        cache.put([(bytes([n]) * 16, Verdict(True, 0.5)) for n in range(9)])
        cache.close()

    def cache(self, rng: random.Random) -> None:
        """Cache files and exported files of verdicts, read and merged."""
        path = self.folder / "case.sqlite"
        shutil.copyfile(self.folder / "cache.sqlite", path)
        kind = rng.random()
        if kind < 0.4:
            column = rng.choice(["pair", "flags", "score"])
            value = rng.choice([None, 1, -5, 1e300, float("inf"), "x", b"y", b"z" * 16, 2**62, "\ud800", b"\xff" * 9])
            self.execute(path, f"UPDATE verdict SET {column} = ? WHERE pair = ?", (value, bytes([3]) * 16))
        elif kind < 0.7:
            statement = rng.choice(
                [
                    "UPDATE verifier SET identity = {}",
                    "CREATE TRIGGER t AFTER INSERT ON verdict BEGIN SELECT {}; END",
                    "ALTER TABLE verdict ADD COLUMN more DEFAULT {}",
                    "DROP TABLE verifier",
                    "ALTER TABLE verdict RENAME TO old",
                    "CREATE VIEW v AS SELECT {} AS score",
                    "PRAGMA user_version = 77",
                    "CREATE TABLE other AS SELECT {} AS x",
                    "CREATE INDEX i ON verdict (score) WHERE score > {}",
                ]
            )  # fmt: skip
            literal = rng.choice(["NULL", "1e999", "'{'", "'[]'", "x'ff'", "'{\"model\": 1}'", "CAST(x'ff' AS TEXT)"])
            self.execute(path, statement.format(literal))
        else:
            path.write_bytes(torn(path.read_bytes(), rng))
        with suppress(GroundevalError):
            for _ in verdicts_in(path, None if rng.random() < 0.5 else lambda _: None):
                pass
        target = self.folder / "target.sqlite"
        with suppress(GroundevalError):
            add([path], target)
        verdict = {"pair": "00" * 16, "entailed": True, "score": 0.5}
        lines = [{"format": "groundeval verdicts", "version": 1}, {"verifier": {"model": "m"}}, verdict, {"end": 1}]
        place = rng.randrange(4)
        path.write_bytes(b"\n".join(altered(e, rng) if n == place else as_text(e) for n, e in enumerate(lines)))
        for _ in read_file(path):
            pass

    def execute(self, path: Path, statement: str, values: tuple[Any, ...] = ()) -> None:
        connection = sqlite3.connect(path)
        with suppress(sqlite3.Error, UnicodeEncodeError), connection:
            connection.execute(statement, values)
        connection.close()
