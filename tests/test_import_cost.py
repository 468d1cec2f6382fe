"""What an import or a look at the help must not drag in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "transformers", "vllm", "trl", "nltk", "sklearn", "scipy", "rouge_score", "datasets", "fastapi")


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


def test_scoring_lists_and_refusals_with_the_lexical_verifier_needs_no_model_library(tmp_path: Path):
    path = tmp_path / "outputs.json"
    docs = [{"title": "T", "text": "Paris", "answers_found": [1]}]
    path.write_text(json.dumps([{"question": "?", "output": "Paris [1]", "docs": docs, "answers": [["Paris"]]}]))
    call = f"main(['score', {str(path)!r}, '--task', 'qampari', '--profile', 'alce,trust', '--nli', 'lexical'])"
    found = imported_by(f"from groundeval.cli.app import main; assert {call} == 0")
    assert not found & {"torch", "transformers", "vllm", "trl", "datasets", "fastapi"}
