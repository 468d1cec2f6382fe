"""`groundeval run`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from groundeval.cli.config import Config
from groundeval.cli.options import All, AsJson, IncludePath, flags_of, option_of
from groundeval.errors import EXIT_FAILED
from groundeval.run.options import RunOptions

if TYPE_CHECKING:
    from groundeval.run.outcome import TaskRun


@flags_of(RunOptions)
def run(
    options: Callable[..., RunOptions],
    model: Annotated[list[str], option_of(RunOptions, "model")],
    include_path: IncludePath = None,
    config: Config = None,
    all: All = False,
    json: AsJson = False,
) -> None:
    """Generate answers with a model and score them.

    Repeating the command resumes it: nothing generated or scored is computed twice. With another --profile or
    --nli it scores the stored answers again and generates nothing.

    Examples:

      groundeval run --model smollm2 --tasks trust_asqa --data embedded --nli lexical

      groundeval run --model Qwen/Qwen3-4B --tasks asqa,trust_eli5 --nli true --num-fewshot 2

      groundeval run --model Qwen/Qwen3-4B --backend vllm --tasks asqa --gen-kwargs temperature=0.7 --num-samples 4

      groundeval run --config run.yaml --limit 20
    """
    from groundeval.registry import load_plugins

    load_plugins(include_path)
    each_model = [options(model=name) for name in dict.fromkeys(model)]
    from groundeval.run.runner import run as run_tasks

    report(run_tasks(*each_model), as_json=json, whole=all, quiet=each_model[0].quiet, plugins=include_path or ())


def report(runs: Sequence[TaskRun], *, as_json: bool, whole: bool, quiet: bool, plugins: Sequence[Path] = ()) -> None:
    """Results on stdout; run folders and errors on stderr. Exits with the error's code if the only run failed (3: it
    can be resumed), 1 if one of several did."""
    from groundeval.cli.next_steps import say_next, say_notes
    from groundeval.cli.tables import print_json, print_results
    from groundeval.console.progress import say

    scores = [score for each in runs for score in each.scores]
    if as_json:
        machine = [
            {**score.results.for_machines(score.nli_pairs), "model": each.model, "run_folder": str(each.folder)}
            for each in runs
            for score in each.scores
        ]
        print_json(machine[0] if len(machine) == 1 else machine)
    else:
        for model in dict.fromkeys(each.model for each in runs):
            found = [score.results for each in runs if each.model == model for score in each.scores]
            if found:
                print_results(found, heading=f"model {model}", whole=whole, notes=quiet)
    if not quiet:
        say_notes([] if as_json else scores)
    for each in runs:
        say(f"{each.model}, {each.task}: run folder {each.folder}")
    failed = [(each.model, each.error) for each in runs if each.error is not None]
    for model, error in failed:
        say(f"error: {model}, {error}")
    if not (quiet or as_json):
        say_next(scores, plugins)
    if failed:
        raise typer.Exit(failed[0][1].exit_code if len(runs) == 1 else EXIT_FAILED)
