"""Sequences on disk, and the numbers of ids: what they hold is what was put in."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundeval.records import Document, Example, QAPair, Response
from groundeval.storage.folder import DiskFull
from groundeval.storage.id_index import IdIndex
from groundeval.storage.spool import Spool, each_of


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


def test_an_index_knows_the_first_number_of_every_id_also_after_growing():
    index = IdIndex(f"sample-{n}" for n in range(10_000))
    assert all(index.get(f"sample-{n}") == n for n in range(10_000))
    assert index.setdefault("sample-7", 70_000) == 7
    assert index.get("sample-10000") is None
    assert "sample-10000" not in index
    assert index.setdefault("sample-10000", 1 << 50) == 1 << 50
    assert len(index) == 10_001
