"""Modules that an import or `--help` must not load."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MODELS = ("torch", "transformers", "vllm", "trl", "datasets", "fastapi")
HEAVY = (*MODELS, "nltk", "sklearn", "scipy", "pandas", "matplotlib", "rouge_score")


def imported_by(code: str) -> set[str]:
    """The modules that a fresh process has imported once it has run the code."""
    script = f"import contextlib, io, json, sys\nwith contextlib.redirect_stdout(io.StringIO()):\n    {code}\n"
    script += "print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    return {name.partition(".")[0] for name in json.loads(run.stdout)}


@pytest.mark.parametrize(
    "code",
    [
        "import groundeval",
        "from groundeval.cli.app import main; main(['--help'])",
        "from groundeval.cli.app import main; main(['run', '--help'])",
    ],
)
def test_importing_and_asking_for_help_load_nothing_heavy(code: str):
    found = imported_by(code)
    assert "groundeval" in found
    assert not found & {*HEAVY}


@pytest.mark.parametrize(("task", "profile"), [("qampari", "alce,trust"), ("asqa", "alce,trust"), ("eli5", "alce")])
def test_scoring_with_the_lexical_verifier_loads_nothing_heavy(tmp_path: Path, task: str, profile: str):
    path = tmp_path / "outputs.json"
    record = {
        "question": "Which city?",
        "output": "Paris [1].",
        "docs": [{"title": "T", "text": "Paris", "answers_found": [1]}],
        "answers": [["Paris"]],
        "qa_pairs": [{"short_answers": ["Paris"]}],
        "annotations": [{"long_answer": "It is Paris."}],
        "claims": ["It is Paris."],
        "answer": "It is Paris.",
    }
    path.write_text(json.dumps([record]))
    call = f"main(['score', {str(path)!r}, '--task', {task!r}, '--profile', {profile!r}, '--nli', 'lexical'])"
    found = imported_by(f"from groundeval.cli.app import main; assert {call} == 0")
    assert not found & {*HEAVY}


def test_rouge_needs_neither_nltk_nor_the_package_whose_numbers_it_gives():
    code = "from groundeval.metrics.rouge import f_measure, tokens as t; assert f_measure([t('Tower')], [t('Towers')])"
    assert not imported_by(code) & {*HEAVY}
