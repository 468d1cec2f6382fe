"""`--config`: a YAML file of flags as the defaults of a command."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

import typer

from groundeval.console.flags import RUN

if TYPE_CHECKING:
    from groundeval.cli.arguments import FlagKind


def _use_config(ctx: typer.Context, path: Path | None) -> Path | None:
    """Make the flags of a YAML file the defaults of this command: flag > --config > default."""
    if path is not None:
        from groundeval.cli.arguments import read_config

        flags = {name: _kind(hint) for name, hint in _flags(ctx).items() if name != "config"}
        ctx.default_map = {**(ctx.default_map or {}), **read_config(path, flags)}
    return path


def _flags(ctx: typer.Context) -> dict[str, Any]:
    """The parameters of the command with their types; read off the function, since releases of typer differ."""
    assert ctx.command.callback is not None
    hints = get_type_hints(inspect.unwrap(ctx.command.callback))
    return {param.name: hints[param.name] for param in ctx.command.params if param.name in hints}


def _kind(hint: Any) -> FlagKind:
    """The kind of value that a parameter takes, by its type."""
    kinds: dict[Any, FlagKind] = {int: "whole number", float: "number", bool: "yes or no"}
    for each in (hint, *get_args(hint)):
        if get_origin(each) is list:
            return "texts"
        if each in kinds:
            return kinds[each]
    return "text"


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        callback=_use_config,
        is_eager=True,
        help="A YAML file of flags; the command line takes precedence.",
        rich_help_panel=RUN,
    ),
]
