"""`groundeval inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groundeval.cli.options import AsJson, IncludePath, check_there, option_of
from groundeval.console.flags import WHAT
from groundeval.errors import EXIT_FAILED
from groundeval.run.options import ScoreOptions

if TYPE_CHECKING:
    from groundeval.console.terminal import Terminal
    from groundeval.run.inspection import Inspection

_SHOWN = 300
"""Most characters of a text that are shown."""


def inspect(
    predictions: Annotated[Path, typer.Argument(help="A file of outputs, or a folder that `datasets` saved.")],
    task: Annotated[
        str | None, typer.Option(help="The task to score them as. Default: outputs of your own.", rich_help_panel=WHAT)
    ] = None,
    map: Annotated[list[str] | None, option_of(ScoreOptions, "map")] = None,
    profile: Annotated[str | None, option_of(ScoreOptions, "profiles")] = None,
    limit: Annotated[int | None, option_of(ScoreOptions, "limit")] = None,
    record: Annotated[
        int | None,
        typer.Option(min=1, help="The record that is shown. Default: the first that has an answer.", metavar="N"),
    ] = None,
    include_path: IncludePath = None,
    json: AsJson = False,
) -> None:
    """Show what `groundeval score` would read in a file, without judging anything.

    Shows the fields, how many records have them and what each is read as; one record with its statements and
    citations; the metrics that can be computed under each profile, and how many outputs cite in a form that it does not
    read. Exit code 1 if the records cannot be scored.

    Examples:

      groundeval inspect examples/outputs/anthropic.jsonl

      groundeval inspect examples/outputs/ragas.json --record 3

      groundeval inspect log.csv.gz --map question=query docs=contexts output=response
    """
    check_there(predictions)
    from dataclasses import asdict

    from groundeval.cli.arguments import listed, paths_from
    from groundeval.cli.tables import print_json
    from groundeval.console.progress import doing
    from groundeval.console.terminal import Terminal
    from groundeval.registry import load_plugins
    from groundeval.run.inspection import inspect_outputs
    from groundeval.tasks import load_task
    from groundeval.tasks.own import OWN

    load_plugins(include_path)
    options = ScoreOptions(
        predictions=predictions,
        task=task or OWN,
        map=paths_from(map or (), "--map"),
        profiles=listed(profile, "--profile"),
        limit=limit,
    )
    with doing(f"reading {predictions}", quiet=json):
        found = inspect_outputs(options, load_task(task or OWN), record)
    if json:
        print_json(asdict(found))
    else:
        _print(found, Terminal())
    if found.problem is not None:
        raise typer.Exit(EXIT_FAILED)


def _print(found: Inspection, console: Terminal) -> None:
    from rich.table import Table

    from groundeval.console.tally import counted

    say = console.print
    say(f"{found.file}: {counted(found.records, 'record')}", style="bold")
    fields = Table("field", "records", "values", "read as")
    for each in found.fields:
        fields.add_row(each.name, f"{each.records}", ", ".join(each.kinds), each.used_for)
    console.print(fields)
    if found.problem is not None:
        if found.read_as:
            say(found.read_as)
        say(f"cannot be scored yet: {found.problem}", style="bold")
        return
    say(found.read_as)
    say("records with: " + ", ".join(f"{what} {count}" for what, count in found.counts.items()))
    say(f"citations and refusals as profile {found.read_by} reads them")
    for note in found.notes:
        say(f"note: {note}")
    for warning in found.warnings:
        say(f"warning: {warning}", style="bold")
    say(f"\nrecord {found.number}", style="bold")
    for line in _lines(found.first):
        say(line)
    for possible in found.possible:
        say(f"\nprofile {possible.profile}", style="bold")
        say(f"metrics: {', '.join(possible.metrics) or 'none'}")
        for note in possible.notes:
            say(f"note: {note}")
        if possible.unread_marks:
            marks = "such as [1, 2], [1-3], 【1】, (1)"
            outputs = counted(possible.unread_marks, "output")
            say(f"note: {outputs} with marks that it does not read, or only in part ({marks})")


def _lines(first: dict[str, Any]) -> list[str]:
    documents = first["documents"]
    said = f"output: {_short(first['output'])}" if first["error"] is None else f"failed: {first['error']}"
    lines = [f"question: {_short(first['question'])}", said]
    if documents is None:
        lines.append("documents: none")
    for number, document in enumerate(documents or (), 1):
        named = ": ".join(filter(None, (document["title"], document["text"])))
        lines.append(f"document [{number}] {_short(named, 120)}")
    for statement in first["statements"]:
        cited = "".join(f"[{number}]" for number in statement["citations"]) or "nothing"
        lines.append(f"statement: {_short(statement['text'], 160)} | cites {cited}")
    if first["error"] is None:
        lines.append(f"decision: {first['decision']}")
    if first["gold answers"] is not None:
        lines.append(f"gold answers: {_short('; '.join(' / '.join(each) for each in first['gold answers']) or 'none')}")
    return lines


def _short(text: str, limit: int = _SHOWN) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
