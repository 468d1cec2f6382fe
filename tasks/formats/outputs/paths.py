"""The paths by which `--map` reads what was recognised."""

from __future__ import annotations

from contextlib import suppress

from groundeval.tasks.formats.field_path import Absent, parse_path
from groundeval.tasks.formats.outputs.anywhere import places
from groundeval.tasks.formats.outputs.parts import Data, Misfit, Part
from groundeval.tasks.formats.outputs.sources import documents_from


def path_to(docs: Part, data: Data) -> str | None:
    """The path to the documents of a record; None where they are read from something that no path names."""
    path = _exact(docs.field, data)
    with suppress(Absent, Misfit, ValueError):
        if _texts(parse_path(path).find(data), path) == _texts(docs.value, docs.field):
            return path
    return None


def _exact(field: str, data: Data) -> str:
    """A field as `parse_path` reads it."""
    paths = {place.shown: place.exact for place in places(data)}
    begun = (shown for shown in paths if field == shown or field.startswith((f"{shown}.", f"{shown}[")))
    inside = max(begun, key=len, default=None)
    return field if inside is None else paths[inside] + field[len(inside) :]


def _texts(value: object, field: str) -> list[str | None]:
    return [source.text for source in documents_from(value, field)]
