"""`--config`: a YAML file of flags as the defaults of a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def _use_config(ctx: typer.Context, path: Path | None) -> Path | None:
    """Make the flags of a YAML file the defaults of this command: flag > --config > default."""
    if path is not None:
        from groundeval.commands.arguments import read_config

        flags = {p.name: p for p in ctx.command.params if p.name and p.name not in ("config", "help")}
        repeatable = [name for name, flag in flags.items() if getattr(flag, "multiple", False)]
        ctx.default_map = {**(ctx.default_map or {}), **read_config(path, list(flags), repeatable)}
    return path


Config = Annotated[
    Path | None,
    typer.Option("--config", callback=_use_config, is_eager=True, help="A YAML file of flags; flags given here win."),
]
