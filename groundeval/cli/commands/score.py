"""`groundeval score`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from groundeval.cli.config import Config
from groundeval.cli.options import All, AsJson, IncludePath, check_there, flags_of
from groundeval.console.flags import WHAT
from groundeval.run.options import ScoreOptions


@flags_of(ScoreOptions)
def score(
    options: Callable[..., ScoreOptions],
    predictions: Annotated[
        Path, typer.Argument(help="A file of outputs, of groundeval or another tool, or a run folder.")
    ],
    task: Annotated[
        str | None,
        typer.Option(help="How outputs are judged. Default: as your own; a run folder knows it.", rich_help_panel=WHAT),
    ] = None,
    include_path: IncludePath = None,
    config: Config = None,
    all: All = False,
    json: AsJson = False,
) -> None:
    """Score outputs that you already have, or a run folder again. Nothing is generated.

    The file is JSON, JSON lines, CSV, TSV (also compressed), Parquet or Arrow, of your own or of another tool (ragas,
    LangChain, OpenAI, Anthropic, ...; docs/own_outputs.md). A record has `question`, `output`, `docs` (a list of title
    and text) and optionally gold data: `qa_pairs`, `answers` or `claims`. --map names fields that have other names;
    `groundeval inspect` shows what would be read. A metric whose fields the file lacks is left out with a note.

    Examples:

      groundeval score log.jsonl --nli lexical

      groundeval score log.csv --nli lexical --map question=query docs=contexts output=response answers=ground_truth

      groundeval score predictions.json --task asqa --profile alce,trust --nli lexical

      groundeval score predictions.json --task trust_asqa --reward ground_grpo_stage2 --output-path scored/

      groundeval score runs/my-model/asqa/0123456789ab --profile trust --nli true

    A run folder is read as data: a task or data file that its manifest names is used only if you name it, too (--task,
    --include-path, --data).
    """
    check_there(predictions)
    from groundeval.registry import load_plugins

    load_plugins(include_path)
    from groundeval.cli.next_steps import say_next, say_notes
    from groundeval.cli.tables import print_json, print_results
    from groundeval.run.api import score_with

    made = options(predictions=predictions, task=task, **({"quiet": True} if json else {}))
    results = score_with(made)
    if json:
        machine = [each.results.for_machines(each.nli_pairs) for each in results]
        print_json(machine[0] if len(machine) == 1 else machine)
    else:
        print_results([each.results for each in results], whole=all, notes=made.quiet)
        if not made.quiet:
            say_notes(results)
            say_next(results, include_path or (), predictions)
