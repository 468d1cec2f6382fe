"""`groundeval merge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from groundeval.cli.options import check_there


def merge(
    folders: Annotated[list[Path], typer.Argument(help="Run folders, or folders of runs, that hold the shards.")],
    output_path: Annotated[Path, typer.Option(help="Folder for the merged runs.")] = Path("runs"),
) -> None:
    """Merge the shards of a run that `run --shard I/N --phase generate` wrote on several machines.

    Checks first that the shards belong to one run, that all N are there with all their texts, and that no sample is in
    two. Exit code 3: some are missing; the same command works once they are complete. The scores are those of an
    undivided run.

    Examples:

      groundeval merge node1/runs node2/runs --output-path runs

      groundeval merge runs    # shards written into one folder: checks that they are complete
    """
    check_there(*folders)
    from groundeval.console.tally import counted
    from groundeval.run.shards import merge_shards

    for merged in merge_shards(folders, output_path):
        typer.echo(f"{merged.folder}: {counted(merged.shards, 'shard')}, {counted(merged.samples, 'sample')}")
        typer.echo(f"  groundeval score {merged.folder}")
