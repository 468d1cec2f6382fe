"""`groundeval compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from groundeval.cli.options import All, AsJson, IncludePath, check_there
from groundeval.errors import UsageError


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders or folders of scores; the first is the baseline.")],
    profile: Annotated[str | None, typer.Option(help="Which scoring of a run folder: its profile.")] = None,
    nli: Annotated[str | None, typer.Option(help="Which scoring of a run folder: its NLI model, or none.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write compare.md, compare.json and compare.html into this folder.")
    ] = None,
    form: Annotated[
        Literal["table", "markdown", "json"], typer.Option("--format", help="What is printed on stdout.")
    ] = "table",
    include_path: IncludePath = None,
    all: All = False,
    json: AsJson = False,
) -> None:
    """Compare runs on the same samples: paired differences, what differs in the manifests, samples that changed most.

    Intervals are paired bootstraps; p-values are paired permutation tests, corrected by Holm over all pairs: the
    headline metrics among themselves, the others among themselves. Runs that were judged differently (task, data,
    profile, NLI model) are shown side by side and not ranked.

    Examples:

      groundeval compare runs/a/asqa/0123456789ab runs/b/asqa/ba9876543210

      groundeval compare runs/a/asqa/0123456789ab runs/b/asqa/ba9876543210 --profile alce --out comparison/
    """
    check_there(*runs)
    from groundeval.comparison.api import compare as compare_runs
    from groundeval.console.progress import doing, say
    from groundeval.console.tally import counted
    from groundeval.registry import load_plugins

    if json and form == "markdown":
        raise UsageError("--json and --format markdown: one of them")
    load_plugins(include_path)
    with doing(f"comparing {counted(len(runs), 'run')}", quiet=json or form == "json"):
        result = compare_runs(*runs, profile=profile, nli=nli)
    for reason in result.refusals:
        say(f"not ranked: {reason}")
    for warning in result.warnings:
        say(f"warning: {warning}")
    if out is not None:
        from groundeval.leaderboard.compare_page import write_comparison

        write_comparison(result, out)
    if json or form == "json":
        from groundeval.cli.tables import print_json

        print_json(result.as_json())
    elif form == "markdown":
        from groundeval.comparison.markdown import as_markdown

        print(as_markdown(result), end="")
    else:
        from groundeval.cli.comparison_table import print_comparison
        from groundeval.cli.next_steps import say_next_of_comparison

        print_comparison(result, whole=all)
        say_next_of_comparison(runs, include_path or ())
