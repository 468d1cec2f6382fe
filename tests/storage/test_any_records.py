"""The same records come out of every format, compressed or not, whatever the file is called."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from groundeval.errors import DataError, UsageError
from groundeval.storage import columnar, compression, json_records
from groundeval.storage.any_records import read_any

ROWS: list[dict[str, Any]] = [
    {"question": "Who?", "output": 'Verdi, "the" master [1].\nIt is so.'},
    {"question": "Où; ça\t?", "output": ""},
]
CSV = 'question,output\nWho?,"Verdi, ""the"" master [1].\nIt is so."\nOù; ça\t?,\n'
TEXTS = {
    "json": json.dumps(ROWS),
    "jsonl": "\n".join(map(json.dumps, ROWS)),
    "csv": CSV,
    "tsv": 'question\toutput\nWho?\t"Verdi, ""the"" master [1].\nIt is so."\n"Où; ça\t?"\t\n',
}


def zstandard(data: bytes) -> bytes:
    import pyarrow as arrow

    sink = arrow.BufferOutputStream()
    with arrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard,
}


def rows(path: Path) -> list[dict[str, Any]]:
    return [record.data for record in read_any(path)]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("compressed", COMPRESSIONS)
def test_every_text_format_gives_the_same_records(text: str, compressed: str, tmp_path: Path):
    path = tmp_path / f"my.outputs.{text}{compressed}"
    path.write_bytes(COMPRESSIONS[compressed](TEXTS[text].encode()))
    assert rows(path) == ROWS
    path.rename(tmp_path / f"renamed.{text}")  # the compression is told by the content
    assert rows(tmp_path / f"renamed.{text}") == ROWS


def test_streams_that_follow_each_other_are_one_file(tmp_path: Path):
    parts = [json.dumps(row).encode() + b"\n" for row in ROWS]
    for name, compress in COMPRESSIONS.items():
        path = tmp_path / f"joined.jsonl{name}"
        path.write_bytes(b"".join(map(compress, parts)))
        assert rows(path) == ROWS, name


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_thousands_of_streams_are_one_file(compress: Callable[[bytes], bytes], tmp_path: Path):
    """As programs write them that compress in parallel."""
    path = tmp_path / "rows"
    path.write_bytes(compress(b'{"question": "Who?"}\n') * 3_000)
    assert sum(1 for _ in read_any(path)) == 3_000


def test_a_header_of_very_many_fields_is_read_at_once(tmp_path: Path):
    """Each used to be sought among all the others, which took minutes."""
    path = tmp_path / "rows.csv"
    names = [f"field{number}" for number in range(100_000)]
    path.write_text(",".join(names) + "\n" + "," * 99_999 + "\n")
    [record] = read_any(path)
    assert list(record.data) == names
    path.write_text(",".join([*names, "field7"]) + "\n")
    with pytest.raises(DataError, match="'field7' is named twice"):
        list(read_any(path))


def test_the_name_of_a_member_of_an_archive_is_one_line(tmp_path: Path):
    path = tmp_path / "rows.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("samples/\x1b[31m\nerror: forged.json", '{"a"')
    with pytest.raises(DataError) as caught:
        list(read_any(path))
    assert "\nerror: forged" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_tables_give_the_same_records(tmp_path: Path):
    import pyarrow as arrow
    from pyarrow import feather, ipc, parquet

    table = arrow.Table.from_pylist([{**ROWS[0], "docs": [{"text": "x"}]}, ROWS[1]])
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=1)
    feather.write_feather(table, str(tmp_path / "a.feather"))
    with ipc.new_stream(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    expected = [{**ROWS[0], "docs": [{"text": "x"}]}, ROWS[1]]
    for name in ("a.parquet", "a.feather", "a.arrow"):
        assert rows(tmp_path / name) == expected, name


def test_a_folder_that_datasets_saved_is_read_and_one_with_splits_asks_for_a_split(tmp_path: Path):
    datasets = pytest.importorskip("datasets")
    whole = datasets.Dataset.from_list(ROWS * 3)
    whole.save_to_disk(str(tmp_path / "saved"), num_shards=2)
    assert rows(tmp_path / "saved") == ROWS * 3
    datasets.DatasetDict({"test": whole.select([1, 0])}).save_to_disk(str(tmp_path / "splits"))
    assert rows(tmp_path / "splits" / "test") == [ROWS[1], ROWS[0]]
    with pytest.raises(UsageError, match=r'several data sets: "test"(.|\n)*Name one: .*splits/test'):
        rows(tmp_path / "splits")


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "noname"])
def test_a_table_with_semicolons_and_a_byte_order_mark_is_read(name: str, tmp_path: Path):
    path = tmp_path / name
    path.write_bytes(b"\xef\xbb\xbf" + b'question;output\r\n"a, b; c";d\r\n\r\n')
    assert rows(path) == [{"question": "a, b; c", "output": "d"}]


def test_json_in_a_file_called_csv_is_json_and_text_in_one_called_json_is_no_table(tmp_path: Path):
    (tmp_path / "a.csv").write_text(TEXTS["json"])
    assert rows(tmp_path / "a.csv") == ROWS
    (tmp_path / "a.json").write_text(CSV)
    with pytest.raises(DataError, match="not JSON"):
        rows(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "is empty"),
        ("a,b\n", 'no records: only the line that names the fields ("a", "b")'),
        ("a,b\n1,2\n\n3\n", 'line 4: 1 cells, and the header names 2 fields ("a", "b")'),
        ("a,b\n1,2,3\n", "line 2: 3 cells"),
        ("a,b,a\n1,2,3\n", "line 1: the field 'a' is named twice"),
        ('a,b\n1,"2\n', "from line 2"),
        ("a,b\n1,\xe9\n", "not UTF-8"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(content: str, says: str, tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError) as raised:
        rows(path)
    assert str(raised.value).startswith(str(path))
    assert says in str(raised.value)


def test_the_line_of_a_record_of_a_table_is_named(tmp_path: Path):
    (tmp_path / "a.csv").write_text(CSV)
    assert [record.line for record in read_any(tmp_path / "a.csv")] == [2, 4]
    assert next(read_any(tmp_path / "a.csv")).where.endswith('record 1 (line 2) ("Who?")')


@pytest.mark.parametrize("compressed", [each for each in COMPRESSIONS if each])
def test_a_compressed_file_that_is_cut_off_or_damaged_says_so(compressed: str, tmp_path: Path):
    path = tmp_path / f"a.jsonl{compressed}"
    whole = COMPRESSIONS[compressed](b"\n".join(json.dumps({"n": n, "text": str(n) * 9}).encode() for n in range(9999)))
    for damaged in (whole[: len(whole) // 2], whole[:99] + bytes(200) + whole[299:]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"damaged or cut off|not JSON|not UTF-8"):
            rows(path)


@pytest.mark.parametrize("compressed", [".xz", ".bz2", ".gz", ".zst"])
def test_a_small_file_that_unfolds_to_a_large_one_is_read_in_bounded_memory(compressed: str, tmp_path: Path):
    path = tmp_path / f"a.jsonl{compressed}"
    path.write_bytes(COMPRESSIONS[compressed]((b'{"a": "' + b"x" * 1_000 + b'"}\n') * 60_000))
    assert path.stat().st_size < 300_000
    tracemalloc.start()
    assert sum(1 for _ in read_any(path)) == 60_000
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_without_a_reader_of_zstandard_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "a.jsonl.zst"
    path.write_bytes(zstandard(TEXTS["jsonl"].encode()))
    monkeypatch.setattr(compression, "_ZSTANDARD", {"no.such.module": lambda module, file: file})
    with pytest.raises(UsageError, match=r"a.jsonl.zst: it is compressed with zstandard.*\n.*pip install zstandard"):
        rows(path)


def test_values_that_python_does_not_have_and_offsets_that_lead_astray_are_damage(tmp_path: Path):
    import pyarrow
    from pyarrow import feather

    table = pyarrow.table({"id": ["a"], "day": pyarrow.array([2**31 - 1], pyarrow.date32())})
    feather.write_feather(table, tmp_path / "day.feather", compression="uncompressed")
    texts = pyarrow.table({"text": ["x" * 4_000, "y" * 4_000]})
    feather.write_feather(texts, tmp_path / "offsets.feather", compression="uncompressed")
    content = (tmp_path / "offsets.feather").read_bytes()
    (tmp_path / "offsets.feather").write_bytes(
        content.replace((4_000).to_bytes(4, "little") + (8_000).to_bytes(4, "little"), b"\xff\xff\xff\x7f" * 2)
    )
    for name in ("day.feather", "offsets.feather"):
        with pytest.raises(DataError, match=f"{name} cannot be read as arrow"):
            rows(tmp_path / name)


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_a_small_table_that_unfolds_to_a_huge_one_is_read_in_small_steps(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import pyarrow
    from pyarrow import feather, parquet

    monkeypatch.setattr("groundeval.storage.columnar.MOST_AT_ONCE", 4 << 20)
    long = pyarrow.array(["x" * (1 << 20)] * 40).dictionary_encode()
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        parquet.write_table(pyarrow.table({"output": long}), path, compression="gzip")
    else:
        feather.write_feather(pyarrow.table({"output": long}), path, compression="uncompressed")
    tracemalloc.start()
    assert sum(len(record.data["output"]) for record in read_any(path)) == 40 << 20
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_a_column_that_explodes_is_refused_by_what_it_says_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"output": ["x" * (1 << 20)]}), tmp_path / "a.parquet", compression="gzip")
    monkeypatch.setattr("groundeval.storage.columnar.MOST_UNFOLDED", 1 << 19)
    with pytest.raises(DataError, match=r"a.parquet: 1 rows unfold to 1,0\d\d,\d\d\d bytes"):
        rows(tmp_path / "a.parquet")


def test_a_parquet_file_that_is_damaged_and_a_folder_of_anything_are_refused(tmp_path: Path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + b"x" * 99)
    with pytest.raises(DataError, match=r"a.parquet cannot be read as parquet"):
        rows(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"is a folder that `datasets` did not save"):
        rows(tmp_path)


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from groundeval.storage import delimited

    monkeypatch.setattr(delimited, "_LONGEST_LINE", 1_000)
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1," + b"x" * 2_000))
    with pytest.raises(DataError, match=r"line 2: more than 1000 characters"):
        rows(path)


@pytest.mark.parametrize(
    "content",
    [
        "{" + ",".join(f'"{number}": "{"x" * 9_000}"' for number in range(20)) + "}",
        '{"question": [' + "1," * 9_000 + "1]}",
        "{" + ",".join(f'"{number}": {{}}' for number in range(6_000)) + "}",
        '[{"question": "Who?"}, {"question": [' + "[]," * 9_000 + "1]}]",
        '{"version": "' + "x" * 90_000 + '", "more": "' + "x" * 90_000 + '", "data": [{}]}',
    ],
)
def test_a_record_that_would_take_much_memory_is_refused(content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Also the first of a file, whose fields are read one by one: it may be an object that holds the records."""
    monkeypatch.setattr(json_records, "CHUNK", 1_000)
    monkeypatch.setattr(json_records, "MOST_RECORD", 100_000)
    monkeypatch.setattr(json_records, "MOST_VALUES", 5_000)
    path = tmp_path / "rows.json"
    path.write_text(content)
    with pytest.raises(DataError, match="a record of more than 100,000 characters, or of 5,000 values"):
        rows(path)


def test_many_records_of_a_few_values_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(json_records, "CHUNK", 1_000)
    monkeypatch.setattr(json_records, "MOST_RECORD", 2_000)
    monkeypatch.setattr(json_records, "MOST_VALUES", 50)
    path = tmp_path / "rows.json"
    for content in ('{"a": [1, 2, 3]}\n' * 2_000, "[" + ",".join(['{"a": [1, 2, 3]}'] * 2_000) + "]"):
        path.write_text(content)
        assert len(rows(path)) == 2_000


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstandard])
def test_a_file_that_was_made_to_unfold_without_end_is_refused_and_an_honest_one_is_not(
    compress: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(compression, "MOST_UNFOLDED", 1 << 18)
    path = tmp_path / "rows"
    path.write_bytes(compress(b'{"question": "Who?"}\n' * 200_000))
    with pytest.raises(DataError, match=r"rows unfolds to more than 262,144 bytes"):
        rows(path)
    path.write_bytes(compress(b"".join(b'{"question": "%x"}\n' % number**20 for number in range(5_000))))
    assert len(rows(path)) == 5_000


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_rows_that_take_no_room_are_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import pyarrow
    from pyarrow import feather, parquet

    monkeypatch.setattr(columnar, "MOST_EMPTY_ROWS", 10_000)
    table = pyarrow.table({"question": pyarrow.nulls(200_000)})
    path = tmp_path / "rows"
    parquet.write_table(table, path) if kind == "parquet" else feather.write_feather(table, path)
    with pytest.raises(DataError, match="rows, more than bytes"):
        for _ in read_any(path):
            pass
