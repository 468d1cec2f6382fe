"""LangChain: results of retrieval chains, with documents of `page_content` and `metadata`, and runs of LangSmith."""

from __future__ import annotations

from typing import Any

from groundeval.tasks.formats.outputs.named import named_parts
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, Shape, objects
from groundeval.tasks.formats.outputs.sources import DOCUMENTS
from groundeval.tasks.formats.outputs.texts import decoded


def _whole(data: Data) -> dict[str, Any]:
    """A record, with what a run keeps under `inputs` and `outputs` among its fields."""
    inner = {name: data.get(name) for name in ("inputs", "outputs", "reference_outputs")}
    whole = {name: value for name, value in data.items() if name not in inner}
    for name in ("inputs", "outputs"):
        found = inner[name]
        whole |= found if isinstance(found, dict) else {}
    reference = inner["reference_outputs"]
    if isinstance(reference, dict) and reference:
        whole["reference"] = next(iter(reference.values()))
    return whole


def _is_page(value: object) -> bool:
    inside = value.get("kwargs", value) if isinstance(value, dict) else None
    return isinstance(inside, dict) and "page_content" in inside


def _fits(data: Data) -> bool:
    if isinstance(data.get("inputs"), dict) and isinstance(data.get("outputs"), dict):
        return True
    return "source_documents" in data or any(
        any(map(_is_page, objects(decoded(data.get(name))))) for name in DOCUMENTS if name in data
    )


def _parts(data: Data) -> Parts:
    return {name: Part(part.value, _place(part.field, data)) for name, part in named_parts(_whole(data)).items()}


def _place(field: str, data: Data) -> str:
    """The way to a field of `_whole` in the record itself."""
    if field == "reference" and data.get("reference_outputs"):
        return f"reference_outputs.{next(iter(data['reference_outputs']))}"
    first = field.partition(".")[0]
    inner = next(
        (name for name in ("outputs", "inputs") if isinstance(data.get(name), dict) and first in data[name]), None
    )
    return field if inner is None else f"{inner}.{field}"


SHAPE = Shape("LangChain", _fits, _parts)
