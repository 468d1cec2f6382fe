"""Reads JSON lists, `{"data": [...]}` and JSON lines as a stream of records, whatever the file is called."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, NoReturn

from groundeval.errors import DataError, excerpt, option, quoted
from groundeval.storage.compression import opened
from groundeval.storage.file_kinds import BYTE_ORDER_MARK

Layout = Literal["auto", "json", "jsonl"]
"""`json`: a list, or an object whose `data` is a list; `jsonl`: one object after the other; `auto`: by content."""

CHUNK = 1 << 20
"""Characters read at a time. A record larger than that is read in ever larger pieces, so that its parsing is
restarted only a few times."""

MOST_RECORD = 64 << 20
"""Characters of one record, and of white space between two: a small compressed file may unfold to any length."""

MOST_VALUES = 2_000_000
"""Commas in one record: each may stand for a value, and a value takes many times as much memory as its text."""

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder(strict=False)  # control characters inside of a string are data
_CUT_OFF = 16  # an error this near to the end of what was read may only mean that the rest is still to come


@dataclass(frozen=True, slots=True)
class Record:
    """One JSON object of a file."""

    file: str
    """The name of the file in messages."""
    number: int
    """1 for the first record."""
    data: dict[str, Any]
    in_memory: bool = False
    """It comes from a list, not from a file: `file` is the name of the list, and messages give its index."""
    line: int | None = None
    """The line of the file on which it begins, where that is known."""
    failure: str | None = None
    """Why the request that it records failed; None for one that has an answer."""

    @property
    def where(self) -> str:
        """`predictions.json, record 17 ("who sang ...")` or `predictions[16] ("who sang ...")`, for error messages."""
        place = f"{self.file}[{self.number - 1}]" if self.in_memory else f"{self.file}, record {self.number}"
        place += "" if self.line is None else f" (line {self.line})"
        question = self.data.get("question")
        if not isinstance(question, str) or not question.strip():
            return place
        words = " ".join(question.split())
        words = words if len(words) <= 40 else words[:37].rstrip() + "..."
        return f'{place} ("{words}")'


def read_records(path: str | Path, *, layout: Layout = "auto", name: str | None = None) -> Iterator[Record]:
    """The records of a JSON or JSON-lines file (UTF-8, also compressed), one at a time: never a whole file in memory.

    `name`: how messages call the file. Raises UsageError for a file that is missing or unreadable, and DataError for
    one that is empty, not UTF-8, not JSON, of another kind (`groundeval.storage.file_kinds`) or cut off, and for a
    record that is not an object.
    """
    path = Path(path)
    shown = name or str(path)
    if path.is_dir():
        raise DataError(f"{shown} is a folder; name a file: a JSON list, an object with a list `data`, or JSON lines")
    with opened(path, shown) as stream:
        yield from read_stream(stream, path, shown, layout=layout)


def read_stream(stream: IO[bytes], path: Path, name: str, *, layout: Layout = "auto") -> Iterator[Record]:
    """The records of a stream, as `read_records` reads them; `path` is the file that it comes from."""
    yield from _Reader(stream, path, name).records(layout)


class _Reader:
    """A window onto the text of one file, which moves forward and grows only as far as one record needs."""

    def __init__(self, stream: IO[bytes], path: Path, name: str) -> None:
        self.stream = stream
        self.path = path
        self.name = name
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.text = ""
        self.at = 0
        self.ended = False
        self.bytes_read = 0
        self.lines_before = 0
        self.dropped = 0
        """Characters before those of the window."""
        self.number = 0
        self.began: int | None = None
        """Where in the text the record now being read begins, outside of lists; None once that has been dropped."""

    def records(self, layout: Layout) -> Iterator[Record]:
        if self.peek() == BYTE_ORDER_MARK:
            self.at += 1
        first = self.peek()
        if not first and self.bytes_read == 0 and self.path.is_file() and self.path.stat().st_size:
            raise DataError(f"{self.name} is damaged or cut off: nothing of what was compressed can be read")
        if not first:
            raise DataError(f"{self.name} is empty: it must hold JSON; write it again, or download it again")
        self.no_mark_here()
        if first == "[" and layout != "jsonl":
            yield from self.listed()
            self.nothing_follows("the list")
        elif first == "{":
            yield from self.wrapped_or_lines(layout)
        else:
            self.wrong_top_level(layout)
        if self.number == 0:
            raise DataError(f"{self.name} holds no records")

    def listed(self) -> Iterator[Record]:
        """The elements of a list."""
        self.at += 1
        if self.peek() == "]":
            self.at += 1
            return
        while True:
            yield self.record()
            separator = self.peek()
            if separator not in {",", "]"}:
                self.not_json("after it there must be a comma or the closing bracket of the list")
            self.at += 1
            if separator == "]":
                return

    def wrapped_or_lines(self, layout: Layout) -> Iterator[Record]:
        """An object: either one with a list `data`, whose elements are the records, or the first of many records."""
        fields: dict[str, Any] = {}
        self.began = self.at
        begin, commas = self.dropped + self.at, 0
        self.at += 1
        while self.peek() != "}":
            key = self.value()
            if not isinstance(key, str) or self.peek() != ":":
                self.not_json("a field must look like " + '"name": value', offset=1)
            self.at += 1
            if key == "data" and self.peek() == "[" and layout != "jsonl":
                self.began = None
                yield from self.listed()
                self.rest_of_object()
                self.nothing_follows("the object that holds `data`")
                return
            fields[key] = self.value()
            commas += 1
            if self.dropped + self.at - begin > MOST_RECORD or commas > MOST_VALUES:
                self.too_large()
            if self.peek() == ",":
                self.at += 1
            elif self.peek() != "}":
                self.not_json("between two fields there must be a comma", offset=1)
        self.at += 1
        if layout == "json":
            raise DataError(
                f'{self.name}: the object has no list "data"; its fields are {quoted(fields)}.\n'
                '  A JSON file must be a list of records or {"data": [...]}.'
            )
        self.number = 1
        yield Record(self.name, 1, fields)
        while self.peek():
            self.began = self.at
            yield self.record()

    def rest_of_object(self) -> None:
        """Skip what follows `data` in its object."""
        while self.peek() == ",":
            self.at += 1
            self.value()
            if self.peek() != ":":
                self.not_json("a field must look like " + '"name": value')
            self.at += 1
            self.value()
        if self.peek() != "}":
            self.not_json('the object that holds "data" must be closed by }')
        self.at += 1

    def nothing_follows(self, what: str) -> None:
        if self.peek():
            self.no_mark_here()
            raise DataError(f"{self.name}, line {self.line()}: something follows the end of {what}")

    def record(self) -> Record:
        self.number += 1
        self.peek()
        value = self.value(offset=0)
        if type(value) is not dict:
            raise DataError(
                f"{self.name}, record {self.number}: it is {excerpt(value)}; every record must be an object"
                ' such as {"question": ..., "docs": [...]}'
            )
        return Record(self.name, self.number, value)

    def value(self, offset: int = 1) -> Any:
        """The JSON value at the window's start. `offset` 1: an error in it belongs to the record not yet counted."""
        self.peek()
        size = CHUNK
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                unfinished = error.msg.startswith("Unterminated") or error.pos >= len(self.text) - _CUT_OFF
                reached = error.pos - self.at
                if not unfinished or not self.grow(size):
                    self.broken(error, self.at + reached, offset)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{self.name}, record {self.number + offset}: cannot be read ({error})") from error
            else:
                length = end - self.at
                # A number at the window's end may continue after it: "1" as "1e+5".
                if type(value) not in (int, float) or end + 4 <= len(self.text) or not self.grow(size):
                    self.at += length
                    return value
            size *= 2

    def peek(self) -> str:
        """The next character that is not white space; nothing at the end of the file."""
        blank = 0
        while True:
            match = _SPACE.match(self.text, self.at)
            before, self.at = self.at, match.end() if match else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            blank += self.at - before
            if blank > MOST_RECORD:
                # A small compressed file can hold hours of it.
                raise DataError(f"{self.name}, line {self.line()}: more than {MOST_RECORD:,} blank characters")
            if not self.grow(CHUNK):
                return ""

    def grow(self, size: int) -> bool:
        """Read more, dropping what has been parsed; false at the end of the file."""
        if self.ended:
            return False
        # What is still in the window belongs to one record, which has no end yet.
        left = len(self.text) - self.at
        if left > MOST_RECORD or (left > MOST_VALUES and self.text.count(",", self.at) > MOST_VALUES):
            self.too_large()
        data = self.stream.read(size)
        try:
            more = self.decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            position = self.bytes_read - len(error.object) + len(data) + error.start
            raise not_utf8(self.name, f": byte {position} is", error) from None
        self.bytes_read += len(data)
        self.ended = not data
        self.lines_before += self.text.count("\n", 0, self.at)
        self.dropped += self.at
        self.text = self.text[self.at :] + more
        if self.began is not None:
            self.began = self.began - self.at if self.began >= self.at else None
        self.at = 0
        return bool(data)

    def too_large(self) -> NoReturn:
        raise DataError(
            f"{self.name}, line {self.line()}: a record of more than {MOST_RECORD:,} characters, or of {MOST_VALUES:,} "
            "values"
        )

    def line(self, position: int | None = None) -> int:
        return 1 + self.lines_before + self.text.count("\n", 0, self.at if position is None else position)

    def no_mark_here(self, position: int | None = None) -> None:
        """Raise DataError for a byte-order mark that is not the file's first character, as joined files have one."""
        at = self.at if position is None else position
        if self.text[at : at + 1] == BYTE_ORDER_MARK:
            raise DataError(
                f"{self.name}, line {self.line(at)}: a byte-order mark (BOM) within the file, as when files are "
                f"joined; remove it: sed -i 's/\\xEF\\xBB\\xBF//g' {shlex.quote(str(self.path))}"
            )

    def no_line_cut_off(self) -> None:
        """Raise DataError if the line on which a record begins is no JSON and the next one is: an error seems later."""
        if self.began is None:
            return
        first, _, rest = self.text[self.began :].partition("\n")
        second = rest.lstrip().partition("\n")[0]
        if first.lstrip().startswith("{") and not _is_object(first) and _is_object(second):
            raise DataError(
                f"{self.name}, line {self.line(self.began)} is cut off: it ends in {excerpt(first.rstrip()[-30:])}.\n"
                "  The next line is whole. Write this one again, or remove it."
            ) from None

    def broken(self, error: json.JSONDecodeError, position: int, offset: int) -> NoReturn:
        """Say where the JSON ends too early or goes wrong."""
        record = f"record {self.number + offset}"
        if self.ended and (error.msg.startswith("Unterminated") or not self.text[position:].strip()):
            raise DataError(
                f"{self.name} is cut off: {record}, which begins on line {self.line()}, has no end.\n"
                "  The file was not written or copied to its end; write it again."
            ) from None
        self.no_mark_here(position)
        self.no_line_cut_off()
        near = excerpt(self.text[position : position + 30])
        raise DataError(
            f"{self.name} is not JSON: {record}, line {self.line(position)}: {error.msg.lower()}, at {near}"
        ) from None

    def not_json(self, rule: str, offset: int = 0) -> NoReturn:
        found = self.peek()
        self.no_mark_here()
        self.no_line_cut_off()
        where = f"record {self.number + offset}, line {self.line()}"
        if not found:
            raise DataError(
                f"{self.name} is cut off: it ends in {where}.\n"
                "  The file was not written or copied to its end; write it again."
            )
        raise DataError(f"{self.name} is not JSON: {where}: {rule}, not {excerpt(self.text[self.at : self.at + 30])}")

    def wrong_top_level(self, layout: Layout) -> NoReturn:
        if self.path.suffix == ".py":
            raise DataError(
                f"{self.name} is Python code, not a file of records.\n"
                f"  A plugin is loaded by {option('include_path', self.path)}."
            )
        begin = self.text[self.at : self.at + 30]
        form = 'It must be a list of records, {"data": [...]}, or JSON lines.'
        if layout == "jsonl" and begin.startswith("["):
            raise DataError(f"{self.name} is a JSON list, not JSON lines: leave `format` out, or say `format: json`")
        try:
            value, _ = _DECODER.raw_decode(self.text, self.at)
        except ValueError:
            raise DataError(f"{self.name} is not JSON: it begins with {excerpt(begin)}.\n  {form}") from None
        raise DataError(f"{self.name} holds {excerpt(value)} at its top level.\n  {form}")


def not_utf8(name: str, where: str, error: UnicodeDecodeError) -> DataError:
    """The error for a file that is no UTF-8: text in another encoding, or, where it has control characters, no text."""
    byte = error.object[error.start]
    data = bytes(error.object)
    is_binary = any(each < 32 and each not in b"\t\n\r\f\v\x1b" for each in data[:4_096])
    advice = (
        "It looks like a binary file: name the file of records itself."
        if is_binary
        else "Convert it, for instance: iconv -f latin1 -t utf8 OLD > NEW"
    )
    return DataError(f"{name} is not UTF-8{where} 0x{byte:02x}.\n  {advice}")


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line, strict=False), dict)
    except (ValueError, RecursionError):
        return False


def file_hash(path: Path) -> str:
    """SHA-256 of the bytes of a file that the user names, as hexadecimal digits."""
    with path.open("rb") as file:
        return stream_hash(file)


def stream_hash(file: BinaryIO) -> str:
    """SHA-256 of what a stream still holds, as hexadecimal digits."""
    digest = hashlib.sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()
