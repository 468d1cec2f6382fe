"""The files of a run folder: whole or appended in whole lines, locked, and readable after being cut anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundeval.errors import DataError, UsageError
from groundeval.storage.environment import git_state
from groundeval.storage.folder import (
    DiskFull,
    Folder,
    FolderBusy,
    Lines,
    content_id,
    folder_name,
    leaves,
    read_json,
    write_whole,
)


@contextmanager
def held_by_another_process(folder: Path) -> Iterator[int]:
    """The folder's lock, held by a process of its own; gives its id."""
    code = (
        "import fcntl, os, sys\n"
        f"lock = os.open({str(folder / '.lock')!r}, os.O_RDWR | os.O_CREAT)\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "os.pwrite(lock, str(os.getpid()).encode(), 0)\n"
        "print('held', flush=True)\nsys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-SE", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


def test_a_content_id_depends_on_values_and_not_on_the_order_of_keys():
    assert content_id({"a": 1, "b": [1, None]}) == content_id({"b": [1, None], "a": 1})
    assert content_id({"a": 1}) != content_id({"a": 1.5})
    assert len(content_id({"text": "\ud800"})) == 12


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("Qwen/Qwen3-4B", "Qwen--Qwen3-4B"),
        ("/models/my model/", "models--my--model"),
        ("../..", "model"),
        ("", "model"),
        (".hidden", "hidden"),
        ("a\x00b\ud800", "a--b"),
        ("größe", "größe"),
    ],
)
def test_a_name_becomes_one_harmless_path_component(name: str, folder: str):
    assert folder_name(name) == folder


@given(st.text())
def test_no_name_leaves_the_folder_it_is_put_in(name: str):
    folder = folder_name(name)
    assert folder
    assert "/" not in folder
    assert not folder.startswith(".")


def test_one_process_at_a_time_and_the_error_names_the_other(tmp_path: Path):
    with held_by_another_process(tmp_path) as other:
        with pytest.raises(FolderBusy, match=rf"process {other}\)") as caught:
            Folder(tmp_path).open()
        assert "output_path" in str(caught.value)
    with Folder(tmp_path).open() as folder:
        assert (tmp_path / ".lock").read_text() == str(os.getpid())
        with pytest.raises(FolderBusy):
            Folder(tmp_path).open()
        folder.write_json("x.json", {"a": 1})
    Folder(tmp_path).open().close()


def test_parts_do_not_keep_each_other_out_but_themselves_and_the_whole(tmp_path: Path):
    with Folder(tmp_path).open("1-of-2"), Folder(tmp_path).open("2-of-2"):
        for part in ("1-of-2", "2-of-2", ""):
            with pytest.raises(FolderBusy):
                Folder(tmp_path).open(part)
    with Folder(tmp_path).open(), pytest.raises(FolderBusy):
        Folder(tmp_path).open("1-of-2")


def test_a_file_system_without_locks_is_not_taken_for_a_busy_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def unsupported(descriptor: int, kind: int) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    with pytest.raises(UsageError, match="Operation not supported"):
        Folder(tmp_path).open()


def test_a_folder_that_cannot_be_made_is_a_users_error(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot write to"):
        Folder(tmp_path / "file" / "run").open()


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "results.json"
    write_whole(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull, match="No space left") as caught:
        write_whole(path, b"new")
    assert caught.value.exit_code == 3
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path], "no temporary file stays behind"


def test_lines_that_do_not_fit_on_the_disk_are_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lines = Lines(tmp_path / "x.jsonl")
    lines.append([{"id": 1}])
    written = os.write

    def half(descriptor: int, content: memoryview) -> int:
        written(descriptor, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(DiskFull):
        lines.append([{"id": 2}])
    monkeypatch.undo()
    assert lines.path.read_bytes() == b'{"id": 1}\n'


def test_reading_back_gives_what_was_appended_whatever_the_text(tmp_path: Path):
    lines = Lines(tmp_path / "x.jsonl")
    assert list(lines.read()) == []
    lines.append([])
    assert not lines.path.exists()
    records = [{"text": text} for text in ("\ud800", "a\nb", "\x00", "é", "\u2028")]
    lines.append(records[:2])
    lines.append(records[2:])
    assert list(lines.read()) == records
    assert lines.path.read_bytes().isascii()


RECORDS = [{"id": number, "text": "é\ud800\n" * number} for number in range(6)]
WHOLE = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()


@settings(max_examples=60)
@given(cut=st.integers(0, len(WHOLE)))
def test_a_file_cut_anywhere_loses_its_last_line_only_and_can_be_appended_to(
    cut: int, tmp_path_factory: pytest.TempPathFactory
):
    path = tmp_path_factory.getbasetemp() / "cut.jsonl"
    path.write_bytes(WHOLE[:cut])
    whole = WHOLE[:cut].count(b"\n")
    assert list(Lines(path).read()) == RECORDS[:whole]
    assert path.read_bytes() == WHOLE[:cut], "a reader changes nothing: another process may be writing"
    Lines(path).append(RECORDS[whole:])
    assert path.read_bytes() == WHOLE


def test_a_torn_line_longer_than_any_buffer_is_dropped_too(tmp_path: Path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"id": 1}\n{"text": "' + b"x" * 200_000)
    Lines(path).append([{"id": 2}])
    assert list(Lines(path).read()) == [{"id": 1}, {"id": 2}]
    path.write_bytes(b"x" * 200_000)
    Lines(path).append([{"id": 3}])
    assert list(Lines(path).read()) == [{"id": 3}]


def test_a_damaged_line_in_the_middle_is_named_and_not_dropped_in_silence(tmp_path: Path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"id": 1}\n{"id": \n{"id": 3}\n')
    with pytest.raises(DataError, match=r"x.jsonl, line 2: not a JSON object"):
        list(Lines(path).read())


def test_a_damaged_json_file_is_named(tmp_path: Path):
    assert read_json(tmp_path / "none.json") is None
    (tmp_path / "m.json").write_text('{"a": ')
    with pytest.raises(DataError, match=r"m.json is damaged"):
        read_json(tmp_path / "m.json")


def test_a_flipped_bit_in_a_line_is_found(tmp_path: Path):
    path = tmp_path / "x.jsonl"
    Lines(path, checksums=True).append([{"id": "a", "raw": "Paris [1]."}, {"id": "b", "raw": ""}])
    assert list(Lines(path).read()) == [{"id": "a", "raw": "Paris [1]."}, {"id": "b", "raw": ""}]
    content = path.read_bytes()
    for position in range(content.index(b"\n")):
        changed = bytearray(content)
        changed[position] ^= 1
        path.write_bytes(changed)
        try:
            first = next(Lines(path).read())
        except DataError:
            continue
        # Only the name of the checksum's field may be damaged unnoticed, never what the line says.
        assert (first["id"], first["raw"]) == ("a", "Paris [1].")


def test_lines_that_were_written_without_checksums_are_read(tmp_path: Path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"id": "a", "raw": "x"}\n')
    Lines(path, checksums=True).append([{"id": "b", "raw": "y"}])
    assert [record["id"] for record in Lines(path).read()] == ["a", "b"]


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path):
    left = [tmp_path / ".results.json.0123abcd.part", tmp_path / ".writable.ab_d1234"]
    kept = [tmp_path / ".hidden", tmp_path / "results.json", tmp_path / "notes.part"]
    for path in (*left, *kept):
        path.write_text("x")
    with Folder(tmp_path).open():
        pass
    assert not any(path.exists() for path in left)
    assert all(path.exists() for path in kept)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_file_modes_follow_the_umask(tmp_path: Path, mask: int, mode: int):
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "results.json", b"{}")
    finally:
        os.umask(before)
    assert (tmp_path / "results.json").stat().st_mode & 0o777 == mode


json_values = st.recursive(st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2), max_leaves=4)


@given(st.dictionaries(st.text("ab", min_size=1), st.dictionaries(st.text("ab", min_size=1), json_values), max_size=4))
def test_the_leaves_of_nested_values_are_named_by_their_place(tree: dict[str, dict[str, Any]]):
    found = dict(leaves(tree))
    for name, inner in tree.items():
        if not inner:
            assert found.pop(name) == {}
        for key, value in inner.items():
            assert found.pop(f"{name}.{key}") == value
    assert found == ({} if tree else {"": {}})


def test_asking_git_leaves_no_lock_in_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`git status` writes what it has learnt into the index; killed then, it would leave its lock behind."""
    asked = tmp_path / "asked"
    git = tmp_path / "git"
    git.write_text(f'#!/bin/sh\necho "$*" >> {asked}\n')
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert git_state() == {"commit": "", "dirty": False}
    assert [line.startswith("--no-optional-locks ") for line in asked.read_text().splitlines()] == [True, True]


@pytest.mark.parametrize("content", [b'{"a": [' + b"[]," * 300 + b"1]}\n", b"{" + b'"a": 1,' * 300 + b'"b": 2}\n'])
def test_json_of_more_values_than_memory_is_refused(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("groundeval.storage.folder.MOST_VALUES", 200)
    (tmp_path / "a.json").write_bytes(content)
    (tmp_path / "a.jsonl").write_bytes(b'{"id": 1}\n' * 400 + content)
    with pytest.raises(DataError, match=r"a\.json: more than 200 values"):
        read_json(tmp_path / "a.json")
    with pytest.raises(DataError, match=r"a\.jsonl, line 401: more than 200 values"):
        list(Lines(tmp_path / "a.jsonl").read())
