"""Fields of a record that may hold the parts which were not found, for messages: the paths to write after `--map`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

from groundeval.tasks.formats.outputs.anywhere import Place, places
from groundeval.tasks.formats.outputs.conversations import is_conversation, last_question
from groundeval.tasks.formats.outputs.parts import Data, Misfit, objects
from groundeval.tasks.formats.outputs.sources import Source, documents_from
from groundeval.tasks.formats.outputs.unfolded import numbered_columns, series

_CITED = re.compile(r"\[\d+\]")
_LEAST_WORDS = 3
_LONG = 400
"""Characters that a question hardly has."""
_UNKNOWN = "FIELD"


def likely_fields(lacking: Collection[str], data: Data, taken: Collection[str] = ()) -> dict[str, str]:
    """The paths to what is most like the lacking ones of question, output and documents, each another field.

    A question or an output that nothing is left for is named `FIELD`; documents are optional. `taken`: fields that are
    other parts.
    """
    texts: dict[str, str] = {}
    lists = dict[str, Any](numbered_columns(data))
    asked: set[str] = set()
    for place in places({name: value for name, value in data.items() if series(str(name)) not in lists}):
        if isinstance(place.value, str) and place.value.strip():
            texts.setdefault(place.exact, place.value)
        elif is_conversation(place.value):
            lists.setdefault(place.exact, place.value)
            question, path = last_question(place.value), _last_turn(place)
            if question is not None and path is not None:
                texts.setdefault(path, question)
                asked.add(path)
        elif isinstance(place.value, list):
            lists.setdefault(place.exact, place.value)
    chosen: dict[str, str] = {}
    if "docs" in lacking:
        holding = {path: items for path, found in lists.items() for path, items in _read_as(path, found)}
        if holding:
            chosen["docs"] = max(holding, key=lambda path: len(holding[path]))
    taken = {*taken, *(path.partition("[]")[0] for path in chosen.values())}
    inside = tuple(f"{path}{joint}" for path in taken for joint in ("[", "."))
    free = {
        path: text
        for path, text in texts.items()
        if path in asked or (path not in taken and not path.startswith(inside))
    }
    # An output is known by its citations, a question by its question mark: the surer of the two is chosen first.
    for part, rank in sorted(_RANKS.items(), key=lambda each: all(each[1](text)[0] for text in free.values())):
        if part in lacking:
            chosen[part] = min(free, key=lambda path: rank(free[path]), default=_UNKNOWN)
            free.pop(chosen[part], None)
    return {part: chosen[part] for part in ("question", "output", "docs") if part in chosen}


def _as_question(text: str) -> tuple[int, int]:
    marked = text.rstrip().endswith(("?", "？", "؟"))
    short = len(text) <= _LONG and len(text.split()) >= _LEAST_WORDS
    return 0 if marked else 1 if short else 2, len(text)


def _as_output(text: str) -> tuple[int, int]:
    return (0 if _CITED.search(text) else 2 if text.rstrip().endswith("?") else 1), -len(text)


_RANKS = {"output": _as_output, "question": _as_question}


def _last_turn(turns: Place) -> str | None:
    """The path to the content of the last turn of the user."""
    places = [place for place, turn in enumerate(turns.value) if last_question([turn]) and "content" in turn]
    return f"{turns.exact}[{places[-1]}].content" if places else None


def _read_as(path: str, items: list[Any]) -> Iterator[tuple[str, list[Source]]]:
    """The documents that a list would be read as, with the path to write: to it, or to a text in each object of it."""
    names = [name for name in objects(items)[0] if isinstance(name, str)] if objects(items) else []
    inner = ((f"{path}[].{name}", _all(items, name)) for name in names if name.isidentifier())
    for each, found in ((path, items), *inner):
        with suppress(Misfit, RecursionError):
            read = documents_from(found, path)
            if read and all(len((source.text or "").split()) >= _LEAST_WORDS for source in read):
                yield each, read
                return


def _all(items: list[Any], name: str) -> list[Any]:
    return [item.get(name) if isinstance(item, Mapping) else None for item in items]
