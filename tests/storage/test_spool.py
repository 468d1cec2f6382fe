"""Sequences on disk, and the numbers of ids: what they hold is what was put in."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundeval.records import Document, Example, QAPair, Response
from groundeval.storage.folder import DiskFull
from groundeval.storage.id_index import IdIndex
from groundeval.storage.spool import Numbers, Spool, each_of


def examples(count: int) -> list[Example]:
    return [Example(f"id-{n}", f"why {n}\ud800?", (Document("t", "x" * n),), extra={"n": n}) for n in range(count)]


@pytest.mark.parametrize("in_memory", [0, 3, 100])
def test_a_spool_gives_back_what_was_put_in_wherever_it_is_kept(in_memory: int):
    spool = Spool(examples(20), in_memory=in_memory)
    assert list(spool) == examples(20)
    assert spool[-1] == examples(20)[19]
    assert list(spool[2:9:3]) == examples(20)[2:9:3]
    assert len(spool[:7]) == 7
    assert list(each_of(spool, lambda example: example.id)) == [f"id-{n}" for n in range(20)]
    with pytest.raises(IndexError):
        spool[20]


def test_a_response_on_disk_keeps_every_field():
    example = Example("a", "why?", answers=(("b",),), qa_pairs=(QAPair("q", ("c", "d")),), annotations=("e",))
    response = Response.build(example, "<think>f</think><answer>g</answer>", finish_reason="length")
    assert Spool([response], in_memory=0)[0] == response


def test_a_spool_grows_after_it_was_read():
    spool = Spool(examples(3), in_memory=1)
    assert spool[2].id == "id-2"
    spool.append(examples(4)[3])
    assert [each.id for each in spool] == ["id-0", "id-1", "id-2", "id-3"]


def test_a_spool_leaves_nothing_behind_and_says_where_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    spool = Spool(examples(3), in_memory=0)
    assert len(list(spool)) == 3
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(DiskFull, match=r"missing(.|\n)*TMPDIR"):
        list(Spool(examples(3), in_memory=0))


def test_an_index_numbers_ids_as_they_come_also_after_growing():
    index = IdIndex(f"sample-{n}" for n in range(10_000))
    assert all(index.get(f"sample-{n}") == n for n in range(10_000))
    assert index.add("sample-7") == 7
    assert index.get("sample-10000") is None
    assert "sample-10000" not in index
    assert index.add("sample-10000") == 10_000
    assert len(index) == 10_001


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.data())
def test_numbers_are_what_was_put_in_wherever_they_wait(numbers: list[int], data: st.DataObject):
    with patch("groundeval.storage.spool._PAGE", 4):
        kept = Numbers(numbers)
        for _ in range(3 if numbers else 0):
            place = data.draw(st.integers(0, len(numbers) - 1))
            numbers[place] = kept[place] = data.draw(st.integers(-(2**63), 2**63 - 1))
            assert [kept[index] for index in reversed(range(len(numbers)))] == numbers[::-1]
        kept.append(7)
        assert list(kept) == [*numbers, 7]
        assert list(kept[1:3]) == [*numbers, 7][1:3]
        with pytest.raises(IndexError):
            kept[len(kept)]
