"""Tokens of verifiers come from the environment: no flag takes one."""

from __future__ import annotations

from pathlib import Path

import pytest

from groundeval.cli.app import main
from groundeval.cli.arguments import nli_options
from groundeval.errors import UsageError


@pytest.mark.parametrize(
    "command",
    [
        "run --tasks asqa --model tiny",
        "score outputs.json --task asqa",
        "train smoke",
        "distill out.jsonl --tasks asqa --honest",
        "validate asqa",
        "bench rewards",
        "bench nli --data labelled.jsonl",
        "serve-nli --model true",
        "serve-rewards --reward trust",
    ],
)
def test_no_command_takes_a_token_or_repeats_it(command: str, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    labelled = ('{"premise": "a", "hypothesis": "a", "label": 1}', '{"premise": "a", "hypothesis": "b", "label": 0}')
    (tmp_path / "labelled.jsonl").write_text("\n".join(labelled))
    assert main([*command.split(), "--nli-args", "token=hush"]) == 2
    said = capsys.readouterr()
    assert "environment variable instead: GROUNDEVAL_NLI_TOKEN" in said.err
    assert "hush" not in said.err + said.out
    assert [path.name for path in tmp_path.iterdir()] == ["labelled.jsonl"]


def test_a_token_among_arguments_of_the_model_is_refused_too():
    with pytest.raises(UsageError, match="--nli-args: api_key is a secret"):
        nli_options('{"model_args": {"api_key": "hush"}}')


def test_other_options_are_taken():
    assert nli_options("threshold=0.7,model_args={a: 1}") == {"threshold": 0.7, "model_args": {"a": 1}}
