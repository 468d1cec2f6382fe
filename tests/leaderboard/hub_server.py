"""A fake of the part of the hub's HTTP API that an upload uses."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hub:
    """Requests to the fake hub, and its files."""

    address: str = ""
    created: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    """What the repository holds that is asked for; it exists if it holds anything."""
    commits: list[str] = field(default_factory=lambda: ["initial commit"])
    """The titles of its commits, the latest first."""
    tokens: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    refuses: int = 0
    """The status of every answer, where it refuses."""


@contextmanager
def hub() -> Iterator[Hub]:
    """A hub on a free port of the loopback address."""
    state = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": state}))
    state.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.hub.tokens.add(self.headers.get("authorization", ""))
        if self.hub.refuses:
            self._answer({"error": "no"}, self.hub.refuses)
        elif self.path == "/api/repos/create":
            asked = json.loads(body)
            self.hub.created.append(asked)
            if not self.hub.files:
                self.hub.files[".gitattributes"] = b""
            kind = f"{asked['type']}s/"
            self._answer({"url": f"{self.hub.address}/{kind}{asked['organization']}/{asked['name']}"})
        elif "/preupload/" in self.path:
            files = [
                {"path": each["path"], "uploadMode": "regular", "shouldIgnore": False}
                for each in json.loads(body)["files"]
            ]
            self._answer({"files": files})
        elif "/commit/" in self.path:
            repository = self.path.removeprefix("/api/").partition("/commit/")[0]
            self.hub.kinds.add(repository.partition("/")[0])
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.hub.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                elif line["key"] == "deletedFile":
                    del self.hub.files[line["value"]["path"]]
            self._answer(
                {
                    "commitOid": "1234",
                    "commitUrl": f"{self.hub.address}/{repository}/commit/1234",
                    "success": True,
                }
            )
        else:
            self._answer({})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self.hub.refuses:
            self._answer({"error": "no"}, self.hub.refuses)
        elif "/resolve/" in self.path:
            self._send(self.hub.files[self.path.partition("/resolve/main/")[2]], {"ETag": '"0"'})
        elif not self.hub.files:
            self._answer({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        elif "/commits/" in self.path:
            day = "2026-01-01T00:00:00.000Z"
            self._answer(
                [{"id": "0", "title": each, "message": "", "date": day, "authors": []} for each in self.hub.commits]
            )
        elif "/tree/" in self.path:
            self._answer(
                [
                    {"type": "file", "path": path, "size": len(self.hub.files[path]), "oid": "0"}
                    for path in self.hub.files
                ]
            )
        else:
            self._answer({"id": "me/board"})

    def _answer(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})}, status)

    def _send(self, content: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in {"X-Repo-Commit": "1234", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass
