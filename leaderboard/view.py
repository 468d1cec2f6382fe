"""Serves the pages of a few runs until interrupted, and opens them in a browser where there is one."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Callable
from pathlib import Path

from groundeval.console.progress import say
from groundeval.leaderboard.serve import open_server
from groundeval.leaderboard.viewer import Viewer
from groundeval.scratch import temporary_folder


def serve_viewer(write: Callable[[Path], Viewer], port: int, *, opens: bool) -> None:
    """Write the pages into a folder that is removed at the end, and serve it on the loopback address until Ctrl-C.

    The address goes to stdout. It holds a secret, since any account of this machine can reach the port. Raises
    UsageError for a port that is taken.
    """
    with temporary_folder("view") as temporary:
        written = write(temporary)
        with open_server(temporary, port, private=True) as server:
            address = f"{server.address}{written.page}"
            say("serving the pages until Ctrl-C:")
            print(address, flush=True)
            if opens and _has_a_window():
                webbrowser.open(address)
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                return


def _has_a_window() -> bool:
    """Whether a browser would open a window; one that runs in the terminal would occupy it."""
    if sys.platform in ("darwin", "win32"):
        return "SSH_CONNECTION" not in os.environ
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
