"""A recipe as text: the whole YAML with every field and its meaning, and a table of the fields."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic_core import PydanticUndefined

from groundeval.tasks.yaml.schema import Section
from groundeval.trainers.recipe import Evaluate, Model, Overlap, Recipe, Rollouts
from groundeval.trainers.recipe_stage import Data, Lora, RewardTerm, Stage

PARTS: dict[tuple[type[Section], str], tuple[type[Section], str]] = {
    (Recipe, "model"): (Model, ""),
    (Recipe, "lora"): (Lora, ""),
    (Recipe, "stages"): (Stage, "[]"),
    (Stage, "data"): (Data, "[]"),
    (Stage, "rewards"): (RewardTerm, ".NAME"),
    (Recipe, "rollouts"): (Rollouts, ""),
    (Recipe, "overlap"): (Overlap, ""),
    (Recipe, "evaluate"): (Evaluate, ""),
}
"""The fields that are sections, and the text between the two names."""


def documented_fields(section: type[Section] = Recipe, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Every field as (dotted name, default, meaning), a section before its fields."""
    for name, field in section.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        part = PARTS.get((section, name))
        shown = "required" if default is PydanticUndefined else "" if part else json.dumps(_plain(default))
        yield f"{prefix}{name}", shown, field.description or ""
        if part is not None:
            yield from documented_fields(part[0], f"{prefix}{name}{part[1]}.")


def as_table() -> str:
    """All fields as a Markdown table."""
    rows = (
        f"| `{name}` | {default and f'`{default}`'} | {meaning} |" for name, default, meaning in documented_fields()
    )
    return "\n".join(["| field | default | meaning |", "|---|---|---|", *rows]) + "\n"


def as_yaml(recipe: Recipe) -> str:
    """The recipe as an equivalent YAML file, every field written out with its meaning."""
    lines = [f"# {' '.join(recipe.description.split())}"] if recipe.description else []
    return "\n".join([*lines, *_section(recipe, 0, set())]) + "\n"


def _section(section: Section, depth: int, seen: set[tuple[type[Section], str]]) -> Iterator[str]:
    """The fields of a section; a meaning is written where its field first appears."""
    pad = "  " * depth
    for name, field in type(section).model_fields.items():
        place = (type(section), name)
        if place not in seen:
            seen.add(place)
            yield f"{pad}# {field.description}"
        value = getattr(section, name)
        if isinstance(value, Section):
            yield f"{pad}{name}:"
            yield from _section(value, depth + 1, seen)
        elif isinstance(value, list) and value and isinstance(value[0], Section):
            yield f"{pad}{name}:"
            for item in value:
                yield f"{pad}-"
                yield from _section(item, depth + 1, seen)
        elif isinstance(value, dict) and value and all(isinstance(each, Section) for each in value.values()):
            yield f"{pad}{name}:"
            for key, each in value.items():
                yield f"{pad}  {key}:"
                yield from _section(each, depth + 2, seen)
        else:
            yield from _plain_field(name, value, pad)


def _plain_field(name: str, value: Any, pad: str) -> Iterator[str]:
    text = yaml.safe_dump({name: _plain(value)}, sort_keys=False, allow_unicode=True, width=1_000)
    yield from (f"{pad}{line}" for line in text.splitlines())


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, Section) else value
