"""`groundeval validate`."""

from __future__ import annotations

from typing import Annotated

import typer

from groundeval.cli.options import AsJson, IncludePath
from groundeval.errors import EXIT_FAILED


def validate(
    name: Annotated[
        str,
        typer.Argument(
            metavar="TASK_OR_REWARD", help="A name, a YAML file, or plugin.py:name; task:NAME, reward:NAME."
        ),
    ],
    task: Annotated[str, typer.Option(help="The task whose data a reward is checked on.")] = "trust_asqa",
    data: Annotated[str | None, typer.Option(help="A file or `embedded`. Default: the task's own data.")] = None,
    nli: Annotated[
        str, typer.Option(help="The NLI model that judges; the default is a proxy that needs no model.")
    ] = "lexical",
    reward_args: Annotated[str | None, typer.Option(help="Parameters of the reward: NAME=VALUE,...")] = None,
    nli_args: Annotated[str | None, typer.Option(help="Options of the NLI model: NAME=VALUE,...")] = None,
    include_path: IncludePath = None,
    json: AsJson = False,
) -> None:
    """Check a task or a reward before using it.

    A task: sound data, gold answers score best, empty answers score 0. A reward: gold earns most, empty least, the
    order of the documents does not matter, it repeats itself, pickles, and stays in its range.

    Exit code 0 if every check passes, 1 if not.

    Examples:

      groundeval validate trust_asqa --data embedded

      groundeval validate ground_grpo_stage2 --reward-args reduction=mean --task trust_eli5 --data embedded
    """
    from dataclasses import asdict

    from rich.table import Column, Table

    from groundeval.cli.arguments import assignments, nli_options
    from groundeval.cli.tables import print_json
    from groundeval.console.terminal import Terminal
    from groundeval.registry import load_plugins
    from groundeval.validation.api import validate as check

    load_plugins(include_path)
    checks = check(
        name,
        task=task,
        data=data,
        nli=nli,
        nli_options=nli_options(nli_args),
        reward_args=assignments(reward_args, "--reward-args"),
    )
    if json:
        print_json([asdict(each) for each in checks])
    else:
        # An address or a path is broken, not cut.
        table = Table("check", "", Column("detail", overflow="fold"))
        for each in checks:
            table.add_row(each.name, "ok" if each.passed else "FAILED", each.detail)
        Terminal().print(table)
    if not checks.passed:
        raise typer.Exit(EXIT_FAILED)
