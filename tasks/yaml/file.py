"""Reading a YAML file into a schema; errors name the file, line, field, value and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from groundeval.errors import DataError, UsageError, did_you_mean, no_such
from groundeval.tasks.formats.fields import described

Schema = TypeVar("Schema", bound=BaseModel)

MOST_BYTES = 4 << 20
MOST_VALUES = 100_000
"""Of a file, with every alias written out."""
MOST_DEPTH = 200
"""Brackets open at a time."""

Place = tuple[int | str, ...]


def read_yaml(path: Path, schema: type[Schema]) -> Schema:
    """The checked content of a YAML file. Raises UsageError for a missing file, DataError for faulty content."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path}: longer than {MOST_BYTES:,} bytes, which no such file needs")
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise no_such(path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    try:
        _refuse_depth(path, text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_repeated_keys(path, root)
        _refuse_bombs(path, root)
        content = yaml.safe_load(text)
    except DataError:
        raise
    except RecursionError:
        raise DataError(f"{path}: nested too deeply") from None
    except Exception as error:
        # Not only YAMLError: a date such as 2020-99-99 is a ValueError, `!!timestamp x` an AttributeError.
        raise DataError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} must hold fields (`name: ...`), not {described(content)}")
    try:
        return schema.model_validate(content)
    except ValidationError as error:
        found = sorted(error.errors(include_url=False), key=lambda problem: _line(root, problem["loc"]))
        problems = [_message(path, problem, root, schema) for problem in found]
        raise DataError("\n".join(dict.fromkeys(problems))) from None


def _message(path: Path, problem: ErrorDetails, root: yaml.Node | None, schema: type[BaseModel]) -> str:
    place: Place = problem["loc"]
    where = f"{path}, line {_line(root, place)}"
    field = _dotted(place)
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        allowed = sorted(_fields_at(schema, place[:-1]))
        guess = did_you_mean(str(place[-1]), allowed)
        return f'{where}: unknown field "{field}".{guess}\n  Known: {", ".join(allowed)}'
    if kind == "missing":
        return f'{where}: field "{field}" is missing'
    if kind == "value_error":
        named = f'field "{field}": ' if place else ""
        return f"{where}: {named}{context['error']}"
    allowed_text = str(context.get("expected", problem["msg"]))
    allowed_text = allowed_text.replace("Input should be ", "").replace("'", '"')
    return f'{where}: field "{field}" is {described(problem["input"])}; it must be {allowed_text}'


def _fields_at(schema: type[BaseModel], place: Place) -> set[str]:
    """The allowed fields of a section."""
    current: Any = schema
    for step in place:
        if isinstance(step, int):
            continue
        field = current.model_fields.get(step) if _is_model(current) else None
        if field is None:
            # A key of an open mapping: its values' schema is the only one it holds.
            continue
        current = next(iter(_models_in(field.annotation)), None)
    return set(current.model_fields) if _is_model(current) else set()


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if _is_model(annotation):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models_in(part)


def _is_model(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, BaseModel)


def _line(root: yaml.Node | None, place: Place) -> int:
    """The line of the deepest part of a place that exists in the file."""
    node, line = root, 1
    for step in place:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if key.value == str(step)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line


def _refuse_repeated_keys(path: Path, root: yaml.Node | None) -> None:
    """Refuse repeated keys, of which YAML silently takes the last."""
    waiting, visited = [root], set()  # an anchor can make a node its own part
    while waiting:
        node = waiting.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                first = lines.setdefault(str(key.value), line)
                if first != line:
                    raise DataError(f'{path}, line {line}: field "{key.value}" is given twice (first on line {first})')
                waiting.append(value)


def _refuse_depth(path: Path, text: str) -> None:
    """Raise DataError for brackets in brackets, many times over, which PyYAML takes seconds to find too deep.

    Brackets in texts count as well: those of honest texts are closed.
    """
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth = depth + 1 if bracket[0] in "[{" else max(0, depth - 1)
        if depth > MOST_DEPTH:
            raise DataError(f"{path}, line {text.count(chr(10), 0, bracket.start()) + 1}: nested too deeply")


def _refuse_bombs(path: Path, root: yaml.Node | None) -> None:
    """Raise DataError for anchors and aliases that unfold to more than `MOST_VALUES` values, or into themselves."""
    sizes: dict[int, int] = {}
    waiting = [] if root is None else [(root, False)]
    open_nodes: set[int] = set()
    while waiting:
        node, done = waiting.pop()
        if id(node) in sizes:
            continue
        parts = _parts(node)
        if done:
            open_nodes.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(part)] for part in parts)
            if sizes[id(node)] > MOST_VALUES:
                line = node.start_mark.line + 1
                raise DataError(f"{path}, line {line}: unfolds to more than {MOST_VALUES:,} values through its aliases")
            continue
        if id(node) in open_nodes:
            continue
        open_nodes.add(id(node))
        waiting.append((node, True))
        for part in parts:
            if id(part) in open_nodes:
                raise DataError(f"{path}, line {part.start_mark.line + 1}: an alias that holds itself")
            waiting.append((part, False))


def _parts(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    return [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else []


def _dotted(place: Place) -> str:
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text
