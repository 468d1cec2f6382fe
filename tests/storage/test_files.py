"""Reading record files: layouts, encodings, truncation, and error messages."""

from __future__ import annotations

import contextlib
import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundeval.errors import DataError, UsageError
from groundeval.storage import json_records as files
from groundeval.storage.json_records import read_records

RECORDS: list[dict[str, Any]] = [
    {"question": "Who sang Aida?", "n": 1},
    {"question": 'a "quoted" \n \ud800 \u2028 \x07 one', "nested": {"a": [1, 2.5, None, True, "}]"]}},
    {"question": "", "output": ""},
]


def write(folder: Path, text: str | bytes, name: str = "data.json") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return path


def data_of(path: Path, **options: Any) -> list[dict[str, Any]]:
    return [record.data for record in read_records(path, **options)]


def forms_of(records: list[dict[str, Any]]) -> dict[str, str]:
    return {
        "list": json.dumps(records),
        "indented list": json.dumps(records, indent=2),
        "data": json.dumps({"data": records}),
        "data with fields around it": json.dumps(
            {"args": {"data": [1]}, "data": records, "score": [{"x": 1}]}, indent=1
        ),
        "lines": "\n".join(json.dumps(record) for record in records) + "\n",
        "lines without a last newline": "\n".join(json.dumps(record) for record in records),
        "blank and windows lines": "\r\n\r\n".join(json.dumps(record) for record in records),
        "indented objects": "\n".join(json.dumps(record, indent=2) for record in records),
    }


@pytest.mark.parametrize("form", forms_of(RECORDS))
@pytest.mark.parametrize("name", ["data.json", "data.jsonl", "data.txt"])
def test_the_layout_is_seen_from_the_content_not_from_the_name(form: str, name: str, tmp_path: Path) -> None:
    assert data_of(write(tmp_path, forms_of(RECORDS)[form], name)) == RECORDS


@pytest.mark.parametrize("form", forms_of(RECORDS))
@pytest.mark.parametrize("chunk", [1, 2, 7, 64])
def test_where_the_reads_end_makes_no_difference(
    form: str, chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "CHUNK", chunk)
    assert data_of(write(tmp_path, forms_of(RECORDS)[form])) == RECORDS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(
    records=st.lists(
        st.dictionaries(st.text(max_size=5).filter(lambda key: key != "data"), json_values, max_size=4), min_size=1
    ),
    indent=st.sampled_from([None, 1]),
    raw=st.booleans(),
    form=st.sampled_from(["list", "data", "lines"]),
    chunk=st.integers(1, 40),
)
def test_any_records_come_back_as_they_were_written(
    records: list[dict[str, Any]], indent: int | None, raw: bool, form: str, chunk: int, tmp_path_factory: Any
) -> None:
    def dumped(value: Any) -> str:
        return json.dumps(value, indent=indent, ensure_ascii=not raw)

    text = (
        "\n".join(map(dumped, records)) if form == "lines" else dumped({"data": records} if form == "data" else records)
    )
    path = write(tmp_path_factory.mktemp("files"), text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "CHUNK", chunk)
        assert data_of(path) == records


@settings(max_examples=80, deadline=None)
@given(form=st.sampled_from(list(forms_of(RECORDS))), cut=st.floats(0, 1), chunk=st.sampled_from([3, 50, 1 << 20]))
def test_a_file_cut_anywhere_gives_its_whole_records_or_an_error_never_a_wrong_record(
    form: str, cut: float, chunk: int, tmp_path_factory: Any
) -> None:
    text = forms_of(RECORDS)[form]
    path = write(tmp_path_factory.mktemp("files"), text[: int(cut * len(text))])
    read: list[dict[str, Any]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "CHUNK", chunk)
        with contextlib.suppress(DataError):
            read.extend(record.data for record in read_records(path))
    if not form.startswith("data"):  # what is before `data` is an object of its own until `data` comes
        assert read == RECORDS[: len(read)]


def test_a_byte_order_mark_and_gzip_are_read(tmp_path: Path) -> None:
    text = json.dumps(RECORDS)
    assert data_of(write(tmp_path, b"\xef\xbb\xbf" + text.encode())) == RECORDS
    assert data_of(write(tmp_path, gzip.compress(text.encode()), "data.json")) == RECORDS


def test_characters_that_are_split_between_two_reads_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "CHUNK", 3)
    records = [{"question": "čaj 🫖 日本語"}]
    assert data_of(write(tmp_path, json.dumps(records, ensure_ascii=False))) == records


def test_raw_control_characters_in_strings_are_data(tmp_path: Path) -> None:
    assert data_of(write(tmp_path, '[{"question": "a\x00b\tc\nd"}]')) == [{"question": "a\x00b\tc\nd"}]


def test_json_lines_whose_records_have_a_list_called_data_are_read_when_said_so(tmp_path: Path) -> None:
    records = [{"data": [{"x": 1}]}, {"data": []}]
    path = write(tmp_path, "\n".join(map(json.dumps, records)))
    assert data_of(path, layout="jsonl") == records
    with pytest.raises(DataError, match="something follows"):
        data_of(path)


def test_records_are_read_one_at_a_time(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps(RECORDS)[:-20])
    records = read_records(path)
    assert next(records).data == RECORDS[0]
    with pytest.raises(DataError):
        list(records)


def test_a_record_says_where_it_stands_and_what_it_asks(tmp_path: Path) -> None:
    path = write(tmp_path, json.dumps([{"question": "who  sang\n" + "la " * 40}, {"question": 5}]))
    first, second = read_records(path, name="predictions.json")
    assert first.where == 'predictions.json, record 1 ("who sang la la la la la la la la la l...")'
    assert second.where == "predictions.json, record 2"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        (" \n\t", "is empty"),
        ("\ufeff", "is empty"),
        ("[]", "holds no records"),
        ('{"data": []}', "holds no records"),
        ('"a string"', "holds 'a string' at its top level"),
        ("12", "holds 12 at its top level"),
        ("NaN", "holds nan at its top level"),
        ("question,answer\n1,2", "is not JSON: it begins with 'question,answer"),
        ("[1, 2]", "record 1: it is 1; every record must be an object"),
        ('[{"a": 1}, null]', "record 2: it is None; every record must be an object"),
        ('{"a": 1}\n[2]', "record 2: it is"),
        ('[{"a": 1}, {"a": "b', "is cut off: record 2, which begins on line 1"),
        ('[{"a": 1},\n\n {"a": ', "is cut off: record 2, which begins on line 3"),
        ('[{"a": 1}', "is cut off"),
        ('[{"a": 1},', "is cut off"),
        ('{"data": [{"a": 1}]', "is cut off"),
        ('{"a": 1}\n{"a": 2', "is cut off: record 2, which begins on line 2"),
        ('{"a": 1', "is cut off"),
        ('{"a', "is cut off: record 1"),
        ("[{'a': 1}]", "is not JSON: record 1, line 1"),
        ('[{"a": 1} {"a": 2}]', "there must be a comma"),
        ('[{"a": 1}]\n[{"a": 2}]', "line 2: something follows the end of the list"),
        ('{"data": [{"a": 1}]} {"a": 1}', "something follows the end of the object"),
        ('{"a": 1, b: 2}', "is not JSON"),
        ('{"a" 1}', 'a field must look like "name": value'),
        ('{"a": 1 "b": 2}', "between two fields there must be a comma"),
        ('[{"a": ' + "1" * 5000 + "}]", "record 1: cannot be read"),
        ("[" + '{"a":' * 100_000, "record 1: cannot be read|is cut off"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(text: str, says: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=says) as raised:
        list(read_records(path))
    assert str(path) in str(raised.value)


def test_json_layout_asks_for_a_list_or_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='no list "data"; its fields are "results"'):
        data_of(write(tmp_path, '{"results": [{"a": 1}]}'), layout="json")
    with pytest.raises(DataError, match="is a JSON list, not JSON lines"):
        data_of(write(tmp_path, '[{"a": 1}]'), layout="jsonl")


def test_a_file_that_is_not_utf8_is_named_with_the_byte(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not UTF-8: byte 15 is 0xe9"):
        data_of(write(tmp_path, '[{"question": "é"}]'.encode("latin1")))
    with pytest.raises(DataError, match="is not UTF-8"):
        data_of(write(tmp_path, b'[{"question": "\xe2\x82'))


def test_a_missing_file_a_folder_and_a_damaged_archive_are_different_errors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        data_of(tmp_path / "nothing.json")
    with pytest.raises(DataError, match="is a folder"):
        data_of(tmp_path)
    packed = gzip.compress(json.dumps(RECORDS * 100).encode())
    with pytest.raises(DataError, match="damaged or cut off"):
        data_of(write(tmp_path, packed[: len(packed) // 2]))
    with pytest.raises(DataError, match="damaged or cut off"):
        data_of(write(tmp_path, packed[:20] + b"rubbish" + packed[27:]))


def test_a_long_record_is_parsed_a_few_times_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(json.JSONDecoder):
        calls = 0

        def raw_decode(self, s: str, idx: int = 0) -> Any:
            Counting.calls += 1
            return super().raw_decode(s, idx)

    monkeypatch.setattr(files, "CHUNK", 100)
    monkeypatch.setattr(files, "_DECODER", Counting(strict=False))
    long = {"question": "x", "docs": ["y" * 90] * 2000}
    assert data_of(write(tmp_path, json.dumps([long]))) == [long]
    assert Counting.calls < 20


@pytest.mark.parametrize("form", ["list", "data", "lines"])
def test_a_big_file_is_never_held_as_a_whole(form: str, tmp_path: Path) -> None:
    record = json.dumps({"question": "Why?", "docs": ["x" * 1000] * 4})
    text = "\n".join([record] * 5000) if form == "lines" else f"[{','.join([record] * 5000)}]"
    path = write(tmp_path, f'{{"data": {text}}}' if form == "data" else text)
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_records(path)) == 5000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 20e6
    assert peak < 8e6
