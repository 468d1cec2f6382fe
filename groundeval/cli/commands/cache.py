"""`groundeval cache`: the verdicts kept on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

cache = typer.Typer(no_args_is_help=True, help="NLI verdicts kept on disk: show them, drop them, move them.")
nli = typer.Typer(no_args_is_help=True, help="NLI verdicts as portable files.")
cache.add_typer(nli, name="nli")

File = Annotated[
    Path | None, typer.Option("--path", help="The cache file. Default: nli.sqlite in the user's cache folder.")
]


@cache.command("info")
def info(path: File = None, json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False) -> None:
    """Path and size of the cache, and the number of verdicts of each verifier."""
    from dataclasses import asdict

    from groundeval.cli.tables import print_json
    from groundeval.nli.cache_files import info as look

    found = look(path)
    if json:
        print_json(asdict(found))
        return
    typer.echo(f"{found.path}: {found.bytes / 1e6:.1f} MB, {sum(found.verdicts.values())} verdicts")
    for identity, count in found.verdicts.items():
        typer.echo(f"  {count:>10}  {identity}")


@cache.command("clear")
def clear(path: File = None) -> None:
    """Drop all verdicts; they are computed again when needed."""
    from groundeval.nli.cache_files import clear as drop

    typer.echo(f"{drop(path)} verdicts dropped")


@nli.command("export")
def export_(
    file: Annotated[Path, typer.Argument(help="The file to write; compressed if its name ends in .gz.")],
    path: File = None,
) -> None:
    """Write all verdicts to a file that another machine can import: JSON lines, without any text of the pairs."""
    from groundeval.nli.verdict_files import export

    typer.echo(f"{export(file, path)} verdicts written to {file}")


@nli.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A file that `groundeval cache nli export` wrote.")], path: File = None
) -> None:
    """Add the verdicts of a file. Existing verdicts are kept; a damaged file adds nothing."""
    _add([file], path)


@cache.command("merge")
def merge(
    shards: Annotated[list[Path], typer.Argument(help="Caches (nli.sqlite) or exported files.")], path: File = None
) -> None:
    """Merge the verdicts of several caches into one, for instance of machines that each scored a part.

    The parts of a run (`run --shard I/N`) need no merging: each writes files of its own into the same run folder, or
    into copies of it that may simply be copied together.
    """
    _add(shards, path)


def _add(sources: list[Path], path: Path | None) -> None:
    from groundeval.nli.verdict_files import add

    done = add(sources, path)
    differing = f"; {done.other} that contradict the cache were left out" if done.other else ""
    typer.echo(f"{done.added} verdicts added, of {done.read}{differing}")
