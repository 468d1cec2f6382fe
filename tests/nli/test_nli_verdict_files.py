"""Export of verdicts to a file and import into another cache: all of them, or none if a line is damaged."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path

import pytest

from groundeval.cli.app import main
from groundeval.errors import DataError, UsageError
from groundeval.nli.cache import VerdictCache
from groundeval.nli.cache_files import clear, info
from groundeval.nli.verdict_files import add, export, read_file
from groundeval.records import Verdict

FIRST = {"model": "m", "revision": "1", "dtype": "float32", "template": "p {premise} h {hypothesis}"}
SECOND = {**FIRST, "dtype": "bfloat16"}


def keys(*numbers: int) -> list[bytes]:
    return [bytes([number]) * 16 for number in numbers]


def cache(path: Path, identity: dict[str, str], *numbers: int, entailed: bool = True) -> Path:
    VerdictCache(path, identity).put(
        [(key, Verdict(entailed, key[0] / 255, key[0] % 2 == 0)) for key in keys(*numbers)]
    )
    return path


@pytest.mark.parametrize("name", ["verdicts.jsonl", "verdicts.jsonl.gz"])
def test_what_is_exported_is_imported_with_every_verdict_of_every_verifier(tmp_path: Path, name: str):
    path = cache(tmp_path / "a.sqlite", FIRST, 1, 2, 3)
    cache(path, SECOND, 3, 4)
    assert export(tmp_path / name, path) == 5
    there = tmp_path / "b.sqlite"
    done = add([tmp_path / name], there)
    assert (done.read, done.added, done.other) == (5, 5, 0)
    for identity in (FIRST, SECOND):
        wanted = keys(1, 2, 3, 4)
        assert VerdictCache(there, identity).get(wanted) == VerdictCache(path, identity).get(wanted) != {}
    assert sorted(info(there).verdicts.values()) == [2, 3]
    assert (add([tmp_path / name], there).added, sum(info(there).verdicts.values())) == (0, 5)


def test_an_export_is_the_same_bytes_each_time_and_holds_no_text(tmp_path: Path):
    path = cache(tmp_path / "a.sqlite", FIRST, *range(20, 0, -1))
    for name in ("1.jsonl", "2.jsonl"):
        export(tmp_path / name, path)
    assert (tmp_path / "1.jsonl").read_bytes() == (tmp_path / "2.jsonl").read_bytes()
    rows = [json.loads(line) for line in (tmp_path / "1.jsonl").read_text().splitlines()]
    assert rows[1]["verifier"] == FIRST
    assert set(rows[2]) == {"pair", "entailed", "score", "rechecked"}


@pytest.mark.parametrize(
    ("line", "content", "message"),
    [
        (1, '{"format": "other"}', "line 1: not a file of verdicts"),
        (3, '{"pair": "00', "line 3: is not JSON"),
        (4, "[1]", "line 4: must be an object"),
        (4, '{"pair": "0102", "entailed": true, "score": 1, "rechecked": false}', "line 4.*32 hexadecimal"),
        (4, '{"pair": 7, "entailed": true, "score": 1, "rechecked": false}', "line 4.*32 hexadecimal"),
        (4, '{"pair": "%s", "entailed": 1, "score": 1, "rechecked": false}' % ("0" * 32), "line 4.*true or false"),
        (4, '{"pair": "%s", "entailed": true, "score": 2, "rechecked": false}' % ("0" * 32), "line 4.*from 0 to 1"),
        (4, '{"pair": "%s", "entailed": true, "score": NaN, "rechecked": false}' % ("0" * 32), "line 4.*from 0 to 1"),
        (2, '{"end": 0}', "line 3: comes after the end"),
        (8, '{"end": 2}', "line 8: the file declares 2 verdicts but holds 5"),
    ],
)
def test_a_damaged_line_is_named_and_nothing_is_imported(tmp_path: Path, line: int, content: str, message: str):
    file = tmp_path / "verdicts.jsonl"
    export(file, cache(tmp_path / "a.sqlite", FIRST, *range(1, 6)))
    rows = file.read_text().splitlines()
    rows[line - 1] = content
    file.write_text("\n".join(rows))
    there = cache(tmp_path / "b.sqlite", FIRST, 200)
    with pytest.raises(DataError, match=message):
        add([file], there)
    assert list(info(there).verdicts.values()) == [1]


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path):
    file, packed = tmp_path / "verdicts.jsonl", tmp_path / "verdicts.jsonl.gz"
    path = cache(tmp_path / "a.sqlite", FIRST, *range(1, 100))
    export(file, path)
    whole = file.read_text().splitlines(keepends=True)
    file.write_text("".join(whole[:50]))
    with pytest.raises(DataError, match="line 51: the file is cut off"):
        list(read_file(file))
    packed.write_bytes(gzip.compress("".join(whole).encode())[:-20])
    with pytest.raises(DataError, match="cannot be read"):
        list(read_file(packed))


def test_caches_and_exported_files_are_merged_and_what_was_there_stays(tmp_path: Path):
    shards = [cache(tmp_path / f"{n}.sqlite", FIRST, n, n + 1) for n in (1, 2)]
    export(tmp_path / "3.jsonl.gz", cache(tmp_path / "3.sqlite", FIRST, 3, 9))
    there = cache(tmp_path / "all.sqlite", FIRST, 9, entailed=False)
    done = add([*shards, tmp_path / "3.jsonl.gz"], there)
    assert (done.read, done.added, done.other) == (6, 3, 1)
    found = VerdictCache(there, FIRST).get(keys(1, 2, 3, 9))
    assert [found[key].entailed for key in keys(1, 2, 3, 9)] == [True, True, True, False]


def test_sources_that_cannot_be_merged_are_named(tmp_path: Path):
    path = cache(tmp_path / "a.sqlite", FIRST, 1)
    with pytest.raises(UsageError, match="is the cache being added to"):
        add([path], path)
    with pytest.raises(UsageError, match="no such file"):
        add([tmp_path / "none.sqlite"], path)
    with pytest.raises(UsageError, match="there is nothing to export"):
        export(tmp_path / "x.jsonl", tmp_path / "none.sqlite")


def altered(path: Path, *statements: str) -> Path:
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return path


BAD_ROWS = {
    "flags that are text": "UPDATE verdict SET flags = 'x' WHERE pair = (SELECT min(pair) FROM verdict)",
    "flags out of range": "UPDATE verdict SET flags = 77 WHERE pair = (SELECT min(pair) FROM verdict)",
    "a score out of range": "UPDATE verdict SET score = 1e300 WHERE pair = (SELECT min(pair) FROM verdict)",
    "a score that is text": "UPDATE verdict SET score = 'high' WHERE pair = (SELECT min(pair) FROM verdict)",
    "a score that is bytes": "UPDATE verdict SET score = x'00' WHERE pair = (SELECT min(pair) FROM verdict)",
    "a short pair": "UPDATE verdict SET pair = x'01' WHERE pair = (SELECT min(pair) FROM verdict)",
    "a pair that is text": "UPDATE verdict SET pair = 'abcdefghijklmnop' WHERE pair = (SELECT min(pair) FROM verdict)",
}


@pytest.mark.parametrize("statement", BAD_ROWS.values(), ids=BAD_ROWS.keys())
def test_a_row_that_is_no_verdict_is_not_merged_and_does_not_stop_an_export(
    statement: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    path = altered(cache(tmp_path / "a.sqlite", FIRST, 1, 2, 3), statement)
    with pytest.raises(DataError, match=r"a\.sqlite, verdict \d: (flags|score|pair) must be"):
        add([path], tmp_path / "b.sqlite")
    assert info(tmp_path / "b.sqlite").verdicts in ({}, {json.dumps(FIRST, sort_keys=True): 0})
    assert export(tmp_path / "verdicts.jsonl", path) == 2
    assert "1 rows were left out" in caplog.text
    assert add([tmp_path / "verdicts.jsonl"], tmp_path / "c.sqlite").added == 2
    assert len(VerdictCache(path, FIRST).get(keys(2, 3))) == 2


@pytest.mark.parametrize("identity", ["[]", "no JSON", "[" * 100_000, "17"])
def test_an_identity_that_is_no_object_is_not_merged(identity: str, tmp_path: Path):
    path = cache(tmp_path / "a.sqlite", FIRST, 1)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE verifier SET identity = ?", (identity,))
    connection.close()
    with pytest.raises(DataError, match="identity must be a JSON object"):
        add([path], tmp_path / "b.sqlite")
    assert export(tmp_path / "verdicts.jsonl", path) == 0


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TRIGGER t AFTER INSERT ON verdict BEGIN DELETE FROM verifier; END"],
        ["CREATE VIEW v AS SELECT 1"],
        ["ALTER TABLE verdict RENAME TO other", "CREATE VIEW verdict AS SELECT * FROM other"],
        ["DROP TABLE verifier"],
        ["ALTER TABLE verdict ADD COLUMN more TEXT"],
        ["ALTER TABLE verdict RENAME COLUMN score TO points"],
        ["CREATE VIRTUAL TABLE t USING fts5(x)"],
    ],
)
def test_a_cache_with_code_or_of_another_form_is_refused_and_left_alone(statements: list[str], tmp_path: Path):
    path = altered(cache(tmp_path / "a.sqlite", FIRST, 1), *statements)
    content = path.read_bytes()
    for use in (
        info,
        clear,
        lambda path: add([path], tmp_path / "b.sqlite"),
        lambda path: export(tmp_path / "e", path),
    ):
        with pytest.raises(DataError, match="is not a cache of verdicts"):
            use(path)
    with pytest.raises(DataError, match="is not a cache of verdicts"):
        add([cache(tmp_path / "good.sqlite", FIRST, 2)], path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"notes of mine\n", b"SQLite format 3\0" + b"\xff" * 4_000, b"\0" * 5_000])
@pytest.mark.parametrize("command", ["info", "clear", "merge", "export"])
def test_a_file_that_is_no_cache_is_refused_and_not_moved_aside(
    content: bytes, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    mine = tmp_path / "mine"
    mine.write_bytes(content)
    good = cache(tmp_path / "good.sqlite", FIRST, 1)
    words = {
        "info": ["info"], "clear": ["clear"], "merge": ["merge", str(good)],
        "export": ["nli", "export", str(tmp_path / "e")],
    }[command]  # fmt: skip
    assert main(["cache", *words, "--path", str(mine)]) == 1
    assert "is not a cache of verdicts" in capsys.readouterr().err
    assert mine.read_bytes() == content
    assert not list(tmp_path.glob("*corrupt*"))


@pytest.mark.parametrize(
    ("part", "other"), [(b"BLOB NOT NULL", b"BLOB NOT \xff\xfeLL"), (b"CREATE TABLE", b"CREATE TABL\x8c")]
)
def test_a_schema_that_is_no_text_is_refused(part: bytes, other: bytes, tmp_path: Path):
    cache = VerdictCache(tmp_path / "nli.sqlite", {"model": "m"})
    cache.put([(bytes(16), Verdict(True, 0.5))])
    cache.close()
    whole = (tmp_path / "nli.sqlite").read_bytes()
    assert part in whole
    (tmp_path / "nli.sqlite").write_bytes(whole.replace(part, other))
    with pytest.raises(DataError, match="not a cache of verdicts"):
        add([tmp_path / "nli.sqlite"], tmp_path / "target.sqlite")
    with pytest.raises(DataError, match="not a cache of verdicts"):
        export(tmp_path / "out.jsonl", tmp_path / "nli.sqlite")


def test_another_programs_database_is_not_written_to(tmp_path: Path):
    path = tmp_path / "other.sqlite"
    altered(path, "CREATE TABLE bookmarks (url TEXT)")
    content = path.read_bytes()
    for use in (info, clear):
        with pytest.raises(DataError, match="is not a cache of verdicts"):
            use(path)
    assert path.read_bytes() == content


def test_a_compressed_file_of_one_endless_line_is_refused(tmp_path: Path):
    path = tmp_path / "verdicts.jsonl.gz"
    path.write_bytes(gzip.compress(b" " * (64 << 20), 1))
    with pytest.raises(DataError, match="line 1: longer than"):
        add([path], tmp_path / "b.sqlite")


def test_the_commands_move_verdicts_from_one_cache_to_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path, file = cache(tmp_path / "a.sqlite", FIRST, 1, 2), tmp_path / "v.jsonl.gz"
    assert main(["cache", "nli", "export", str(file), "--path", str(path)]) == 0
    assert main(["cache", "nli", "import", str(file), "--path", str(tmp_path / "b.sqlite")]) == 0
    assert main(["cache", "merge", str(path), str(file), "--path", str(tmp_path / "c.sqlite")]) == 0
    out = capsys.readouterr().out
    assert "2 verdicts written" in out
    assert "2 verdicts added, of 2" in out
    assert "2 verdicts added, of 4" in out
    file.write_bytes(b"nonsense")
    assert main(["cache", "nli", "import", str(file), "--path", str(tmp_path / "b.sqlite")]) == 1
