"""`leaderboard serve`: the site on this machine's loopback address, with the content policy as a header too."""

from __future__ import annotations

import errno
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from groundeval.errors import UsageError
from groundeval.leaderboard.place import MARK
from groundeval.leaderboard.site import POLICY

HOST = "127.0.0.1"


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of each request."""


def check_site(site: Path) -> None:
    """Raises UsageError for a folder that `leaderboard build` did not write."""
    if not (site / MARK).is_file() or not (site / "index.html").is_file():
        raise UsageError(f"{site}: not a leaderboard. Build one first: groundeval leaderboard build runs/ --out {site}")


def open_server(site: Path, port: int) -> ThreadingHTTPServer:
    """A server for a site, bound to the loopback address; port 0 takes a free one. Raises UsageError for a folder that
    is no site and a port that is taken."""
    check_site(site)
    try:
        return ThreadingHTTPServer((HOST, port), partial(_Handler, directory=str(site.resolve())))
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise UsageError(f"--port {port}: {error.strerror}; choose another") from None
        raise
