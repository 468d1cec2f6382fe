"""`--config`: a flag given on the command line wins over the file, and the file over the default."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_cases import Cli, Counting, write

SCORE = ("--task", "asqa", "--nli", "lexical", "--json")


def test_the_file_gives_what_the_command_line_leaves_out(data: Path, tmp_path: Path, cli: Cli):
    config = write(
        tmp_path / "c.yaml", "task: asqa\nnli: lexical\nlimit: 3\nmetrics: [length, citation_prec]\njson: true\n"
    )
    ran = cli("score", data, "--config", config)
    assert ran.code == 0, ran.err
    assert ran.json["n"] == 3
    assert list(ran.json["metrics"]) == ["length", "citation_prec"]


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_flag_wins_over_the_file_wherever_it_stands(order: str, data: Path, tmp_path: Path, cli: Cli):
    config = ("--config", write(tmp_path / "c.yaml", "limit: 3\nprofile: trust\n"))
    flags = ("--limit", "2", *config) if order == "before" else (*config, "--limit", "2")
    ran = cli("score", data, *SCORE, *flags)
    assert (ran.json["n"], ran.json["profile"]) == (2, "trust")


def test_names_may_be_written_with_dashes_or_underscores(data: Path, tmp_path: Path, cli: Cli):
    for name in ("num-docs", "num_docs"):
        ran = cli("score", data, *SCORE, "--config", write(tmp_path / "c.yaml", f"{name}: 1\n"))
        assert ran.json["metrics"]["citation_rec"]["value"] == 50.0


def test_a_run_takes_lists_mappings_and_repeatable_flags_from_the_file(
    data: Path, tmp_path: Path, cli: Cli, counting: type[Counting]
):
    plugin = write(tmp_path / "plugin.py", "LOADED = True\n")
    config = f"""
model: org/m
tasks: [asqa, trust_asqa]
backend: counting
nli: lexical
data: [asqa={data}, trust_asqa={data}]
include-path: {plugin}
gen-kwargs: {{temperature: 0.5, max_new_tokens: 7}}
batch-size: 2
seed: 7
output-path: {tmp_path / "runs"}
json: true
"""
    ran = cli("run", "--config", write(tmp_path / "c.yaml", config))
    assert ran.code == 0, ran.err
    assert [each["task"] for each in ran.json] == ["asqa", "trust_asqa"]
    [manifest] = tmp_path.glob("runs/*/asqa/*/manifest.json")
    text = manifest.read_text()
    assert '"temperature": 0.5' in text
    assert '"max_new_tokens": 7' in text
    assert '"seed": 7' in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("limt: 3\n", ('unknown flag "limt"', 'Did you mean "limit"')),
        ("- limit\n", ("must be a mapping",)),
        ("", ("must be a mapping",)),
        ("limit: [1\n", ("not YAML",)),
        ("limit: many\n", ("limit: is", "whole number")),
        ("limit: yes\n", ("limit: is true", "must be a whole number")),
        ("num-docs: 2.5\n", ("num-docs: is 2.5", "must be a whole number")),
        ("all: 1\n", ("all: is 1", "must be true or false")),
        ("metrics: yes\n", ("metrics: is true", "must be a text, in quotes")),
        ("config: other.yaml\n", ('unknown flag "config"',)),
        ("profile: trsut\n", ('Did you mean "trust"',)),
    ],
)
def test_a_wrong_file_is_refused(content: str, words: tuple[str, ...], data: Path, tmp_path: Path, cli: Cli):
    ran = cli("score", data, *SCORE, "--config", write(tmp_path / "c.yaml", content))
    assert (ran.code, ran.out) == (2, "")
    for word in words:
        assert word in ran.err


def test_a_flag_without_a_value_is_left_out(data: Path, tmp_path: Path, cli: Cli):
    assert cli("score", data, *SCORE, "--config", write(tmp_path / "c.yaml", "limit:\n")).json["n"] == 5


def test_a_missing_file_is_named(data: Path, cli: Cli):
    ran = cli("score", data, *SCORE, "--config", "nowhere.yaml")
    assert ran.code == 2
    assert "--config nowhere.yaml" in ran.err
