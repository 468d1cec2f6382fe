"""`groundeval new`."""

from __future__ import annotations

import keyword
from pathlib import Path
from typing import Annotated

import typer

from groundeval.errors import UsageError, unknown

ALL = "plugin"
"""All four parts in one file."""


def new(
    kind: Annotated[str, typer.Argument(help="task | metric | reward | verifier | plugin (all four in one file)")],
    name: Annotated[str, typer.Argument(help="Name of the plugin; the file is NAME.py.")],
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path(),
) -> None:
    """Write a small plugin, with comments and a test next to it: a working start to change.

    Nothing is overwritten. The plugin is used with --include-path NAME.py; `groundeval list` shows it.

    Examples:

      groundeval new metric exclamations

      groundeval new plugin oslo && pytest test_oslo.py

      groundeval run --model smollm2 --include-path oslo.py --tasks oslo --metrics default,oslo --reward oslo --nli oslo
    """
    from groundeval.cli.plugin_files import PARTS, plugin, plugin_test

    if kind not in (*PARTS, ALL):
        raise unknown("kind of plugin", kind, (*PARTS, ALL))
    if not name.isidentifier() or keyword.iskeyword(name) or not name.isascii():
        raise UsageError(f"name {name!r}: must be letters, digits and underscores, and not begin with a digit")
    kinds = tuple(PARTS) if kind == ALL else (kind,)
    for each in kinds:
        _refuse_taken(each, name)
    files = {out / f"{name}.py": plugin(name, kinds), out / f"test_{name}.py": plugin_test(name, kinds)}
    there = next((file for file in files if file.exists()), None)
    if there is not None:
        raise UsageError(f"{there} exists already: choose another name, or another folder with --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror or error}") from None
    file, test = files
    flags = " ".join(PARTS[each].flag for each in kinds).replace("NAME", name)
    typer.echo(
        f"{file} and {test}. Next:\n  pytest {test}\n  groundeval run --model MODEL --include-path {file} {flags}"
    )


def _refuse_taken(kind: str, name: str) -> None:
    """Refuse a name that is taken, which would be an error when the plugin is loaded."""
    from groundeval.metrics.metric import METRICS
    from groundeval.nli import NLI_MODELS
    from groundeval.rewards.registry import REWARDS
    from groundeval.tasks.own import OWN
    from groundeval.tasks.task import TASKS

    names = {
        "task": lambda: [*TASKS.names(), OWN],
        "metric": METRICS.names,
        "reward": REWARDS.names,
        "verifier": NLI_MODELS.names,
    }
    if name in names[kind]():
        raise UsageError(f'the name "{name}" is taken by a {kind}; choose another')
