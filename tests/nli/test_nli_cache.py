"""The cache on disk: a verdict is computed once, by any process, and a broken file costs only time."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from groundeval.cli.app import main
from groundeval.errors import UsageError
from groundeval.nli import NLI, NLI_MODELS, NLIOptions, Traits, connect, register_nli
from groundeval.nli.cache import VerdictCache, file_system
from groundeval.nli.cache_files import clear, info
from groundeval.records import Pair, Verdict

IDENTITY = {"model": "m", "revision": "1", "dtype": "float32"}
OTHER = {**IDENTITY, "model": "other"}
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
    assert "continuing without it" in caplog.text


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


def test_a_cache_that_was_emptied_while_in_use_mixes_up_no_verifiers(tmp_path: Path):
    path = tmp_path / "nli.sqlite"
    first, second = VerdictCache(path, IDENTITY), VerdictCache(path, OTHER)
    first.put([(KEY, Verdict(True, 1.0))])
    assert clear(path) == 1
    first.put([(b"later", Verdict(True, 1.0))])
    assert second.get([KEY, b"later"]) == {}
    assert clear(path) == 1
    second.put([(KEY, Verdict(False, 0.0))])
    assert first.get([KEY]) == {}
    first.put([(KEY, Verdict(True, 1.0))])
    assert second.get([KEY]) == {KEY: Verdict(False, 0.0)}
    assert info(path).verdicts == {json.dumps(each, sort_keys=True): 1 for each in (IDENTITY, OTHER)}


def test_verdicts_that_belong_to_nobody_are_given_to_nobody(tmp_path: Path):
    path = tmp_path / "nli.sqlite"
    VerdictCache(path, IDENTITY).put([(KEY, Verdict(True, 1.0))])
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM verifier")
    cache = VerdictCache(path, OTHER)
    cache.put([(b"later", Verdict(True, 1.0))])
    assert list(cache.get([KEY, b"later"])) == [b"later"]


def damaged(path: Path) -> Path:
    """A cache whose first page is whole, and nothing behind it."""
    cache = VerdictCache(path, IDENTITY)
    cache.put([(KEY, Verdict(True, 1.0)), *((b"%016d" % i, Verdict(True, 1.0)) for i in range(1000))])
    cache.close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    return path


@pytest.mark.parametrize(
    "use",
    [
        lambda path: VerdictCache(path, IDENTITY).get([KEY]),
        lambda path: VerdictCache(path, IDENTITY).put([(KEY, Verdict(True, 1.0))]),
        clear,
    ],
    ids=["get", "put", "clear"],
)
def test_a_file_that_is_damaged_inside_is_set_aside_with_a_warning_and_a_new_one_begun(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, use: Callable[[Path], object]
):
    path = damaged(tmp_path / "nli.sqlite")
    use(path)
    assert caplog.text.count("set aside") == 1
    assert len(list(tmp_path.glob("nli.sqlite.corrupt-*"))) == 1
    cache = VerdictCache(path, IDENTITY)
    cache.put([(KEY, Verdict(False, 0.0))])
    assert VerdictCache(path, IDENTITY).get([KEY]) == {KEY: Verdict(False, 0.0)}
    assert sum(info(path).verdicts.values()) == 1


def test_a_damaged_file_is_set_aside_by_one_process_and_its_successor_by_none(tmp_path: Path):
    path = damaged(tmp_path / "nli.sqlite")
    late = VerdictCache(path, IDENTITY)
    late._opened()
    VerdictCache(path, IDENTITY).put([(KEY, Verdict(False, 0.0))])
    assert late.get([KEY]) == {KEY: Verdict(False, 0.0)}
    assert len(list(tmp_path.glob("nli.sqlite.corrupt-*"))) == 1


def test_a_file_that_stays_locked_is_done_without_for_that_batch_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("groundeval.nli.cache.PATIENCE_SECONDS", 0.05)
    path = tmp_path / "nli.sqlite"
    cache = VerdictCache(path, IDENTITY)
    cache.put([(KEY, Verdict(True, 1.0))])
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    cache.put([(b"lost", Verdict(True, 1.0))])
    assert "locked; this batch is judged without it" in caplog.text
    other.rollback()
    cache.put([(b"later", Verdict(True, 1.0))])
    assert set(cache.get([KEY, b"lost", b"later"])) == {KEY, b"later"}


@pytest.mark.parametrize("use", [info, clear])
def test_what_cannot_be_used_as_a_cache_is_an_error_of_the_user(tmp_path: Path, use: Callable[[Path], object]):
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="folder: cannot be used"):
        use(tmp_path / "folder")


def test_a_network_file_system_is_found_by_a_check_and_by_loading_and_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("groundeval.nli.cache.file_system", lambda path: "nfs4")
    model = Counting()
    with NLI.lazy(
        lambda: model, name="n", recipe=(), open_store=lambda _: VerdictCache(tmp_path / "nli.sqlite", IDENTITY)
    ) as nli:
        for use in (nli.check, nli.load, *[lambda: nli.judge([Pair("a", "b")])] * 2):
            with pytest.raises(UsageError, match="network file system"):
                use()
    assert model.judged == 0


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


def test_of_two_mounts_at_one_place_the_later_one_counts_and_names_may_hold_blanks(tmp_path: Path):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "a / ext4 rw 0 0\nsystemd-1 /home autofs rw 0 0\nserver:/home /home nfs4 rw 0 0\n"
        "server:/x /my\\040own\\134files cifs rw 0 0\n"
    )
    assert file_system(Path("/home/me/nli.sqlite"), mounts) == "nfs4"
    assert file_system(Path("/my own\\files/nli.sqlite"), mounts) == "cifs"


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
