"""`score` and `compare` on run folders of strangers: nothing that they name runs, is read or is written to."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_cases import Cli, Counting

from groundeval.errors import UsageError
from groundeval.run.api import score
from groundeval.tasks import TASKS, load_task

RUN = ("run", "--model", "m", "--backend", "counting", "--nli", "lexical", "--json")
LEXICAL = ("--nli", "lexical", "--json")
YAML_TASK = """
name: cities
kind: em
data: [{path: cities.json}]
fields: {question: question, documents: docs, answers: answers}
"""


@pytest.fixture
def folder(cli: Cli, counting: type[Counting], data: Path, tmp_path: Path) -> Path:
    """A run of the user's own on a file of data."""
    ran = cli(*RUN, "--tasks", "asqa", "--data", data, "--output-path", tmp_path / "runs")
    assert ran.code == 0, ran.err
    [found] = (path.parent for path in (tmp_path / "runs").rglob("prompts.jsonl"))
    return found


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest["identity"])
    (folder / "manifest.json").write_text(json.dumps(manifest))


def planted(tmp_path: Path) -> tuple[Path, Path]:
    """A file of Python code, and what it makes when it runs."""
    code, trace = tmp_path / "planted.py", tmp_path / "ran"
    code.write_text(f"open({str(trace)!r}, 'w').close()\n")
    return code, trace


@pytest.mark.parametrize("command", ["score", "compare"])
@pytest.mark.parametrize("name", ["asqa", "other"])
@pytest.mark.parametrize("suffix", ["", ":asqa"])
def test_code_that_a_manifest_names_is_not_run(
    cli: Cli, folder: Path, data: Path, tmp_path: Path, command: str, name: str, suffix: str
):
    code, trace = planted(tmp_path)
    changed(folder, lambda identity: identity.update(task=name, task_reference=f"{code}{suffix}"))
    more = ("--data", data, *LEXICAL) if command == "score" else (folder,)
    ran = cli(command, folder, *more)
    assert not trace.exists()
    assert "Traceback" not in ran.err
    if command == "score":
        assert ran.code == (0 if name == "asqa" else 2), ran.err


def test_a_registered_name_is_looked_up_although_a_file_is_called_so(
    cli: Cli, folder: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    code, trace = planted(tmp_path)
    (tmp_path / "asqa").write_text(code.read_text())
    monkeypatch.chdir(tmp_path)
    assert cli("score", folder, "--data", data, *LEXICAL).code == 0
    assert not trace.exists()


@pytest.mark.parametrize("name", ["planted.py", "planted.py:asqa", "task.yaml", "../planted", "", "asqa\n"])
def test_a_path_in_the_place_of_a_name_is_no_task(cli: Cli, folder: Path, data: Path, tmp_path: Path, name: str):
    _, trace = planted(tmp_path)
    (tmp_path / "task.yaml").write_text(YAML_TASK)
    changed(folder, lambda identity: identity.update(task=str(tmp_path / name) if name else name))
    ran = cli("score", folder, "--data", data, *LEXICAL)
    assert (ran.code, trace.exists()) == (2, False)
    assert "is not registered here" in ran.err


def test_data_that_a_manifest_names_are_not_opened_and_the_error_is_the_command_that_names_them(
    cli: Cli, folder: Path, data: Path, tmp_path: Path
):
    pipe = tmp_path / "a pipe"
    os.mkfifo(pipe)  # Opening it would wait for ever.
    changed(folder, lambda identity: identity["data"].update(requested=str(pipe)))
    ran = cli("score", folder, *LEXICAL)
    assert ran.code == 2
    assert f"groundeval score {folder} --data '{pipe}'" in ran.err
    assert cli("score", folder, "--data", data, *LEXICAL).json["n"] == 5
    assert cli("score", folder, "--data", f"asqa={data}", *LEXICAL).json["n"] == 5
    wrong = cli("score", folder, "--data", f"eli5={data}", *LEXICAL)
    assert (wrong.code, "asqa" in wrong.err) == (2, True)


def test_ones_own_yaml_task_is_scored_by_the_command_that_the_error_shows(
    cli: Cli, counting: type[Counting], data: Path, tmp_path: Path
):
    task = tmp_path / "cities.yaml"
    task.write_text(YAML_TASK)
    (tmp_path / "cities.json").write_text(data.read_text())
    assert cli(*RUN, "--tasks", task, "--output-path", tmp_path / "runs").code == 0
    [folder] = (path.parent for path in (tmp_path / "runs").rglob("prompts.jsonl"))
    refused = cli("score", folder, *LEXICAL)
    assert refused.code == 2
    assert f"groundeval score {folder} --task {task}" in refused.err
    assert "--data" not in refused.err.splitlines()[-1]
    assert cli("score", folder, "--task", task, *LEXICAL).json["n"] == 5
    assert cli("score", folder, "--task", "asqa", *LEXICAL).code == 2
    assert score(folder, load_task(task), nli="lexical")[0].results.n == 5


def test_what_is_embedded_and_the_name_of_a_task_need_no_flag(cli: Cli, counting: type[Counting], tmp_path: Path):
    out = tmp_path / "runs"
    assert cli(*RUN, "--tasks", "asqa", "--data", "embedded", "--limit", "3", "--output-path", out).code == 0
    [folder] = (path.parent for path in out.rglob("prompts.jsonl"))
    assert cli("score", folder, *LEXICAL).json["n"] == 3


def test_data_go_with_a_run_folder_only(data: Path):
    with pytest.raises(UsageError, match="data goes with a run folder"):
        score(data, "asqa", data=str(data), nli="lexical")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_docs", -1), ("num_docs", 10**30), ("num_docs", "5"), ("num_docs", 1.5), ("num_docs", None),
        ("num_samples", 0), ("num_samples", 10**12), ("num_samples", []),
        ("reasoning_tags", 17), ("reasoning_tags", ["a"]), ("reasoning_tags", ["(", ")", "[", 1]),
        ("data", []), ("data", {"sha256": 1}), ("data", {"split": "../x"}), ("data", {"requested": ["x"]}),
        ("generator", []), ("sampling", 3), ("prompt", "x"), ("task", None), ("task", {}), ("task_reference", 5),
        ("oracle_docs", "yes"), ("task_version", "x"),
    ],
)  # fmt: skip
def test_fields_of_a_manifest_have_types_and_ranges(cli: Cli, folder: Path, data: Path, field: str, value: object):
    changed(folder, lambda identity: identity.update({field: value}))
    for ran in (cli("score", folder, "--data", data, *LEXICAL), cli("compare", folder, folder)):
        assert ran.code in (1, 2)
        assert ran.err.startswith("error: ")
        assert "manifest" in ran.err or "not registered" in ran.err


@pytest.mark.parametrize("tag", ["(a+)+$", "[", "(?P<x", "\\", "<" * 5_000])
def test_tags_of_a_manifest_are_literal_texts(cli: Cli, folder: Path, data: Path, tag: str):
    changed(folder, lambda identity: identity.update(reasoning_tags=[tag, f"/{tag}", f"a{tag}", f"b{tag}"]))
    assert cli("score", folder, "--data", data, *LEXICAL).json["n"] == 5


@pytest.mark.parametrize(
    "line",
    [{"id": 1}, {"id": "q0", "status": "ok", "values": {"length": "x"}}, {"id": "q0", "status": "ok", "values": []}],
)
def test_stored_scores_that_are_none_are_named(cli: Cli, folder: Path, data: Path, line: dict[str, Any]):
    [scores] = folder.rglob("scores.jsonl")
    scores.write_text(json.dumps(line) + "\n")
    ran = cli("score", folder, "--data", data, *LEXICAL)
    assert ran.code == 1
    assert f"{scores}, line 1: not a scored sample" in ran.err


@pytest.mark.parametrize("shown", [-1, "2", True])
def test_a_text_that_shows_no_number_of_documents_is_named(cli: Cli, folder: Path, data: Path, shown: object):
    line = {"id": "q9", "status": "ok", "raw": "", "documents_shown": shown}
    with (folder / "generations.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    ran = cli("score", folder, "--data", data, *LEXICAL)
    assert ran.code == 1
    assert "generations.jsonl, line 6" in ran.err


@pytest.mark.parametrize("name", [".lock", "scores.jsonl", "", "parent"])
def test_nothing_is_written_through_a_link_in_a_folder(cli: Cli, folder: Path, data: Path, tmp_path: Path, name: str):
    [scoring] = (path.parent for path in folder.rglob("results.json"))
    victim = tmp_path / "victim"
    link = scoring.parent if name == "parent" else scoring / name
    if name in ("", "parent"):
        scoring.rename(tmp_path / "moved") if name == "" else scoring.parent.rename(tmp_path / "moved")
        victim.mkdir()
    else:
        victim.write_text("mine\n")
        link.unlink()
    link.symlink_to(victim)
    ran = cli("score", folder, "--data", data, *LEXICAL)
    assert ran.code == 1
    assert "symbolic link" in ran.err
    assert (list(victim.iterdir()) if victim.is_dir() else victim.read_text()) in ([], "mine\n")


def test_the_task_registry_is_what_it_was(cli: Cli, folder: Path, data: Path, tmp_path: Path):
    before = TASKS.names()
    changed(folder, lambda identity: identity.update(task="cities", task_reference=str(tmp_path / "cities.yaml")))
    (tmp_path / "cities.yaml").write_text(YAML_TASK)
    assert cli("score", folder, "--data", data, *LEXICAL).code == 2
    assert TASKS.names() == before


def linked(folder: Path, copy: Path) -> Path:
    """A copy of hard links, as `cp -l` makes it."""
    shutil.copytree(folder, copy, copy_function=os.link)
    return copy


def test_a_copy_of_hard_links_is_scored_and_its_original_stays_as_it_is(
    cli: Cli, folder: Path, data: Path, tmp_path: Path
):
    scores = next(folder.glob("scores/*/scores.jsonl"))
    lines = scores.read_bytes().splitlines(keepends=True)
    scores.write_bytes(b"".join(lines[:1]) + b'{"torn')
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    copy = linked(folder, tmp_path / "copy")
    ran = cli("score", copy, "--data", data, *LEXICAL)
    assert ran.code == 0, ran.err
    assert (copy / scores.relative_to(folder)).read_bytes() == b"".join(lines)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", [".lock", "scores.jsonl", "results.json", "manifest.json"])
def test_nothing_is_written_through_a_hard_link(cli: Cli, folder: Path, data: Path, tmp_path: Path, name: str):
    victim = tmp_path / "victim"
    victim.write_bytes(b"" if name == "scores.jsonl" else b"{}\n")
    before = victim.read_bytes()
    file = next(folder.glob("scores/*/scores.jsonl")).parent / name
    file.unlink(missing_ok=True)
    os.link(victim, file)
    ran = cli("score", folder, "--data", data, *LEXICAL)
    assert ran.code == 0, ran.err
    assert victim.read_bytes() == before
