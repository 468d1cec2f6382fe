"""Request bodies: read within limits of size and time, parsed, and validated against a form."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, ClassVar, TypeVar

from pydantic import BaseModel, PlainValidator, ValidationError
from pydantic_core import PydanticCustomError
from starlette.requests import ClientDisconnect, Request

from groundeval.errors import excerpt
from groundeval.http.answers import Json, Refusal, later

MAX_BYTES = 32 * 1024 * 1024
MAX_ELEMENTS = 1_000_000
"""Most commas and opening brackets in a body. Parsing cannot be interrupted; this bounds how long it takes."""
MAX_TEXT = 1_000_000
"""Most characters in one text. A single step of work on a text cannot be interrupted; this bounds how long it takes."""
DISCARD = 4
"""A body up to this many times the limit is read to its end, so that its sender gets to read the refusal."""
FULL_SECONDS = 1
CLIENT_GONE = 499
"""The status under which requests are counted whose client disconnected before the response."""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise PydanticCustomError("text", "must be a string")
    return value


Text = Annotated[str, PlainValidator(_text)]
"""Any string that JSON can hold: pydantic's own `str` takes no lone surrogates."""


class Body(BaseModel):
    """The body of a request; `form` is what an error message shows as the expected form."""

    form: ClassVar[str]


B = TypeVar("B", bound=Body)


class Reader:
    """Reads bodies of at most `max_bytes`, within `seconds`.

    The bodies of all requests in service together take at most `held` bytes.
    """

    def __init__(self, max_bytes: int, seconds: float, held: int) -> None:
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._most_held = max(held, max_bytes)
        self._held = 0

    @contextlib.asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """The body of a request, counted as held until the context ends. Raises Refusal (408, 413, 429)."""
        size = 0

        async def read() -> bytes:
            nonlocal size
            parts, length = [], 0
            async for part in request.stream():
                length += len(part)
                if length <= self._max_bytes:
                    parts.append(part)
                    size, self._held = length, self._held + len(part)
                    if self._held > self._most_held:
                        raise Refusal(429, "too many large requests at once", later(FULL_SECONDS))
                elif length > DISCARD * self._max_bytes:
                    break
            if length > self._max_bytes:
                raise Refusal(413, f"the body is longer than {self._max_bytes} bytes")
            return b"".join(parts)

        try:
            try:
                found = await asyncio.wait_for(read(), self._seconds)
            except asyncio.TimeoutError:
                raise Refusal(408, f"the body did not arrive within {self._seconds:g} s") from None
            except ClientDisconnect:
                raise Refusal(CLIENT_GONE, "the client has disconnected") from None
            yield found
        finally:
            self._held -= size


def parse_object(body: bytes) -> Json:
    """The JSON object in a body. Raises Refusal (400, 413) that says what is wrong."""
    elements = sum(map(body.count, (b",", b"[", b"{")))
    if elements > MAX_ELEMENTS:
        raise Refusal(413, f"the body has {elements} commas and brackets; a request may have {MAX_ELEMENTS}")
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise Refusal(400, f"the body must be a JSON object, not {excerpt(found)}")
    return found


def parse(body: bytes, form: type[B], most: int) -> B:
    """A body, validated against its form. Raises Refusal (400, 413) that says what is wrong and where.

    `most`: the longest list that is a field. It is checked first, since every wrong entry of a list is an error.
    """
    found = parse_object(body)
    for name, value in found.items():
        if isinstance(value, list) and len(value) > most:
            raise Refusal(413, f"{len(value)} {name}; a request may hold {most}")
    try:
        return form.model_validate(found)
    except ValidationError as error:
        raise Refusal(400, _fault(error, form)) from None


def demand_short(texts: Iterable[str]) -> None:
    """Raises Refusal (413) if one of the texts is too long."""
    longest = max(map(len, texts), default=0)
    if longest > MAX_TEXT:
        raise Refusal(413, f"a text has {longest} characters; it may have {MAX_TEXT}")


def _fault(error: ValidationError, form: type[Body]) -> str:
    """A message that says what is wrong with a body, and where."""
    first = error.errors(include_url=False)[0]
    where = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in first["loc"]).lstrip(".")
    if len(first["loc"]) < 2:
        return f"the body must be {form.form}"
    if first["type"] == "missing":
        return f"{where} is missing; the body must be {form.form}"
    what = "must be an object" if first["type"] == "model_type" else first["msg"].replace("Input should", "must")
    return f"{where} {what}; it is {excerpt(first['input'])}"
