"""Why an output ended, in the words of the tool that wrote it, wherever in a record they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from groundeval.records import cut_at_limit
from groundeval.tasks.formats.outputs.conversations import is_conversation, last_answer
from groundeval.tasks.formats.outputs.roles import canonical

_REASONS = frozenset({
    "finish_reason", "stop_reason", "done_reason", "completion_reason", "termination_reason", "finish_details",
    "incomplete_details",
})  # fmt: skip
_DEPTH = 8


def was_cut(data: Mapping[str, Any]) -> bool:
    """Whether a record says that its output was cut at the greatest length.

    Of several answers in one record the first counts, and of a conversation the last turn of the model.
    """
    return any(cut_at_limit(reason.rpartition(".")[2]) for reason in _reasons(data, _DEPTH))


def _reasons(data: Mapping[str, Any], depth: int) -> Iterator[str]:
    for name, value in data.items():
        if canonical(str(name)) in _REASONS:
            said = value.get("reason", value.get("type")) if isinstance(value, Mapping) else value
            if isinstance(said, str):
                yield said
            continue
        inside = value
        if isinstance(value, list) and value:
            inside = last_answer(value) if is_conversation(value) else value[0]
        if depth and isinstance(inside, Mapping):
            yield from _reasons(inside, depth - 1)
