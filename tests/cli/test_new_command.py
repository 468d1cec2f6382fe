"""`groundeval new` writes plugins that work as they are, and that the documentation shows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from run_cases import Cli, Counting

from groundeval.cli.plugin_files import PARTS, TOGETHER, plugin, plugin_test
from groundeval.generation.interface import GENERATORS
from groundeval.metrics.metric import METRICS
from groundeval.nli import NLI_MODELS
from groundeval.rewards.registry import REWARDS
from groundeval.tasks import TASKS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def names_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (TASKS, METRICS, REWARDS, NLI_MODELS, GENERATORS):
        registry.names()
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))


@pytest.mark.parametrize(("kind", "name"), [("plugin", "oslo"), ("generator", "acme")])
def test_the_example_of_the_documentation_is_the_file_that_is_written(kind: str, name: str, tmp_path: Path, cli: Cli):
    assert cli("new", kind, name, "--out", tmp_path).code == 0
    written = (tmp_path / f"{name}.py").read_text()
    assert f"```python\n{written}```\n" in (DOCS / "plugins.md").read_text()
    assert len(written.splitlines()) < 60


@pytest.mark.parametrize("kind", [*PARTS, "plugin"])
def test_a_plugin_passes_its_own_tests_and_the_linter(kind: str, tmp_path: Path, cli: Cli):
    assert cli("new", kind, f"my_{kind}", "--out", tmp_path).code == 0
    ran = subprocess.run([sys.executable, "-m", "pytest", "-q", tmp_path], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert f"{4 if kind == 'plugin' else 1} passed" in ran.stdout


def test_four_parts_are_used_in_one_run_and_shown_by_every_list(tmp_path: Path, cli: Cli, counting: type[Counting]):
    cli("new", "plugin", "bergen", "--out", tmp_path)
    file = tmp_path / "bergen.py"
    for what in ("tasks", "metrics", "rewards", "nli"):
        names = [row["name"] for row in cli("list", what, "--include-path", file, "--json").json]
        assert ("bergen_brief" if what == "rewards" else "bergen") in names, what
    flags = ["--tasks", "bergen", "--metrics", "default,bergen", "--reward", "bergen_brief", "--nli", "bergen"]
    out = ["--output-path", tmp_path / "runs", "--json"]
    ran = cli("run", "--model", "m", "--backend", "counting", "--include-path", file, *flags, *out)
    assert ran.code == 0, ran.err
    assert (ran.json["task"], ran.json["nli"]) == ("bergen", "bergen")
    assert {"trust_score", "bergen", "reward:bergen_brief"} <= set(ran.json["metrics"])


def test_what_comes_next_can_be_typed(tmp_path: Path, cli: Cli):
    """With pytest, which is not installed with groundeval; and with a generator that answers a whole run."""
    told = cli("new", "generator", "bodo", "--out", tmp_path).out
    assert (
        f"python -m pytest {tmp_path / 'test_bodo.py'}  # pytest is not part of groundeval: pip install pytest" in told
    )
    command = told.splitlines()[-1].split()
    assert command[:2] == ["groundeval", "run"]
    ran = cli(*command[1:], "--limit", 2, "--output-path", tmp_path / "runs", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["statuses"] == {"ok": 2}
    assert "bodo" in [row["name"] for row in cli("list", "backends", "--json").json]


def test_the_task_and_the_reward_of_a_plugin_are_told_apart(tmp_path: Path, cli: Cli):
    cli("new", "plugin", "narvik", "--out", tmp_path)

    def checks(name: str, plugin: str) -> str:
        task = ("--task", "vadso" if "clash" in plugin else "narvik")
        ran = cli("validate", name, *task, "--include-path", tmp_path / plugin, "--json")
        return ran.err or str(ran.json[0]["name"])

    assert "prompts are sound" in checks("narvik", "narvik.py")
    assert "gold earns more" in checks("narvik_brief", "narvik.py")
    clash = (tmp_path / "narvik.py").read_text().replace("narvik_brief", "vadso").replace('"narvik"', '"vadso"')
    (tmp_path / "clash.py").write_text(clash)
    told = "the name of a task and of a reward. Say which one to check: task:vadso or reward:vadso"
    assert told in checks("vadso", "clash.py")
    assert "prompts are sound" in checks("task:vadso", "clash.py")
    assert "gold earns more" in checks("reward:vadso", "clash.py")


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
        ("generator", "vllm", ('"vllm" is taken by a generator',)),
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
    assert "NAME" not in plugin("x", TOGETHER) + plugin_test("x", TOGETHER)
