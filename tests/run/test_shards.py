"""Shards of a run, brought together again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from run_cases import Cli, Counting, Ran, records, write

RUN = ("run", "--model", "m", "--backend", "counting", "--tasks", "asqa", "--nli", "lexical", "--json")
COUNT = 10


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    return write(tmp_path / "ten.json", records(COUNT))


@pytest.fixture
def shards(cli: Cli, counting: type[Counting], ten: Path, tmp_path: Path) -> list[Path]:
    """The output paths of three machines that each generated a third."""
    return [generated(cli, ten, tmp_path / f"machine{part}", f"{part}/3") for part in (1, 2, 3)]


def generated(cli: Cli, data: Path, out: Path, shard: str, *more: str) -> Path:
    ran = cli(*RUN, "--data", data, "--output-path", out, "--phase", "generate", "--shard", shard, *more)
    assert ran.code == 0, ran.err
    return out


def run_folder(out: Path) -> Path:
    [manifest] = out.glob("*/*/*/manifest.json")
    return manifest.parent


def merged(cli: Cli, *folders: Path) -> Ran:
    return cli("merge", *folders, "--output-path", folders[0].parent / "whole")


def test_merged_shards_have_the_results_of_a_run_in_one_piece(
    cli: Cli, shards: list[Path], ten: Path, tmp_path: Path, counting: type[Counting]
):
    assert sorted(counting.generated) == sorted(f"q{number}" for number in range(COUNT))
    ran = merged(cli, *shards)
    assert ran.code == 0, ran.err
    assert f"3 shards, {COUNT} samples" in ran.out
    folder = run_folder(tmp_path / "whole")
    assert cli("score", folder, "--data", ten, "--nli", "lexical", "--json").code == 0
    assert cli(*RUN, "--data", ten, "--output-path", tmp_path / "single").code == 0
    assert folder.name == run_folder(tmp_path / "single").name
    [ours], [theirs] = (
        list(out.rglob(name))
        for out, name in ((tmp_path / "whole", "results.json"), (tmp_path / "single", "results.json"))
    )
    assert ours.read_bytes() == theirs.read_bytes()
    assert (ours.parent / "scores.jsonl").read_bytes() == (theirs.parent / "scores.jsonl").read_bytes()


def test_the_run_goes_on_from_merged_shards_and_generates_nothing(
    cli: Cli, shards: list[Path], ten: Path, tmp_path: Path, counting: type[Counting]
):
    merged(cli, *shards)
    counting.generated.clear()
    assert cli(*RUN, "--data", ten, "--output-path", tmp_path / "whole").json["n"] == COUNT
    assert counting.generated == []


def test_run_folders_are_merged_as_the_folders_that_hold_them(cli: Cli, shards: list[Path], tmp_path: Path):
    assert cli("merge", *map(run_folder, shards), "--output-path", tmp_path / "whole").code == 0
    assert run_folder(tmp_path / "whole").parts[-3:] == run_folder(shards[0]).parts[-3:]


def test_merging_twice_and_into_the_folder_of_a_shard_changes_nothing(cli: Cli, shards: list[Path]):
    for _ in range(2):
        assert cli("merge", *shards, "--output-path", shards[0]).code == 0
        assert len(list(run_folder(shards[0]).glob("generations*.jsonl"))) == 3


def test_the_sessions_of_all_shards_are_kept(cli: Cli, shards: list[Path], tmp_path: Path):
    merged(cli, *shards)
    sessions = json.loads((run_folder(tmp_path / "whole") / "manifest.json").read_text())["sessions"]
    assert sum(session["samples"] for session in sessions) == COUNT


def test_a_missing_shard_is_named_and_can_come_later(cli: Cli, shards: list[Path], tmp_path: Path):
    ran = merged(cli, shards[0], shards[2])
    assert (ran.code, "2/3" in ran.err) == (3, True)
    assert not (tmp_path / "whole").exists()


def test_texts_that_a_shard_lacks_are_counted(cli: Cli, shards: list[Path], tmp_path: Path):
    path = run_folder(shards[1]) / "generations.2-of-3.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    ran = merged(cli, *shards)
    assert ran.code == 3
    assert "1 of 3 samples have no text yet" in ran.err


def test_shards_of_different_runs_are_refused_with_what_differs(
    cli: Cli, shards: list[Path], ten: Path, tmp_path: Path
):
    other = generated(cli, ten, tmp_path / "other", "2/3", "--num-docs", "1")
    same_name = run_folder(shards[0]).name
    run_folder(other).rename(run_folder(other).with_name(same_name))
    ran = merged(cli, shards[0], other, shards[2])
    assert ran.code == 1
    assert "num_docs is 2 and 1" in ran.err or "num_docs is 5 and 1" in ran.err


def test_shards_of_another_number_are_refused(cli: Cli, shards: list[Path], ten: Path, tmp_path: Path):
    halves = generated(cli, ten, tmp_path / "halves", "2/2")
    ran = merged(cli, shards[0], halves)
    assert (ran.code, "shards of 2 and of 3" in ran.err) == (1, True)


def test_a_sample_in_two_parts_is_refused(cli: Cli, shards: list[Path], ten: Path, tmp_path: Path):
    assert cli(*RUN, "--data", ten, "--output-path", tmp_path / "single", "--phase", "generate").code == 0
    ran = merged(cli, *shards, tmp_path / "single")
    assert ran.code == 1
    assert 'sample "q' in ran.err


def test_a_copy_of_a_shard_counts_once_and_one_that_differs_is_refused(cli: Cli, shards: list[Path], tmp_path: Path):
    copy = shutil.copytree(shards[0], tmp_path / "copy")
    assert merged(cli, *shards, copy).code == 0
    path = run_folder(copy) / "generations.1-of-3.jsonl"
    path.write_text(path.read_text().replace("stop", "length"))
    assert merged(cli, *shards, copy).code == 1


def test_more_shards_than_samples_leave_empty_ones_that_count(
    cli: Cli, counting: type[Counting], ten: Path, tmp_path: Path
):
    outs = [generated(cli, ten, tmp_path / f"m{part}", f"{part}/3", "--limit", "2") for part in (1, 2, 3)]
    assert "3 shards, 2 samples" in merged(cli, *outs).out


def test_a_folder_without_runs_is_a_wrong_use(cli: Cli, tmp_path: Path):
    ran = cli("merge", tmp_path)
    assert (ran.code, "neither a run folder" in ran.err) == (2, True)


@pytest.mark.parametrize("named", ["1-of-99999999999999", "0-of-3", "7-of-3"])
def test_a_name_that_says_an_impossible_shard_is_refused_at_once(cli: Cli, shards: list[Path], named: str):
    folder = run_folder(shards[0])
    (folder / "prompts.1-of-3.jsonl").replace(folder / f"prompts.{named}.jsonl")
    (folder / "generations.1-of-3.jsonl").replace(folder / f"generations.{named}.jsonl")
    ran = merged(cli, *([shards[0]] if named.startswith("1-") else shards))
    assert ran.code in (1, 2, 3), ran.err
    assert "shard" in ran.err
    assert len(ran.err) < 2_000


@pytest.mark.parametrize("sessions", [5, "abc", [1, None], {"a": 1}, None])
def test_sessions_that_are_none_are_left_out(cli: Cli, shards: list[Path], ten: Path, tmp_path: Path, sessions: object):
    changed = run_folder(shards[0]) / "manifest.json"
    changed.write_text(json.dumps({**json.loads(changed.read_text()), "sessions": sessions}))
    assert merged(cli, *shards).code == 0
    kept = json.loads((run_folder(tmp_path / "whole") / "manifest.json").read_text())["sessions"]
    assert len(kept) == len(shards) - 1
    again = cli(*RUN, "--data", ten, "--output-path", shards[0], "--limit", "4")
    assert again.code == 0, again.err


def test_a_prompt_whose_id_is_no_text_is_written_again(cli: Cli, shards: list[Path], ten: Path):
    prompts = run_folder(shards[0]) / "prompts.1-of-3.jsonl"
    first, *others = prompts.read_text().splitlines()
    for identifier in ([], {"a": 1}):
        prompts.write_text("\n".join([json.dumps({**json.loads(first), "id": identifier}), *others]) + "\n")
        generated(cli, ten, shards[0], "1/3")
        assert {type(json.loads(line)["id"]) for line in prompts.read_text().splitlines()} == {str}


def test_a_folder_in_the_place_of_the_prompts_is_named(cli: Cli, shards: list[Path], ten: Path):
    prompts = run_folder(shards[0]) / "prompts.1-of-3.jsonl"
    prompts.unlink()
    prompts.mkdir()
    ran = cli(*RUN, "--data", ten, "--output-path", shards[0], "--phase", "generate", "--shard", "1/3")
    assert ran.code != 0
    assert f"{prompts} is a folder" in ran.err
