"""`leaderboard serve`: serve the site on the loopback address, with the content policy as a header too."""

from __future__ import annotations

import threading
from pathlib import Path
from secrets import token_urlsafe
from types import TracebackType

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from groundeval.http.access import Guard
from groundeval.http.connections import Limits
from groundeval.http.listening import Server, listen, within_open_files
from groundeval.leaderboard.place import check_site
from groundeval.leaderboard.site import POLICY

HOST = "127.0.0.1"
HEADERS = {
    # Not in the pages themselves: only a header can forbid frames, and the hub shows a site in one.
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}


LIMITS = Limits(connections=128)
"""A browser opens a few; each may hold a file open, so that many could take all files that a process may open."""
GRACE_SECONDS = 1


class SiteServer:
    """Serves a site's files; leaving the context closes the port.

    With `private`, its address holds a secret, without which nothing is served: any account of this machine can reach
    the port.
    """

    def __init__(self, site: Path, port: int, *, private: bool = False) -> None:
        self._listening = listen(HOST, port)
        self.server_address: tuple[str, int] = self._listening.getsockname()
        self.server_port = self.server_address[1]
        root = f"/{token_urlsafe(16)}" if private else ""
        self.address = f"http://{HOST}:{self.server_port}{root}/"
        files = StaticFiles(directory=site.resolve(), html=True)
        guard = Middleware(Guard, allowed_hosts=(), headers=HEADERS, refused=lambda method, status: None)
        app = Starlette(routes=[Mount(root or "/", files)], middleware=[guard])
        self._ended = threading.Event()
        self._ended.set()
        self._server = Server.of(app, within_open_files(LIMITS), GRACE_SECONDS)

    def serve_forever(self) -> None:
        """Serve until interrupted, or until `shutdown`."""
        self._ended.clear()
        try:
            self._server.serve_on(self._listening)
        finally:
            self._ended.set()

    def shutdown(self) -> None:
        """Stop `serve_forever` and wait until it has returned; for another thread."""
        self._server.should_exit = True
        self._ended.wait()

    def __enter__(self) -> SiteServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()


def open_server(site: Path, port: int, *, private: bool = False) -> SiteServer:
    """A server for a site, bound to the loopback address; port 0 takes a free one. `private` as for `SiteServer`.

    Raises UsageError for a folder that is not a site and a port in use.
    """
    check_site(site)
    return SiteServer(site, port, private=private)
