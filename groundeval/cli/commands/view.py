"""`groundeval view`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from groundeval.cli.options import IncludePath, check_there


def view(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, folders of scores, or folders that hold some.")],
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open a browser; print the address.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    data: Annotated[
        list[Path] | None,
        typer.Option(help="A file or folder of data or outputs; used for the runs whose manifests name its hash."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the pages into this folder instead; they open without a server.")
    ] = None,
    include_path: IncludePath = None,
) -> None:
    """Show the samples of a run: answers, statements, verdicts and the documents behind them. Ctrl-C ends it.

    Two runs of a task are shown side by side. Pages are served on this machine's loopback address. The folders may be
    other people's: nothing that they name is run, opened or downloaded; give data with --data.

    Examples:

      groundeval view runs/my-model/asqa/0123456789ab

      groundeval view runs/a/asqa/0123456789ab runs/b/asqa/ba9876543210
    """
    check_there(*runs)
    from groundeval.console.progress import say
    from groundeval.console.sanitize import one_line
    from groundeval.extras import require
    from groundeval.leaderboard.place import check_replaceable, put_in_place
    from groundeval.leaderboard.viewer import Viewer, write_viewer
    from groundeval.registry import load_plugins

    load_plugins(include_path)
    given = tuple(data or ())

    def write(site: Path) -> Viewer:
        written = write_viewer(runs, site, data=given, quiet=False)
        for each in written.rejected:
            say(f"left out: {one_line(each.folder, 200)}: {one_line(each.reason, 500)}")
        return written

    if out is None:
        require("server", "groundeval view without --out")
        from groundeval.leaderboard.view import serve_viewer

        serve_viewer(write, port, opens=not no_open)
        return
    check_replaceable(out, (*runs, *given))
    with put_in_place(out) as site:
        written = write(site)
    say("open this page in a browser; it works from its folder:")
    page, chosen, beside = written.page.partition("?")
    # Two runs side by side are an address: a path has no place for the second.
    print(f"{(out / page).resolve().as_uri()}?{beside}" if chosen else out / page)
