"""What tools returned in a conversation: documents, as JSON in their turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundeval.tasks.formats.outputs.conversations import role_of, turn_text
from groundeval.tasks.formats.outputs.parts import Data, objects
from groundeval.tasks.formats.outputs.roles import shown
from groundeval.tasks.formats.outputs.texts import decoded


def returned_objects(turns: Any) -> list[Data]:
    """The objects of the lists that tools returned, in their order: documents, if they have texts."""
    return [found for turn in objects(turns) if role_of(turn) == "tool" for found in _listed(decoded(turn_text(turn)))]


def _listed(result: Any) -> list[Data]:
    if isinstance(result, Mapping):
        named = next((value for name, value in result.items() if shown((str(name),)) is not None), None)
        # Else the documents themselves, under the numbers by which they are cited.
        result = list(result.values()) if named is None else named
    return objects(result) if objects(result) == result else []
