"""The body of a server's answer, read as it arrives: bounded in bytes, compressed or not, and read as JSON."""

from __future__ import annotations

import json
import zlib
from typing import Any

import httpx

from groundeval.errors import excerpt
from groundeval.http.retrying import NoAnswer

_ANY_ZLIB = 47
"""The window size that lets zlib tell gzip from deflate."""


class Body:
    """The bytes of an answer, decoded piece by piece, so that no piece can grow beyond the limit.

    `encoding` is the header `Content-Encoding`; gzip and deflate are known. Raises NoAnswer for another, for damaged
    bytes and for more than `limit` bytes.
    """

    def __init__(self, encoding: str | None, limit: int) -> None:
        named = (encoding or "identity").strip().lower()
        if named not in ("identity", "gzip", "x-gzip", "deflate"):
            raise NoAnswer(f"the answer is encoded as {excerpt(named)}, which was not requested", unreadable=True)
        self._zlib = None if named == "identity" else zlib.decompressobj(_ANY_ZLIB)
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, raw: bytes) -> None:
        """Add a piece as it was received."""
        try:
            # Decoding one byte beyond the limit shows whether it is exceeded.
            part = raw if self._zlib is None else self._zlib.decompress(raw, self._limit - self._size + 1)
        except zlib.error as error:
            raise NoAnswer(f"the compressed answer is damaged ({error})") from None
        self._size += len(part)
        if self._size > self._limit:
            raise NoAnswer(f"the answer is longer than {self._limit:,} bytes", unreadable=True)
        self._parts.append(part)

    def whole(self) -> bytes:
        """The whole answer."""
        if self._zlib is not None and self._size and not self._zlib.eof:
            raise NoAnswer("the compressed answer is cut off")
        return b"".join(self._parts)


async def read_body(response: httpx.Response, limit: int) -> bytes:
    """The body of an answer that streams in. Raises NoAnswer as `Body` does."""
    body = Body(response.headers.get("Content-Encoding"), limit)
    async for part in response.aiter_raw():
        body.add(part)
    return body.whole()


def json_object(answer: bytes) -> dict[str, Any]:
    """A JSON object. Raises ValueError for anything else."""
    try:
        found = json.loads(answer)
    except (RecursionError, MemoryError):
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError(f"not a JSON object: {excerpt(found)}")
    return found
