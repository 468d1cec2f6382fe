"""The generations in a run folder: the stored lines, and the response that each line holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from groundeval.errors import DataError, excerpt, option
from groundeval.parsing.reasoning import ReasoningTags
from groundeval.parsing.reasoning_formats import tags_of_text
from groundeval.records import Example, Response, cut_at_limit
from groundeval.storage.folder import MOST_LINE, Lines, record_of
from groundeval.storage.id_index import IdIndex
from groundeval.storage.manifest import MOST_DOCUMENTS
from groundeval.storage.regular import entries_of, open_regular
from groundeval.storage.spool import Numbers

GENERATIONS = "generations*.jsonl"
_MOST_OPEN = 32
"""Files of shards that are open at a time."""
_PLACE_BITS = 40
"""Of a line's place in its file, beside the number of the file."""
_WHOLE, _FAILED, _CUT = range(3)
"""How a generation ended."""

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


class Generations:
    """The generations of a run folder, of all shards, one for each sample: a later line replaces a failed earlier one.

    Samples have numbers in the order in which they were first written. Lines are read from disk when they are asked
    for; in memory are 15 to 21 bytes for each, 1 after `forget_ids`. It shows the folder as it was when this was made.
    """

    def __init__(self, folder: Path, root: Path | None = None) -> None:
        """`root`: the folder below which no link is followed (default: the run folder)."""
        self._root = folder if root is None else root
        self._open: dict[int, BinaryIO] = {}
        self._paths = entries_of(folder, GENERATIONS, root)
        self._ids: IdIndex | None = IdIndex()
        self._places, self._shown = Numbers(), Numbers()
        self._ends = bytearray()
        for file, path in enumerate(self._paths):
            for place, record in _placed_in(path, self._root):
                self._add(self._ids, file << _PLACE_BITS | place, record)

    def _add(self, ids: IdIndex, place: int, record: Mapping[str, Any]) -> None:
        number = ids.add(record["id"])
        end = _FAILED if record["status"] == "error" else _CUT if is_cut(record) else _WHOLE
        shown = min(documents_shown(record, -1), MOST_DOCUMENTS)
        if number == len(self._places):
            self._places.append(place)
            self._shown.append(shown)
            self._ends.append(end)
        elif self._ends[number] == _FAILED:
            self._places[number], self._shown[number], self._ends[number] = place, shown, end

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, number: int) -> dict[str, Any]:
        """The line of a sample. Raises DataError where the file was changed since its lines were counted."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        path = self._paths[self._places[number] >> _PLACE_BITS]
        try:
            file = self._file(self._places[number] >> _PLACE_BITS)
            file.seek(self._places[number] & (1 << _PLACE_BITS) - 1)
            record = record_of(file.readline(MOST_LINE))
        except (OSError, ValueError, RecursionError):
            record = {}
        if _wrong(record) is not None:
            raise DataError(f"{path} was changed while it was read")
        return record

    def number(self, identifier: str) -> int:
        """The number of a sample; -1 for one that has no line."""
        assert self._ids is not None, "the ids were forgotten"
        found = self._ids.get(identifier)
        return -1 if found is None else found

    def forget_ids(self) -> None:
        """Free their memory, where samples are asked for by number from now on."""
        self._ids = None

    def has_text(self, identifier: str) -> bool:
        """Whether a sample was generated, and did not fail."""
        number = self.number(identifier)
        return number >= 0 and self._ends[number] != _FAILED

    def documents_shown(self, number: int, usual: int) -> int:
        """Number of documents in the prompt of a sample; `usual` where its line does not record it."""
        shown = self._shown[number]
        return usual if shown < 0 else shown

    @property
    def texts(self) -> int:
        """Number of samples that did not fail."""
        return len(self) - self._ends.count(_FAILED)

    @property
    def answers_cut(self) -> int:
        """Number of answers that were cut at the length limit."""
        return self._ends.count(_CUT)

    def _file(self, number: int) -> BinaryIO:
        if number not in self._open:
            if len(self._open) == _MOST_OPEN:
                self._open.pop(next(iter(self._open))).close()
            self._open[number] = open_regular(self._paths[number], self._root)
        return self._open[number]

    def __del__(self) -> None:
        for file in self._open.values():
            file.close()


def stored_generations(folder: Path, root: Path | None = None) -> dict[str, dict[str, Any]]:
    """The generations of a run folder by sample id, all in memory; `root` as in `Generations`."""
    return {record["id"]: record for record in Generations(folder, root)}


def is_cut(record: Mapping[str, Any]) -> bool:
    """Whether a stored answer was cut at the length limit."""
    return record["status"] != "error" and cut_at_limit(record.get("finish_reason"))


def generations_in(path: Path, root: Path | None = None) -> Iterator[dict[str, Any]]:
    """The lines of one file of generations, checked; a sample that was tried again has several."""
    return (record for _, record in _placed_in(path, root))


def _placed_in(path: Path, root: Path | None) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, (place, record) in enumerate(Lines(path, root).placed(), 1):
        _check(record, path, number)
        yield place, record


def _check(record: Mapping[str, Any], path: Path, number: int) -> None:
    """Raises DataError for a line that is not a generation."""
    if (wrong := _wrong(record)) is not None:
        raise DataError(f"{path}, line {number}: not a generation: {wrong}")


def _wrong(record: Mapping[str, Any]) -> str | None:
    """What keeps a line from being a generation."""
    for field, kinds in _FIELDS.items():
        value = record.get(field)
        if not isinstance(value, kinds) or isinstance(value, bool):
            return f"{field} is {excerpt(value)}"
    shown = documents_shown(record, 0)
    return f"documents_shown is {shown}, must be 0 or more" if shown < 0 else None


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
