"""Recognises, by a file's first bytes, files that are not JSON, and advises how to convert them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HEAD = 1024
"""Bytes that are enough to recognise every kind."""

BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class FileKind:
    """One kind of file that is not JSON in UTF-8."""

    name: str
    """Short and stable, for code: `parquet`, `zstd`, `utf-16`."""
    what: str
    """Its name in messages, with the article: `a Parquet file`."""
    advice: str
    """What to do, one line; `FILE` stands for the path."""
    begins: Callable[[bytes], object]
    """Whether a file with these first bytes is of this kind: true or false in a condition."""

    def message(self, path: str | Path, shown: str) -> str:
        """`FILE is a Parquet file, not JSON: ...`, in one line; `shown` is how messages call the file."""
        return f"{shown} is {self.what}, not JSON: {self.advice.replace('FILE', shlex.quote(str(path)))}"


def kind_of_file(head: bytes) -> FileKind | None:
    """The kind of a file from its first `HEAD` bytes; None for what may be text in UTF-8."""
    return next((kind for kind in KINDS if kind.begins(head)), None)


def _magic(*signatures: bytes, at: int = 0) -> Callable[[bytes], object]:
    return lambda head: any(head.startswith(each, at) for each in signatures)


def _text(pattern: bytes) -> Callable[[bytes], object]:
    """Whether a text in ASCII or UTF-8 begins so, after a byte-order mark and white space, in any case."""
    return re.compile(rb"(?:\xef\xbb\xbf)?\s*" + pattern, re.IGNORECASE).match


def _unpack(command: str) -> str:
    return f"unpack it first, for instance: {command}"


def _table(reader: str) -> str:
    code = f'import pandas; pandas.{reader}("OLD").to_json("NEW.jsonl", orient="records", lines=True)'
    return f"write its rows as JSON lines, for instance: python -c '{code}'"


_LFS = "get the file itself: git lfs install && git lfs pull"

KINDS = (
    FileKind("parquet", "a Parquet file", _table("read_parquet"), _magic(b"PAR1")),
    # `datasets` and `pyarrow` write streams too, which begin with a continuation mark and the length of the schema.
    FileKind(
        "arrow",
        "an Arrow file",
        'write its rows as JSON lines, for instance with datasets: Dataset.from_file("OLD").to_json("NEW.jsonl")',
        lambda head: head.startswith((b"ARROW1", b"FEA1")) or (head[:4] == b"\xff" * 4 and head[6:8] == b"\0\0"),
    ),
    FileKind("gzip", "compressed with gzip", _unpack("gzip -dk FILE"), _magic(b"\x1f\x8b")),
    FileKind("bzip2", "compressed with bzip2", _unpack("bzip2 -dk FILE"), lambda head: re.match(rb"BZh[1-9]", head)),
    FileKind("xz", "compressed with xz", _unpack("xz -dk FILE"), _magic(b"\xfd7zXZ\0")),
    FileKind("zstd", "compressed with zstd", _unpack("zstd -dk FILE"), _magic(b"\x28\xb5\x2f\xfd")),
    FileKind("lz4", "compressed with lz4", _unpack("lz4 -dk FILE"), _magic(b"\x04\x22\x4d\x18")),
    # Office files are zip archives whose first member has one of these names.
    FileKind(
        "excel",
        "an Excel workbook (or another Office file)",
        _table("read_excel"),
        lambda head: (
            head.startswith(b"PK\x03\x04")
            and head.startswith((b"[Content_Types].xml", b"_rels/", b"docProps/", b"mimetypeapplication/vnd.oasis"), 30)
        ),
    ),
    FileKind("zip", "a zip archive", _unpack("unzip FILE"), _magic(b"PK\x03\x04", b"PK\x05\x06")),
    FileKind("7z", "a 7z archive", _unpack("7z x FILE"), _magic(b"7z\xbc\xaf\x27\x1c")),
    FileKind("tar", "a tar archive", _unpack("tar xf FILE"), _magic(b"ustar", at=257)),
    FileKind("sqlite", "an SQLite database", "export the table as JSON lines", _magic(b"SQLite format 3\0")),
    FileKind("pickle", "a pickle", "write its records with json.dump", lambda head: re.match(rb"\x80[\2-\5]", head)),
    FileKind(
        "utf-32",
        "text in UTF-32",
        "convert it: iconv -f UTF-32 -t UTF-8 FILE > NEW",
        lambda head: head.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")),
    ),
    # Without a mark, what JSON begins with gives the encoding away.
    FileKind(
        "utf-16",
        "text in UTF-16",
        "convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW",
        lambda head: head.startswith((b"\xff\xfe", b"\xfe\xff")),
    ),
    FileKind(
        "utf-16-le", "text in UTF-16", "convert it: iconv -f UTF-16LE -t UTF-8 FILE > NEW", _magic(b"{\0", b"[\0")
    ),
    FileKind(
        "utf-16-be", "text in UTF-16", "convert it: iconv -f UTF-16BE -t UTF-8 FILE > NEW", _magic(b"\0{", b"\0[")
    ),
    FileKind("lfs", "a Git LFS pointer", _LFS, _text(rb"version https://git-lfs\.github\.com/")),
    FileKind("annex", "a git-annex pointer", "get the file itself: git annex get FILE", _text(rb"/annex/objects/")),
    FileKind(
        "html",
        "an HTML page",
        "the address it was saved from shows a page (a viewer, a login, an error); download the file itself "
        "(the raw link)",
        _text(rb"<(?:!doctype\s+html|html|head|body|script)\b"),
    ),
    FileKind("xml", "XML", "write its records as JSON lines", _text(rb"<\?xml\b")),
)
"""Every kind that is recognised, the more specific before the more general."""
