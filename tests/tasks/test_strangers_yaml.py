"""YAML tasks and data files of strangers: patterns, aliases and compressed files that explode are stopped."""

from __future__ import annotations

import gzip
import json
import lzma
import time
from pathlib import Path

import pytest
from run_cases import records, write

from groundeval.errors import DataError, UserError
from groundeval.storage import json_records
from groundeval.storage.json_records import read_records
from groundeval.tasks import load_task
from groundeval.tasks.yaml.file import read_yaml
from groundeval.tasks.yaml.schema import YamlTask

TASK = """
name: cities
kind: em
data: cities.json
fields:
  question: {{path: question, remove: '{pattern}'}}
  documents: docs
  answers: answers
"""


def task(folder: Path, pattern: str, question: str = "What is it?") -> Path:
    write(folder / "cities.json", records(2, question=question))
    return write(folder / "cities.yaml", TASK.format(pattern=pattern))


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|a)*$", r"(a|aa)+$", r"(.*a){25}$"])
def test_a_pattern_that_explodes_is_an_error_that_names_record_and_field(
    pattern: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("groundeval.tasks.formats.patterns.SECONDS", 0.1)
    path = task(tmp_path, pattern, "a" * 5_000 + "!")
    with pytest.raises(DataError, match=r'record 1 (.|\n)*field "question"(.|\n)*takes longer than'):
        load_task(path).load()


@pytest.mark.parametrize(
    ("pattern", "left"),
    [(r"\s+is", "What it?"), (r"(?i)WHAT ", "is it?"), (r"\[\d+\]|it", "What is ?"), ("", "What is it?")],
)
def test_an_honest_pattern_removes_what_it_matches(pattern: str, left: str, tmp_path: Path):
    assert load_task(task(tmp_path, pattern)).load().examples[0].question == left


@pytest.mark.parametrize("pattern", ["(", "[", "a" * 3_000, "(?P<x", "*", "a{5,2}"])
def test_what_is_no_pattern_is_an_error_that_names_the_line(pattern: str, tmp_path: Path):
    with pytest.raises(DataError, match=r"line 6.*regular expression"):
        load_task(task(tmp_path, pattern))


def laughs(levels: int, width: int = 9) -> str:
    lines = ["a0: &a0 [" + ", ".join(["lol"] * width) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * width) + "]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [laughs(9), laughs(60), "a: &a [*a]", "a: &a {b: *a}", "[" * 50_000, "a: " + "[" * 5_000 + "]" * 5_000,
     "a: !!timestamp x", "a: !!int 0x", "a: !!bool x", "a: 2020-99-99",
     "- " * 20_000, "a: 1e999999999", "? " * 5_000, "&a " * 5_000, "x: " + "y" * (5 << 20)],
)  # fmt: skip
def test_yaml_that_explodes_is_refused_at_once(text: str, tmp_path: Path):
    begun = time.process_time()
    with pytest.raises(UserError) as caught:
        read_yaml(write(tmp_path / "a.yaml", text), YamlTask)
    assert time.process_time() - begun < 5
    assert len(str(caught.value)) < 5_000


def test_data_with_a_name_that_no_file_can_have_are_missing(tmp_path: Path):
    text = f"name: mine\nkind: em\ndata: {'a' * 5_000}\nfields: {{question: q, answers: a}}\n"
    with pytest.raises(UserError, match="does not exist"):
        load_task(write(tmp_path / "a.yaml", text)).load()


def test_honest_aliases_are_read(tmp_path: Path):
    write(tmp_path / "cities.json", records(2))
    text = TASK.format(pattern="") + "description: &d text\nlicence: *d\n"
    assert load_task(write(tmp_path / "cities.yaml", text)).licence == "text"


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
@pytest.mark.parametrize("content", [b" " * (3 << 20), b'[{"question": "' + b"a" * (3 << 20), b"[" * (3 << 20)])
def test_a_small_file_that_unfolds_to_a_huge_record_is_refused(
    pack: object, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(json_records, "MOST_RECORD", 1 << 20)
    path = tmp_path / "data.json.gz"
    path.write_bytes(pack(content))  # type: ignore[operator]
    with pytest.raises(DataError):
        list(read_records(path))


def test_a_long_record_is_read(tmp_path: Path):
    path = tmp_path / "data.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps({"question": "a" * (8 << 20)}).encode()))
    assert len(next(read_records(path)).data["question"]) == 8 << 20
