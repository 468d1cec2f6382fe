"""Verdicts leave a cache as a file and come into another one: all of them, or with a damaged line none."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from groundeval.cli.app import main
from groundeval.errors import DataError, UsageError
from groundeval.nli.cache import VerdictCache, info
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
