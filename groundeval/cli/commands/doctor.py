"""`groundeval doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from groundeval.cli.options import AsJson
from groundeval.errors import EXIT_FAILED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundeval.validation.installation import Finding


def doctor(
    nli: Annotated[
        str, typer.Option(help="The verifier to look for: as for `score`, a server's address too.")
    ] = "true",
    online: Annotated[bool, typer.Option("--online", help="Also check that the hub can be reached.")] = False,
    torch: Annotated[bool, typer.Option("--torch", help="Also import torch, which takes some seconds.")] = False,
    json: AsJson = False,
) -> None:
    """Report what is installed, what is missing for which job, and what to do next.

    Python and packages by job, GPU, verifier, hub, caches with their sizes. Takes about a second, loads nothing, and
    uses no network except for --online and a server that --nli names. Exit code 0 if outputs can be scored, else 1.

    Examples:

      groundeval doctor

      groundeval doctor --nli http://127.0.0.1:8765 --online --torch
    """
    from dataclasses import asdict

    from rich.table import Table
    from rich.text import Text

    from groundeval.cli.tables import print_json
    from groundeval.console.terminal import Terminal
    from groundeval.validation.installation import examine, works

    findings = examine(nli, online=online, with_torch=torch)
    steps = next_steps(findings)
    if json:
        print_json({"works": works(findings), "findings": [asdict(each) for each in findings], "next": steps})
    else:
        table = Table("", "", "", show_header=False)
        for each in findings:
            style = {"ok": "green", "failed": "bold red", "missing": "yellow", "note": "dim"}[each.state]
            table.add_row(each.what, Text(each.state, style), Text(each.detail))
        console = Terminal()
        console.print(table)
        console.print("next", style="bold")
        for step in steps:
            console.print(f"  {step}", soft_wrap=True)
    if not works(findings):
        raise typer.Exit(EXIT_FAILED)


def next_steps(findings: Sequence[Finding]) -> list[str]:
    """The next steps: first what prevents any use, then a first command, then what is missing for some job."""
    failed = [f"{each.what}: {each.advice or each.detail}" for each in findings if each.state == "failed"]
    first = [] if failed else ["groundeval score FILE --nli lexical      # outputs that you have (docs/own_outputs.md)"]
    missing = [f"{each.what}: {each.advice}" for each in findings if each.state in ("missing", "note") and each.advice]
    return [*failed, *first, *missing]
