"""`groundeval new`."""

from __future__ import annotations

import keyword
from pathlib import Path
from typing import Annotated

import typer

from groundeval.errors import UsageError, unknown

ALL = "plugin"
"""Four parts in one file."""


def new(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="task | metric | reward | verifier | generator | plugin (the first four in one file)"
        ),
    ],
    name: Annotated[str, typer.Argument(help="Name of the plugin; the file is NAME.py.")],
    out: Annotated[Path, typer.Option(help="The folder to write into.")] = Path(),
) -> None:
    """Write a small plugin, with comments and a test next to it: a working start to change.

    Nothing is overwritten. The plugin is used with --include-path NAME.py; `groundeval list` shows it.

    Examples:

      groundeval new metric exclamations

      groundeval new plugin oslo && python -m pytest test_oslo.py

      groundeval run --model smollm2 --include-path oslo.py --tasks oslo --metrics default,oslo --nli oslo
    """
    from groundeval.cli.plugin_files import PARTS, TOGETHER, flags_for, plugin, plugin_test, reward_name

    if kind not in (*PARTS, ALL):
        raise unknown("kind of plugin", kind, (*PARTS, ALL))
    if not name.isidentifier() or keyword.iskeyword(name) or not name.isascii():
        raise UsageError(f"name {name!r}: must be letters, digits and underscores, and not begin with a digit")
    kinds = TOGETHER if kind == ALL else (kind,)
    for each in kinds:
        _refuse_taken(each, reward_name(name, kinds) if each == "reward" else name)
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
    typer.echo(
        f"{file} and {test}. Next:\n"
        f"  python -m pytest {test}  # pytest is not part of groundeval: pip install pytest\n"
        f"  groundeval run --model MODEL --include-path {file} {flags_for(name, kinds)}"
    )


def _refuse_taken(kind: str, name: str) -> None:
    """Refuse a name that is taken, which would be an error when the plugin is loaded."""
    from groundeval.generation.interface import GENERATORS
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
        "generator": GENERATORS.names,
    }
    if name in names[kind]():
        raise UsageError(f'the name "{name}" is taken by a {kind}; choose another')
