"""`groundeval list`, `--help` and `--version`."""

from __future__ import annotations

from pathlib import Path

import pytest
from run_cases import Cli, Counting, write

from groundeval import __version__


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("tasks", {"asqa", "qampari", "eli5", "trust_asqa", "trust_qampari", "trust_eli5", "trust_expertqa"}),
        ("metrics", {"length", "str_em", "citation", "trust_score_em", "ground_em", "format", "mauve", "qa"}),
        ("profiles", {"alce", "trust"}),
        ("nli", {"true", "lexical"}),
        ("backends", {"hf", "replay", "counting"}),
    ],
)
def test_what_there_is_can_be_listed_for_people_and_machines(
    what: str, names: set[str], cli: Cli, counting: type[Counting]
):
    ran = cli("list", what, "--json")
    assert ran.code == 0
    found = [row["name"] for row in ran.json]
    assert names <= set(found)
    assert found == sorted(found) or what == "profiles"
    shown = cli("list", what)
    assert (shown.code, shown.err) == (0, "")
    assert all(name in shown.out for name in names)


def test_what_a_plugin_brings_is_listed_first_with_its_place(tmp_path: Path, cli: Cli):
    assert cli("new", "metric", "zebra", "--out", tmp_path).code == 0
    shown = cli("list", "metrics", "--include-path", tmp_path / "zebra.py").out
    assert shown.index("zebra") < shown.index("answering")
    assert "source: groundeval_plugin_zebra" in " ".join(shown.replace("│", " ").split())


def test_metrics_are_listed_with_their_keys_and_whether_they_must_be_asked_for(cli: Cli):
    rows = {row["name"]: row for row in cli("list", "metrics", "--json").json}
    assert rows["citation"]["keys"] == "citation_rec, citation_prec"
    assert rows["citation"]["when"] == "always"
    assert rows["ground_em"]["when"] == "when asked for"
    assert all(row["description"] for row in rows.values())


def test_tasks_are_listed_with_where_they_come_from(cli: Cli):
    for row in cli("list", "tasks", "--json").json:
        assert row["profile"] in ("alce", "trust")
        assert row["kind"] in ("em", "list", "claims")
        assert row["headline"]
        assert ".py:" in row["source"]


@pytest.mark.parametrize("command", ["", "run", "score", "list", "validate"])
def test_every_command_has_help(command: str, cli: Cli):
    ran = cli(*command.split(), "--help")
    assert ran.code == 0
    assert "Usage: groundeval" in ran.out
    assert ran.err == ""


def test_the_version_is_printed(cli: Cli):
    ran = cli("--version")
    assert (ran.code, ran.out) == (0, f"groundeval {__version__}\n")


def test_what_is_said_of_a_metric_is_not_cut_in_the_middle_of_a_sentence(cli: Cli):
    for what in ("metrics", "rewards", "nli", "backends"):
        for row in cli("list", what, "--json").json:
            # Other tests register verifiers of their own.
            if not row.get("source", "groundeval.").startswith("groundeval."):
                continue
            assert row["description"][-1:] in (".", ":", ")", "]"), (what, row)


def test_what_a_plugin_file_adds_is_listed(cli: Cli, tmp_path: Path):
    plugin = write(
        tmp_path / "plugin.py",
        "from groundeval import register_metric\n"
        "@register_metric('exclamations', keys=('exclamations',))\n"
        "def exclamations(response, ctx):\n"
        "    'Number of exclamation marks in the answer,\\n    whatever they follow.'\n"
        "    return {'exclamations': float(response.text.count('!'))}\n",
    )
    assert "exclamations" not in [row["name"] for row in cli("list", "metrics", "--json").json]
    rows = {row["name"]: row for row in cli("list", "metrics", "--include-path", plugin, "--json").json}
    assert rows["exclamations"]["description"] == "Number of exclamation marks in the answer, whatever they follow."
    assert rows["exclamations"]["when"] == "when asked for"
