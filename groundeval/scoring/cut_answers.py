"""The note on answers that were cut at the limit on their length."""

from __future__ import annotations

from collections.abc import Iterable

from groundeval.records import Response


def note_on_cut_answers(responses: Iterable[Response], longest: int | None = None) -> list[str]:
    """The note, counted over the responses that have a text; `longest` is the limit in tokens, where it is known."""
    counted = [response.was_cut for response in responses if response.status != "error"]
    return cut_answers(sum(counted), len(counted), longest)


def cut_answers(cut: int, answers: int, longest: int | None = None) -> list[str]:
    """`4 of 4 answers were cut at max_new_tokens=300`; nothing where none was."""
    limit = "the limit on their length" if longest is None else f"max_new_tokens={longest}"
    return [f"{cut} of {answers} answers were cut at {limit}"] if cut else []
