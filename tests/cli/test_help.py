"""Help of commands, as a terminal shows it."""

from __future__ import annotations

import pytest
import typer
from run_cases import Cli

from groundeval.cli.app import app
from groundeval.cli.words import reflowed


def test_paragraphs_of_help_are_left_to_the_terminal_to_wrap_and_examples_are_not_joined():
    command = reflowed(typer.main.get_command(app)).commands["score"]
    paragraphs = command.help.split("\n\n")
    assert not any("\n" in each for each in paragraphs if not each.startswith(" "))
    assert "  groundeval score log.jsonl --nli lexical" in paragraphs


def test_help_of_groups_is_reflowed_too():
    help_ = reflowed(typer.main.get_command(app)).commands["bench"].commands["nli"].help
    assert not any("\n" in each for each in help_.split("\n\n") if not each.startswith(" "))


@pytest.mark.parametrize(
    ("command", "said"), [((), "Exit codes: 0 done"), (("slurm",), "source ~/groundeval/bin/activate")]
)
def test_nothing_of_the_help_is_lost(command: tuple[str, ...], said: str, cli: Cli):
    assert said in " ".join(cli(*command, "--help").out.split())
