"""Whether a record is of a request that failed: the tool's own envelope says so, and no answer stands beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from groundeval.tasks.formats.outputs.anywhere import parts_anywhere
from groundeval.tasks.formats.outputs.conversations import CONVERSATIONS, is_conversation, last_answer
from groundeval.tasks.formats.outputs.named import OUTPUTS
from groundeval.tasks.formats.outputs.parts import Data, at
from groundeval.tasks.formats.outputs.roles import asked, canonical, words
from groundeval.tasks.formats.outputs.texts import text_of

_ENVELOPES = frozenset({
    "response", "responses", "result", "results", "output", "outputs", "completion", "body", "data", "message", "raw",
    "raw_response", "choices", "candidates", "prompt_feedback", "generation",
})  # fmt: skip
"""Fields in which tools wrap what a model's interface returned; of a list, the first object."""
_DEPTH = 4
_ERRORS = frozenset({"error", "errors", "error_message", "error_msg", "exception", "failure", "failure_reason"})
_STATES = frozenset({"status", "state", "type", "status_code", "http_status", "code", "finish_reason", "stop_reason"})
_FAILED = frozenset({
    "failed", "failure", "error", "errored", "exception", "cancelled", "canceled", "expired", "aborted", "rejected",
    "timeout",
})  # fmt: skip
_BLOCKED = frozenset({
    "safety", "content_filter", "content_filtered", "recitation", "blocklist", "prohibited_content", "spii",
    "guardrail_intervened",
})  # fmt: skip
_SUCCESSES = frozenset({"success", "succeeded", "ok", "is_success"})
_MESSAGES = (
    "message", "error_message", "msg", "detail", "details", "description", "reason", "error", "errors", "code", "type",
)  # fmt: skip
_LEAST_CODE = 400
"""HTTP's first status of an error."""


def failure_in(data: Data) -> str | None:
    """Why the request of a record failed, in the tool's words; None where it has an answer, or nothing says so.

    Only the record itself and what tools wrap an answer in are asked: a document about errors says nothing.
    """
    found = next(_reasons(data, _DEPTH), None)
    return None if found is None or _has_answer(data) else found


def _reasons(data: Data, depth: int) -> Iterator[str]:
    """Reasons that name an error before those that are only a state."""
    known = [(canonical(str(name)), value) for name, value in data.items()]
    for name, value in known:
        if name in _ERRORS and value not in (None, False, "", 0) and value != {} and value != []:
            yield _message(value) or name
    for name, value in known:
        inside = value[0] if isinstance(value, list) and value else value
        if depth and name in _ENVELOPES and isinstance(inside, Mapping):
            yield from _reasons(inside, depth - 1)
    for name, value in known:
        if (name in _STATES and _is_failed(value)) or (name in _SUCCESSES and value is False):
            yield f"{name} {_message(value) or value}"
        elif name == "block_reason" and isinstance(value, str) and value:
            yield f"blocked: {value}"


def _is_failed(value: object) -> bool:
    if isinstance(value, Mapping):
        return _is_failed(at(value, "code"))
    if isinstance(value, int):
        return not isinstance(value, bool) and value >= _LEAST_CODE
    return isinstance(value, str) and (not _FAILED.isdisjoint(words(value)) or canonical(value) in _BLOCKED)


def _message(value: Any, depth: int = _DEPTH) -> str:
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, Mapping) and depth:
        named = {canonical(str(name)): each for name, each in value.items()}
        return next((said for name in _MESSAGES if (said := _message(named.get(name), depth - 1))), "")
    return " ".join(value.split()) if isinstance(value, str) else ""


def _has_answer(data: Data) -> bool:
    """Whether it holds an answer somewhere, beside what was asked and said before.

    Where the field of the output is there and empty, other texts are not the output: `answer` may be the gold answer.
    """
    own = next((data[name] for name in OUTPUTS if name in data), ...)
    if own is None or own in ("", [], {}):
        return False
    rest = {name: value for name, value in data.items() if not _was_before(str(name), value)}
    said = parts_anywhere(rest).get("output")
    return said is not None and bool((text_of(said.value) or "").strip())


def _was_before(name: str, value: Any) -> bool:
    if is_conversation(value):
        return last_answer(value) is not value[-1]
    return asked((name,)) is not None or canonical(name) in (*CONVERSATIONS, *_ERRORS)
