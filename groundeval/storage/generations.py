"""The generations in a run folder: the stored lines, and the response that each line holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from groundeval.errors import DataError, excerpt, option
from groundeval.parsing.reasoning import ReasoningTags
from groundeval.parsing.reasoning_formats import tags_of_text
from groundeval.records import Example, Response, cut_at_limit
from groundeval.storage.folder import Lines

GENERATIONS = "generations*.jsonl"

_FIELDS: Mapping[str, tuple[type, ...]] = {
    "id": (str,),
    "status": (str,),
    "raw": (str,),
    "prefill": (str, type(None)),
    "finish_reason": (str, type(None)),
    "error": (str, type(None)),
    "documents_shown": (int, type(None)),
}
"""The required fields of a line of `generations.jsonl`."""


def as_response(example: Example, record: Mapping[str, Any], tags: ReasoningTags | None = None) -> Response:
    """The response that a line of `generations.jsonl` holds; `tags` as `Response.build` takes them."""
    if record["status"] == "error":
        return Response.failed(example, record.get("error") or "generation failed")
    return Response.build(
        example,
        record["raw"],
        prefill=record.get("prefill") or "",
        finish_reason=record.get("finish_reason"),
        tags=tags,
    )


def stored_generations(folder: Path) -> dict[str, dict[str, Any]]:
    """All generations of a run folder by sample id, of all shards; a later line replaces a failed earlier one."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob(GENERATIONS)):
        for record in generations_in(path):
            if record["id"] not in found or found[record["id"]]["status"] == "error":
                found[record["id"]] = record
    return found


def answers_cut(records: Iterable[Mapping[str, Any]]) -> int:
    """Number of stored answers that were cut at the length limit."""
    return sum(record["status"] != "error" and cut_at_limit(record.get("finish_reason")) for record in records)


def generations_in(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of one file of generations, checked; a sample that was tried again has several."""
    for number, record in enumerate(Lines(path).read(), 1):
        _check(record, path, number)
        yield record


def _check(record: Mapping[str, Any], path: Path, number: int) -> None:
    """Raises DataError for a line that is not a generation."""
    for field, kinds in _FIELDS.items():
        value = record.get(field)
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise DataError(f"{path}, line {number}: not a generation: {field} is {excerpt(value)}")
    if documents_shown(record, 0) < 0:
        raise DataError(f"{path}, line {number}: documents_shown is {record['documents_shown']}, must be 0 or more")


def documents_shown(record: Mapping[str, Any], usual: int) -> int:
    """Number of documents in the prompt of a generation; `usual` where its line does not record it."""
    shown: int | None = record.get("documents_shown")
    return usual if shown is None else shown


def unopened_thoughts(records: Iterable[Mapping[str, Any]], tags: ReasoningTags | None) -> str | None:
    """A note if the chat template may begin the reasoning itself: answers end a thought that they do not begin.

    An answer cut off within the thought then shows no tag at all, and is scored as an answer. A single text does not
    show which it is.
    """
    closed = cut = 0
    close = ""
    for record in records:
        text = (record.get("prefill") or "") + record["raw"]
        read_by = tags or tags_of_text(text)
        if record["status"] != "error" and read_by.think_open not in text:
            ended = read_by.think_close in text
            close = read_by.think_close if ended else close
            closed += ended
            cut += not ended and cut_at_limit(record.get("finish_reason"))
    if not (closed and cut):
        return None
    return (
        f"{closed} texts end a thought with {close} that they do not begin: the model's template seems to "
        f"have begun it.\n  {cut} texts that were cut off have no tag: each may be a thought without an answer, and is "
        f"scored as an answer.\n  Say how the template begins (backend openai: "
        f"{option('model_args', tokenizer='...')}), use the "
        f"server's reasoning parser,\n  or leave more room: {option('sampling', max_new_tokens=1000)}"
    )
