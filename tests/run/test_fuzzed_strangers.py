"""A few of the cases of `tools/fuzz_strangers.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from groundeval.errors import DataError

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    import fuzz_strangers

    yield fuzz_strangers
    sys.modules.pop("fuzz_strangers", None)


def test_damaged_input_is_read_or_refused_in_our_own_words(tool, monkeypatch: pytest.MonkeyPatch):
    # Whether one takes five seconds is for the tool to say: here other tests run beside it.
    monkeypatch.setattr(tool, "SECONDS", 120.0)
    done = list(tool.fuzz(range(1_000_000, 1_000_140)))
    assert [found for _, found in done if found] == []
    assert {case.outcome for case, _ in done} == {"fine"}
    assert len(done) == 140


def test_a_table_that_once_ended_the_process(tool, tmp_path: Path):
    """Offsets in it point outside of its texts."""
    import random

    with pytest.raises(DataError, match="out of bounds"):
        tool.Cases(tmp_path).tables(random.Random(100261))


def test_a_parquet_file_that_once_ended_the_process(tool, tmp_path: Path):
    """The statistics of a column do not fit: pyarrow does not raise then, where it is asked for the column."""
    import random

    with pytest.raises(DataError, match="cannot be read as parquet"):
        tool.Cases(tmp_path).tables(random.Random(286055))


def test_a_seed_is_always_the_same_damage(tool):
    import random

    values = [tool.altered(tool.RECORD, random.Random(seed)) for seed in (1, 2, 1)]
    assert values[0] == values[2] != values[1]


def test_the_fuzzer_finds_what_is_not_our_own_error(tool, monkeypatch: pytest.MonkeyPatch):
    def broken(self, rng):
        raise ZeroDivisionError

    monkeypatch.setattr(tool.Cases, "yaml", broken)
    done = list(tool.fuzz(range(3, 7)))
    assert [case.outcome for case, _ in done] == ["fine", "traceback", "fine", "fine"]
    assert done[1][1].startswith("seed 4, broken:")


def test_a_case_that_ends_the_process_is_found_and_the_others_run(tool, monkeypatch: pytest.MonkeyPatch, capsys):
    import os

    monkeypatch.setattr(tool.Cases, "yaml", lambda self, rng: os._exit(9))
    monkeypatch.setattr(sys, "argv", ["fuzz", "--seeds", "3:7"])
    assert tool.main() == 1
    printed = capsys.readouterr().out
    assert "seed 4 ended the process: 9" in printed
    assert "4 cases: {'fine': 3, 'killed': 1}" in printed
