"""What the commands that serve have in common: where they listen, and the token that clients must send."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from groundeval.errors import UsageError

PANEL = "Server"
OPEN_HOSTS = ("127.0.0.1", "localhost", "::1")

Host = Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for other machines too.", rich_help_panel=PANEL)]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.", rich_help_panel=PANEL)]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        help="File with the token that clients must send. Default: GROUNDEVAL_NLI_TOKEN or GROUNDEVAL_REWARDS_TOKEN, "
        "where it is set.",
        rich_help_panel=PANEL,
    ),
]
MaxWaiting = Annotated[
    int,
    typer.Option(
        min=1,
        help="Pairs or samples that may wait; requests beyond get 429 and come again later.",
        rich_help_panel=PANEL,
    ),
]


def token_for(host: str, file: Path | None, variable: str) -> str | None:
    """The token that clients must send, from a file or an environment variable. It is never printed.

    Warns of an open port without one. Raises UsageError for a file that holds none.
    """
    from groundeval.console.progress import say

    token = os.environ.get(variable) or None if file is None else _read(file)
    if token is None and host not in OPEN_HOSTS:
        say(f"warning: --host {host}: whoever reaches this port can use the server; set {variable}")
    return token


def _read(file: Path) -> str:
    try:
        token = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--token-file {file}: cannot be read: {error}") from None
    if not token:
        raise UsageError(f"--token-file {file}: is empty")
    return token
