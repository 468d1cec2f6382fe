"""Files that are not JSON: each is named for what it is, with what to do, in one line."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import subprocess
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from groundeval.errors import DataError
from groundeval.storage.file_kinds import kind_of_file
from groundeval.storage.json_records import read_records

ROWS = [{"question": "Who sang Aida?", "output": "Callas [1]."}]
TEXT = json.dumps(ROWS)
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


def zipped(member: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(member, TEXT)
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        info = tarfile.TarInfo("data.json")
        info.size = len(TEXT)
        archive.addfile(info, io.BytesIO(TEXT.encode()))
    return file.getvalue()


def in_arrow(kind: str) -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import ipc, parquet

    table, file = pyarrow.Table.from_pylist(ROWS), io.BytesIO()
    if kind == "parquet":
        parquet.write_table(table, file)
    else:
        maker = ipc.new_stream if kind == "stream" else ipc.new_file
        with maker(file, table.schema) as writer:
            writer.write_table(table)
    return file.getvalue()


def database(folder: Path) -> bytes:
    with sqlite3.connect(folder / "x.db") as connection:
        connection.execute("create table t (a)")
    connection.close()
    return (folder / "x.db").read_bytes()


FILES: dict[str, tuple[Any, str, str]] = {
    "parquet": (lambda: in_arrow("parquet"), "a Parquet file", "read_parquet"),
    "arrow file": (lambda: in_arrow("file"), "an Arrow file", "Dataset.from_file"),
    "arrow stream": (lambda: in_arrow("stream"), "an Arrow file", "Dataset.from_file"),
    "feather": (b"FEA1\0\0\0\0", "an Arrow file", "Dataset.from_file"),
    "zip": (zipped("data.json"), "a zip archive", "unzip"),
    "empty zip": (b"PK\x05\x06" + bytes(18), "a zip archive", "unzip"),
    "xlsx": (zipped("[Content_Types].xml"), "an Excel workbook", "read_excel"),
    "bz2 in gzip": (gzip.compress(bz2.compress(TEXT.encode())), "compressed with bzip2", "bzip2 -dk"),
    "xz in bz2": (bz2.compress(lzma.compress(TEXT.encode())), "compressed with xz", "xz -dk"),
    "zst in gzip": (gzip.compress(b"\x28\xb5\x2f\xfd\x04X"), "compressed with zstd", "zstd -dk"),
    "lz4": (b"\x04\x22\x4d\x18d@", "compressed with lz4", "lz4 -dk"),
    "tar": (tarred(), "a tar archive", "tar xf"),
    "tar.gz": (gzip.compress(tarred()), "a tar archive", "tar xf"),
    "gz twice": (gzip.compress(gzip.compress(TEXT.encode())), "compressed with gzip", "gzip -dk"),
    "pickle": (pickle.dumps(ROWS), "a pickle", "json.dump"),
    "utf-16 with a mark": (TEXT.encode("utf-16"), "text in UTF-16", "iconv -f UTF-16 -t UTF-8"),
    "utf-16 big endian": (("\ufeff" + TEXT).encode("utf-16-be"), "text in UTF-16", "iconv -f UTF-16 -t UTF-8"),
    "utf-16 without a mark": (TEXT.encode("utf-16-le"), "text in UTF-16", "iconv -f UTF-16LE -t UTF-8"),
    "utf-16 big endian without a mark": (TEXT.encode("utf-16-be"), "text in UTF-16", "iconv -f UTF-16BE -t UTF-8"),
    "utf-16 in gzip": (gzip.compress(TEXT.encode("utf-16")), "text in UTF-16", "iconv"),
    "utf-32": (TEXT.encode("utf-32"), "text in UTF-32", "iconv -f UTF-32"),
    "a page": ("<!DOCTYPE html>\n<html><body>Sign in</body></html>", "an HTML page", "raw link"),
    "a page after blank lines": ("\ufeff\n\n  <HTML lang=en>", "an HTML page", "download the file itself"),
    "xml": ('<?xml version="1.0"?><a/>', "XML", "JSON lines"),
    "a pointer of Git LFS": (LFS, "a Git LFS pointer", "git lfs pull"),
    "a pointer of git-annex": ("/annex/objects/SHA256E-s1--4d.json\n", "a git-annex pointer", "git annex get"),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_of_another_kind_is_named_with_what_to_do_in_one_line(case: str, tmp_path: Path) -> None:
    content, what, advice = FILES[case]
    content = content() if callable(content) else content
    path = tmp_path / "data.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as raised:
        list(read_records(path))
    said = str(raised.value)
    assert said.startswith(f"{path} is {what}")
    assert advice in said
    assert "\n" not in said


def test_a_database_is_named(tmp_path: Path) -> None:
    kind = kind_of_file(database(tmp_path))
    assert kind is not None
    assert kind.name == "sqlite"


@pytest.mark.parametrize(
    "begin", ["", " ", "[", "{", "<", "PK", "BZ", "version 1", "\ufeff{", "P", "question,output", "é"]
)
def test_what_may_be_text_is_left_to_its_reader(begin: str) -> None:
    assert kind_of_file(begin.encode()) is None
    assert kind_of_file(begin.encode() + TEXT.encode()) is None


@pytest.mark.parametrize("name", ["data.json", "a file; of mine's.json"])
def test_the_commands_that_are_given_as_advice_work(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    for content in (TEXT.encode("utf-16"), TEXT.encode("utf-16-be"), TEXT.encode("utf-32")):
        path.write_bytes(content)
        with pytest.raises(DataError) as raised:
            list(read_records(path))
        command = str(raised.value).partition("convert it: ")[2]
        subprocess.run(command, shell=True, check=True, cwd=tmp_path)
        assert [record.data for record in read_records(tmp_path / "NEW")] == ROWS


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"a": 1}\n\ufeff{"a": 2}\n', 2),
        ('\ufeff{"a": 1}\n\n\ufeff{"a": 2}\n', 3),
        ('[{"a": 1},\n\ufeff{"a": 2}]', 2),
        ('[{"a": 1}]\n\ufeff[{"a": 2}]', 2),
        ('[{"a": 1}\ufeff, {"a": 2}]', 1),
        ('{"a": 1,\n\ufeff"b": 2}', 2),
        ('\ufeff\ufeff{"a": 1}', 1),
    ],
)
def test_a_mark_within_the_file_is_named_with_its_line_and_can_be_removed(text: str, line: int, tmp_path: Path) -> None:
    path = tmp_path / "joined.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as raised:
        list(read_records(path))
    said = str(raised.value)
    assert said.startswith(f"{path}, line {line}: a byte-order mark (BOM) within the file")
    assert "\n" not in said
    subprocess.run(said.partition("remove it: ")[2], shell=True, check=True)
    assert path.read_text(encoding="utf-8") == text.replace("\ufeff", "")


def test_a_mark_inside_of_a_text_is_data(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text('{"a": "x\ufeffy"}\n', encoding="utf-8")
    assert [record.data for record in read_records(path)] == [{"a": "x\ufeffy"}]
