"""`groundeval new` writes plugins that work as they are, and that the documentation shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from run_cases import Cli, Counting

from groundeval.cli.plugin_files import PARTS, plugin, plugin_test
from groundeval.metrics.metric import METRICS
from groundeval.nli import NLI_MODELS
from groundeval.rewards.registry import REWARDS
from groundeval.tasks import TASKS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def names_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (TASKS, METRICS, REWARDS, NLI_MODELS):
        registry.names()
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))


def test_the_example_of_the_documentation_is_the_file_that_is_written(tmp_path: Path, cli: Cli):
    assert cli("new", "plugin", "oslo", "--out", tmp_path).code == 0
    written = (tmp_path / "oslo.py").read_text()
    assert f"```python\n{written}```\n" in (DOCS / "plugins.md").read_text()
    assert len(written.splitlines()) < 60


@pytest.mark.parametrize("kind", [*PARTS, "plugin"])
def test_a_plugin_passes_its_own_tests_and_the_linter(kind: str, tmp_path: Path, cli: Cli):
    assert cli("new", kind, f"my_{kind}", "--out", tmp_path).code == 0
    ran = subprocess.run([sys.executable, "-m", "pytest", "-q", tmp_path], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert f"{4 if kind == 'plugin' else 1} passed" in ran.stdout


def test_all_four_parts_are_used_in_one_run_and_shown_by_every_list(tmp_path: Path, cli: Cli, counting: type[Counting]):
    cli("new", "plugin", "bergen", "--out", tmp_path)
    file = tmp_path / "bergen.py"
    for what in ("tasks", "metrics", "rewards", "nli"):
        names = [row["name"] for row in cli("list", what, "--include-path", file, "--json").json]
        assert "bergen" in names, what
    flags = ["--tasks", "bergen", "--metrics", "default,bergen", "--reward", "bergen", "--nli", "bergen"]
    out = ["--output-path", tmp_path / "runs", "--json"]
    ran = cli("run", "--model", "m", "--backend", "counting", "--include-path", file, *flags, *out)
    assert ran.code == 0, ran.err
    assert (ran.json["task"], ran.json["nli"]) == ("bergen", "bergen")
    assert {"trust_score", "bergen", "reward:bergen"} <= set(ran.json["metrics"])


def test_nothing_is_overwritten(tmp_path: Path, cli: Cli):
    (tmp_path / "test_mine.py").write_text("mine")
    ran = cli("new", "metric", "mine", "--out", tmp_path)
    assert ran.code == 2
    assert "test_mine.py exists already" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["test_mine.py"]
    assert (tmp_path / "test_mine.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        ("metrik", "x", ('unknown kind of plugin "metrik"', 'Did you mean "metric"')),
        ("metric", "my-metric", ("'my-metric'", "underscores")),
        ("metric", "class", ("'class'",)),
        ("metric", "1st", ("'1st'",)),
        ("metric", "citation", ('"citation" is taken by a metric',)),
        ("task", "asqa", ('"asqa" is taken by a task',)),
        ("task", "own", ('"own" is taken by a task',)),
        ("reward", "trust", ('"trust" is taken by a reward',)),
        ("verifier", "lexical", ('"lexical" is taken by a verifier',)),
        ("plugin", "lexical", ("is taken by a verifier",)),
    ],
)
def test_a_kind_or_name_that_cannot_be_is_refused(
    kind: str, name: str, words: tuple[str, ...], tmp_path: Path, cli: Cli
):
    ran = cli("new", kind, name, "--out", tmp_path)
    assert (ran.code, ran.out, list(tmp_path.iterdir())) == (2, "", [])
    for word in words:
        assert word in ran.err


def test_a_file_imports_no_more_than_its_part_needs():
    assert "Sequence" not in plugin("x", ["metric"])
    assert "content_hash" not in plugin("x", ["reward"])
    assert "NAME" not in plugin("x", [*PARTS]) + plugin_test("x", [*PARTS])
