"""TruLens: records with `input` and `output`, and the contexts that the calls in `record_json` retrieved."""

from __future__ import annotations

from typing import Any

from groundeval.tasks.formats.outputs.named import named_parts
from groundeval.tasks.formats.outputs.parts import Data, Part, Parts, Shape, at, objects
from groundeval.tasks.formats.outputs.sources import documents_from
from groundeval.tasks.formats.outputs.texts import decoded


def _fits(data: Data) -> bool:
    return "record_json" in data or ("record_id" in data and "input" in data and "output" in data)


def _parts(data: Data) -> Parts:
    kept = decoded(data.get("record_json"))
    fields = {name: value for name, value in data.items() if name != "record_json"}
    for name, inner in (("input", "main_input"), ("output", "main_output")):
        if fields.get(name) is None and at(kept, inner) is not None:
            fields[name] = at(kept, inner)
    # Cells hold strings as JSON, in quotes.
    for name in ("input", "output"):
        fields[name] = _unquoted(fields.get(name))
    parts = named_parts(fields)
    retrieved = _retrieved(kept)
    if "docs" not in parts and retrieved is not None:
        parts["docs"] = Part(documents_from(retrieved, "record_json.calls[].rets"), "record_json.calls[].rets")
    return parts


def _unquoted(value: Any) -> Any:
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        return decoded(f"[{value}]")[0] if isinstance(decoded(f"[{value}]"), list) else value
    return value


def _retrieved(kept: Any) -> Any:
    """The result of the first call of a method named after retrieval."""
    for call in objects(at(kept, "calls")):
        methods = [str(at(each, "method", "name") or "") for each in objects(call.get("stack"))]
        if methods and "retriev" in methods[-1].lower() and isinstance(call.get("rets"), list):
            return call["rets"]
    return None


SHAPE = Shape("TruLens", _fits, _parts)
