"""Runs whose records do not fit into memory: what waits on disk gives the same files, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, lines_of, record, records, write

from groundeval.storage.folder import Lines
from groundeval.storage.generations import Generations
from groundeval.storage.spool import Spool

RUN = ("run", "--backend", "replay", "--tasks", "asqa", "--nli", "lexical", "--batch-size", "3")


def written(folder: Path) -> dict[str, bytes]:
    """The files of a run but its manifests, which hold times, by their names."""
    names = ("prompts.jsonl", "generations.jsonl", "scores.jsonl", "results.json")
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.name in names}


@pytest.mark.parametrize("more", [(), ("--num-samples", "2", "--gen-kwargs", "temperature=1"), ("--num-docs", "1")])
def test_a_run_whose_records_wait_on_disk_writes_the_same_bytes(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...]
):
    def output(each: dict[str, Any]) -> Any:
        return [each["output"], "It is old [2]."] if "--num-samples" in more else each["output"]

    # Without ids outputs belong to questions.
    outputs = [{"question": each["question"], "output": output(each)} for each in records(9)]
    model = write(tmp_path / "outputs.json", outputs)
    data = write(tmp_path / "data.json", records(9))
    found = []
    for in_memory in (2048, 2):
        monkeypatch.setitem(Spool.__init__.__kwdefaults__, "in_memory", in_memory)
        out = tmp_path / str(in_memory)
        command = (*RUN, "--model", model, "--data", data, "--output-path", out, *more)
        assert cli(*command, "--limit", "5", "--phase", "generate").code == 0
        assert cli(*command).code == 0
        found.append(written(out))
    assert len(found[0]) == 4
    assert found[0] == found[1]


def test_prompts_of_a_larger_limit_stay_when_a_smaller_one_is_generated_again(cli: Cli, tmp_path: Path):
    data = write(tmp_path / "data.json", records(6))
    command = (*RUN, "--model", data, "--data", data, "--output-path", tmp_path / "runs", "--phase", "generate")
    assert cli(*command).code == 0
    [generations] = tmp_path.rglob("generations.jsonl")
    first, *rest = generations.read_bytes().splitlines(keepends=True)
    generations.write_bytes(b"".join(rest))
    assert cli(*command, "--limit", "2").code == 0
    prompts = lines_of(generations.parent / "prompts.jsonl")
    assert [each["id"] for each in prompts] == ["q2", "q3", "q4", "q5", "q0", "q1"]
    assert first in generations.read_bytes()


def test_a_failed_line_is_replaced_by_a_later_one_of_any_shard_and_by_no_other(tmp_path: Path):
    def line(number: int, status: str = "ok", **changes: object) -> dict[str, object]:
        return {"id": f"q{number}", "status": status, "raw": status, "finish_reason": "stop", **changes}

    # More shards than files that are open at a time.
    for shard in range(40):
        lines = Lines(tmp_path / f"generations.{shard + 1:02}-of-40.jsonl", checksums=True)
        lines.append([line(shard), line(100 + shard, "error", error="away")])
    Lines(tmp_path / "generations.jsonl").append([line(3, raw="second"), line(103, finish_reason="length"), line(200)])
    stored = Generations(tmp_path)
    assert len(stored) == 81
    assert stored.texts == 42
    assert stored.answers_cut == 1
    assert [stored.has_text(each) for each in ("q3", "q103", "q104", "nobody")] == [True, True, False, False]
    assert stored[stored.number("q3")]["raw"] == "ok"
    assert stored[stored.number("q103")]["finish_reason"] == "length"
    assert stored.number("nobody") == -1
    assert sorted(each["id"] for each in stored) == sorted(
        [f"q{number}" for number in (*range(40), *range(100, 140), 200)]
    )
    with pytest.raises(IndexError):
        stored[81]


def test_the_documents_that_a_prompt_lost_are_known_without_its_line(tmp_path: Path):
    example = record()
    lines = Lines(tmp_path / "generations.jsonl")
    whole = {"id": example["id"], "status": "ok", "raw": "x"}
    lines.append([whole, {**whole, "id": "q1", "documents_shown": 0}, {**whole, "id": "q2", "documents_shown": 10**30}])
    stored = Generations(tmp_path)
    assert [stored.documents_shown(number, 5) for number in range(3)] == [5, 0, 100_000]
