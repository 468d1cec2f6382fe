"""Responses of a server, and the exception for requests that it refuses."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

Json = dict[str, Any]


class Refusal(Exception):
    """A request is refused: the status, the message and the headers of the response."""

    def __init__(
        self, status: int, message: str, headers: dict[str, str] | None = None, state: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body = {"error": message} if state is None else {"error": message, "status": state}

    def answer(self) -> Response:
        """The response."""
        return json_answer(self.body, self.status, self.headers)


def json_answer(body: Json, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON object as a response."""
    # ASCII escapes carry lone surrogates, which UTF-8 cannot.
    return Response(json.dumps(body).encode("ascii"), status, headers, media_type="application/json")


def later(seconds: int) -> dict[str, str]:
    """The header that asks a client to retry after so many seconds."""
    return {"Retry-After": str(seconds)}
