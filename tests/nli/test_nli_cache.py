"""The cache on disk: a verdict is computed once, by any process, and a broken file costs only time."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from groundeval.cli import main
from groundeval.errors import UsageError
from groundeval.nli import NLI, NLI_MODELS, NLIOptions, Traits, connect, register_nli
from groundeval.nli.cache import VerdictCache, clear, file_system, info
from groundeval.records import Pair, Verdict

IDENTITY = {"model": "m", "revision": "1", "dtype": "float32"}
KEY = b"k" * 16


class Counting:
    """Entails everything; counts the pairs it judged."""

    name = "counting"
    revision = "1"
    traits = Traits(persistent=True)

    def __init__(self) -> None:
        self.judged = 0

    def score(self, pairs: Sequence[Pair]) -> list[Verdict]:
        self.judged += len(pairs)
        return [Verdict(True, 0.25, rechecked=True) for _ in pairs]


def test_a_second_service_computes_nothing_and_gets_the_same_verdicts(tmp_path: Path):
    path = tmp_path / "folder" / "nli.sqlite"
    pairs = [Pair("a", str(i)) for i in range(1200)]
    results = []
    for expected in (1200, 0):
        model = Counting()
        with NLI(model, store=VerdictCache(path, IDENTITY)) as nli:
            results.append(nli.judge(pairs))
            assert (model.judged, nli.stats.computed, nli.stats.cached) == (expected, expected, 1200 - expected)
    assert results[0] == results[1]


@pytest.mark.parametrize("field", ["model", "revision", "dtype"])
def test_another_identity_shares_nothing(tmp_path: Path, field: str):
    path = tmp_path / "nli.sqlite"
    VerdictCache(path, IDENTITY).put([(KEY, Verdict(True, 1.0))])
    assert VerdictCache(path, {**IDENTITY, field: "other"}).get([KEY]) == {}
    assert VerdictCache(path, IDENTITY).get([KEY]) == {KEY: Verdict(True, 1.0)}


def test_a_file_that_is_no_database_is_set_aside_with_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "nli.sqlite"
    path.write_bytes(b"not a database" * 1000)
    cache = VerdictCache(path, IDENTITY)
    cache.put([(KEY, Verdict(False, 0.0))])
    assert cache.get([KEY]) == {KEY: Verdict(False, 0.0)}
    assert "set aside" in caplog.text
    assert len(list(tmp_path.glob("nli.sqlite.corrupt-*"))) == 1


def test_a_cache_that_fails_is_left_and_the_run_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / "file").write_text("")
    with NLI(Counting(), store=VerdictCache(tmp_path / "file" / "nli.sqlite", IDENTITY)) as nli:
        assert nli.judge([Pair("a", "b")])[0].entailed
    assert "going on without it" in caplog.text


def test_many_threads_with_caches_of_their_own_write_one_file(tmp_path: Path):
    path = tmp_path / "nli.sqlite"

    def write(number: int) -> None:
        cache = VerdictCache(path, IDENTITY)
        for i in range(20):
            cache.put([(f"{number}-{i}".encode(), Verdict(True, 1.0))])
        cache.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(info(path).verdicts.values()) == 120


def test_a_forked_child_opens_the_file_anew(tmp_path: Path):
    cache = VerdictCache(tmp_path / "nli.sqlite", IDENTITY)
    cache.put([(KEY, Verdict(True, 1.0))])
    mine = cache._connection
    cache._pid = os.getpid() + 1
    assert cache.get([KEY])
    assert cache._connection is not mine


def test_a_cache_is_shown_and_emptied(tmp_path: Path):
    path = tmp_path / "nli.sqlite"
    assert (info(path).bytes, clear(path)) == (0, 0)
    VerdictCache(path, IDENTITY).put([(bytes([i]), Verdict(True, 1.0)) for i in range(5)])
    assert list(info(path).verdicts.values()) == [5]
    assert info(path).bytes > 0
    assert clear(path) == 5
    assert info(path).verdicts == {}


def test_a_network_file_system_is_refused_in_favour_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("groundeval.nli.cache.file_system", lambda path: "nfs4")
    with pytest.raises(UsageError, match="serve-nli"):
        VerdictCache(tmp_path / "nli.sqlite", IDENTITY)
    (tmp_path / "nli.sqlite").touch()
    for use in (info, clear):
        with pytest.raises(UsageError, match="serve-nli"):
            use(tmp_path / "nli.sqlite")


def test_the_nearest_mount_tells_the_file_system(tmp_path: Path):
    mounts = tmp_path / "mounts"
    mounts.write_text("a / ext4 rw 0 0\nb /data nfs4 rw 0 0\nc /data/local xfs rw 0 0\n")
    assert file_system(Path("/data/x/nli.sqlite"), mounts) == "nfs4"
    assert file_system(Path("/data/local/nli.sqlite"), mounts) == "xfs"
    assert file_system(Path("/database/nli.sqlite"), mounts) == "ext4"


def test_connecting_with_a_cache_uses_it_and_lexical_never_does(tmp_path: Path):
    made = []

    @register_nli("counting-for-test")
    def counting(options: NLIOptions) -> Counting:
        made.append(Counting())
        return made[-1]

    path = tmp_path / "nli.sqlite"
    try:
        for _ in range(2):
            with connect("counting-for-test", cache=str(path)) as nli:
                nli.judge([Pair("a", "b")])
    finally:
        del NLI_MODELS._entries["counting-for-test"]
    assert [model.judged for model in made] == [1, 0]
    lexical = tmp_path / "lexical.sqlite"
    connect("lexical", cache=str(lexical)).judge([Pair("a", "b")])
    assert not lexical.exists()


def test_the_file_is_in_write_ahead_mode(tmp_path: Path):
    path = tmp_path / "nli.sqlite"
    VerdictCache(path, IDENTITY).put([(KEY, Verdict(True, 1.0))])
    assert sqlite3.connect(path).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_the_commands_show_and_empty_the_cache(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "nli.sqlite"
    VerdictCache(path, IDENTITY).put([(bytes([i]), Verdict(True, 1.0)) for i in range(3)])
    assert main(["cache", "info", "--path", str(path), "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["verdicts"].values()) == [3]
    assert main(["cache", "clear", "--path", str(path)]) == 0
    assert capsys.readouterr().out == "3 verdicts dropped\n"
    assert main(["cache", "info", "--path", str(path)]) == 0
    assert "0 verdicts" in capsys.readouterr().out
