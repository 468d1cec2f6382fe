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
    """What was asked of the hub, and the files that it holds."""

    address: str = ""
    created: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
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

    def do_GET(self) -> None:
        if self.hub.refuses:
            self._answer({"error": "no"}, self.hub.refuses)
        elif "/tree/" in self.path:
            self._answer(
                [
                    {"type": "file", "path": path, "size": len(self.hub.files[path]), "oid": "0"}
                    for path in self.hub.files
                ]
            )
        else:
            self._answer({})

    def _answer(self, value: Any, status: int = 200) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass
