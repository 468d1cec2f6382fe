"""Common options of the serving commands: the address to listen on, and the token that clients must send."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from groundeval.errors import UsageError

PANEL = "Server"

Host = Annotated[
    str,
    typer.Option(
        help="Address to listen on; 0.0.0.0 for other machines too, which needs a token or --insecure.",
        rich_help_panel=PANEL,
    ),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.", rich_help_panel=PANEL)]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        help="File with the token that clients must send. Default: GROUNDEVAL_NLI_TOKEN or GROUNDEVAL_REWARDS_TOKEN, "
        "where it is set.",
        rich_help_panel=PANEL,
    ),
]
Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        help="Listen beyond this machine without a token: whoever reaches the port can use the server.",
        rich_help_panel=PANEL,
    ),
]
AllowedHost = Annotated[
    list[str] | None,
    typer.Option(
        help="A name by which clients call the server through a proxy on this machine. May be given several times.",
        rich_help_panel=PANEL,
    ),
]
MaxWaiting = Annotated[
    int,
    typer.Option(
        min=1,
        help="Pairs or samples that may wait; further requests get 429 and are retried later.",
        rich_help_panel=PANEL,
    ),
]


def token_for(host: str, file: Path | None, variable: str, insecure: bool) -> str | None:
    """The token that clients must send, from a file or an environment variable. It is never printed.

    Raises UsageError for a file or a variable that holds none that can be sent, for a host that is not an address of
    this machine, and for one beyond the loopback address without a token, unless `insecure` allows it.
    """
    from groundeval.console.progress import say
    from groundeval.http.access import is_loopback
    from groundeval.http.listening import listen

    token = _from_environment(variable) if file is None else _read(file)
    if token is None and not is_loopback(host):
        listen(host, 0).close()  # An address that is not this machine's is reported before anything else.
        if not insecure:
            raise UsageError(
                f"--host {host}: whoever reaches this port could use the server.\n"
                f"  Put a token into the environment variable {variable} or a --token-file, or give --insecure."
            )
        say(f"warning: --host {host} --insecure: whoever reaches this port can use the server")
    return token


def _from_environment(variable: str) -> str | None:
    token = os.environ.get(variable) or None
    return None if token is None else _checked(token, f"environment variable {variable}")


def _read(file: Path) -> str:
    try:
        token = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--token-file {file}: cannot be read: {error}") from None
    if not token:
        raise UsageError(f"--token-file {file}: is empty")
    return _checked(token, f"--token-file {file}")


def _checked(token: str, where: str) -> str:
    """A token that can be sent in a header. Raises UsageError, which does not repeat it, for another."""
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise UsageError(f"{where}: a token may hold only visible ASCII characters, on one line and without blanks")
    return token
