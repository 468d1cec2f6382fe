"""LlamaIndex: responses of query engines with their source nodes."""

from __future__ import annotations

from groundeval.tasks.formats.outputs.named import named_parts
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, Shape, within
from groundeval.tasks.formats.outputs.sources import documents_from


def _has_nodes(data: Data) -> bool:
    return "source_nodes" in data


def _fits(data: Data) -> bool:
    return within(data, _has_nodes) is not None


def _parts(data: Data) -> Parts:
    found = within(data, _has_nodes)
    assert found is not None
    answer, where = found
    parts = named_parts(data) | {name: part for name, part in named_parts(answer).items() if name != "question"}
    name = f"{where}.source_nodes".lstrip(".")
    return parts | {"docs": Part(documents_from(answer["source_nodes"], name), name)}


SHAPE = Shape("LlamaIndex", _fits, _parts)
