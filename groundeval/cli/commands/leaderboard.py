"""`groundeval leaderboard`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from groundeval.cli.options import check_there
from groundeval.errors import EXIT_FAILED

leaderboard = typer.Typer(
    no_args_is_help=True, help="A page from run folders: tables, plots, and every verdict behind a number."
)


@leaderboard.command()
def build(
    runs: Annotated[list[Path], typer.Argument(help="Folders with run folders, at any depth; untrusted ones too.")],
    out: Annotated[Path, typer.Option(help="Folder of the site; an existing leaderboard is replaced.")],
    reported: Annotated[
        list[Path] | None, typer.Option(help="A JSON file of numbers from a paper, in addition to the shipped ones.")
    ] = None,
    no_reported: Annotated[
        bool, typer.Option("--no-reported", help="Leave out the shipped numbers from papers.")
    ] = False,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="A file or folder of data or outputs; used for the runs whose manifests name its hash."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Runs read in parallel. Default: one per core, at most 8.")
    ] = None,
    include_path: Annotated[
        list[Path] | None, typer.Option(help="A plugin file or folder, or a YAML task, to load first.")
    ] = None,
) -> None:
    """Build a site that works when opened from its folder. The same inputs give the same bytes.

    Every aggregate is recomputed from the per-sample values. A run whose results differ is left out and named, and the
    exit code is 1.

    Example:

      groundeval leaderboard build runs/ --out site/
    """
    check_there(*runs)
    from groundeval.cli.next_steps import called
    from groundeval.console.progress import say
    from groundeval.console.sanitize import one_line
    from groundeval.console.tally import counted
    from groundeval.extras import require

    require("leaderboard", "groundeval leaderboard build")
    from groundeval.leaderboard import build as building
    from groundeval.tasks.loading import include

    for path in include_path or ():
        include(path)
    built = building.build(
        runs,
        out,
        reported=reported or (),
        shipped=not no_reported,
        data=data or (),
        plugins=include_path or (),
        processes=processes,
        quiet=False,
    )
    for each in built.rejected:
        say(f"left out: {one_line(each.folder, 200)}: {one_line(each.reason, 500)}")
    if not built.measured and not built.rejected:
        say(f"warning: no scored runs below {', '.join(map(str, runs))}")
    reported_rows = f", {counted(built.reported, 'reported row')}" if built.reported else ""
    print(f"{built.site / 'index.html'}: {counted(built.measured, 'run')}{reported_rows}")
    say(f"next: open it in a browser, or\n  {called()} leaderboard serve {shlex.quote(str(built.site))}")
    if built.rejected:
        raise typer.Exit(EXIT_FAILED)


@leaderboard.command()
def serve(
    site: Annotated[Path, typer.Argument(help="A site that `leaderboard build` wrote.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
) -> None:
    """Serve a site on this machine's loopback address until interrupted."""
    from groundeval.extras import require

    require("server", "groundeval leaderboard serve")
    from groundeval.leaderboard.serve import open_server

    with open_server(site, port) as server:
        print(server.address, flush=True)
        server.serve_forever()


@leaderboard.command()
def push(
    site: Annotated[Path, typer.Argument(help="A site that `leaderboard build` wrote.")],
    repo: Annotated[str, typer.Argument(help="owner/name; created if it does not exist.")],
    to: Annotated[str, typer.Option(help="space (a page) or dataset (files).")] = "space",
    private: Annotated[bool, typer.Option(help="Create it as private.")] = False,
    endpoint: Annotated[str | None, typer.Option(help="Address of the hub. Default: HF_ENDPOINT, or the hub.")] = None,
) -> None:
    """Upload a site to a Hub Space or dataset. The token is huggingface_hub's: HF_TOKEN, or the stored login."""
    from groundeval.leaderboard.push import push as upload

    print(upload(site, repo, kind=to, private=private, endpoint=endpoint))  # type: ignore[arg-type]
