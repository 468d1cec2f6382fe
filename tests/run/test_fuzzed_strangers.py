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
    counts, found = tool.fuzz(range(1_000_000, 1_000_140))
    assert found == []
    assert counts == {"fine": 140}


def test_a_table_that_once_ended_the_process(tool, tmp_path: Path):
    """Offsets in it point outside of its texts."""
    import random

    with pytest.raises(DataError, match="out of bounds"):
        tool.Cases(tmp_path).tables(random.Random(100261))


def test_a_seed_is_always_the_same_damage(tool):
    import random

    values = [tool.altered(tool.RECORD, random.Random(seed)) for seed in (1, 2, 1)]
    assert values[0] == values[2] != values[1]


def test_the_fuzzer_finds_what_is_not_our_own_error(tool, monkeypatch: pytest.MonkeyPatch):
    def broken(self, rng):
        raise ZeroDivisionError

    monkeypatch.setattr(tool.Cases, "yaml", broken)
    counts, found = tool.fuzz(range(3, 7))
    assert counts == {"fine": 3, "traceback": 1}
    assert found[0].startswith("seed 4, broken:")
