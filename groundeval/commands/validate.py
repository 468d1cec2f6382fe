"""`groundeval validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from groundeval.errors import EXIT_FAILED


def validate(
    name: Annotated[str, typer.Argument(metavar="TASK", help="A task: a name, task.yaml, or plugin.py:name.")],
    data: Annotated[str | None, typer.Option(help="A file or `embedded`. Default: the task's own data.")] = None,
    nli: Annotated[
        str, typer.Option(help="The NLI model that judges; the default is a proxy that needs no model.")
    ] = "lexical",
    include_path: Annotated[list[Path] | None, typer.Option(help="A plugin file or folder to load first.")] = None,
    json: Annotated[bool, typer.Option("--json", help="The checks as JSON on stdout.")] = False,
) -> None:
    """Check a task before using it: sound data, gold answers score best, empty answers score 0.

    Exit code 0 if every check passes, 1 if not.

    Example: groundeval validate trust_asqa --data embedded
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from groundeval.options import ScoringOptions
    from groundeval.registry import load_plugin
    from groundeval.report import print_json
    from groundeval.tasks import load_task
    from groundeval.validate import validate as check

    for path in include_path or ():
        load_plugin(path)
    checks = check(load_task(name), data, ScoringOptions(nli=nli))
    if json:
        print_json([asdict(each) for each in checks])
    else:
        table = Table("check", "", "detail")
        for each in checks:
            table.add_row(each.name, "ok" if each.passed else "FAILED", each.detail)
        Console().print(table)
    if not all(each.passed for each in checks):
        raise typer.Exit(EXIT_FAILED)
