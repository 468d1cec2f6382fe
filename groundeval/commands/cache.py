"""`groundeval cache`: the verdicts kept on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

cache = typer.Typer(no_args_is_help=True, help="NLI verdicts kept on disk: show them, drop them.")

File = Annotated[
    Path | None, typer.Option("--path", help="The cache file. Default: nli.sqlite in the user's cache folder.")
]


@cache.command("info")
def info(path: File = None, json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False) -> None:
    """Where the cache is, how big, and how many verdicts it holds of which verifier."""
    from dataclasses import asdict

    from groundeval.nli.cache import info as look
    from groundeval.report import print_json

    found = look(path)
    if json:
        print_json(asdict(found))
        return
    typer.echo(f"{found.path}: {found.bytes / 1e6:.1f} MB, {sum(found.verdicts.values())} verdicts")
    for identity, count in found.verdicts.items():
        typer.echo(f"  {count:>10}  {identity}")


@cache.command("clear")
def clear(path: File = None) -> None:
    """Drop all verdicts. What is asked again is computed again."""
    from groundeval.nli.cache import clear as drop

    typer.echo(f"{drop(path)} verdicts dropped")
