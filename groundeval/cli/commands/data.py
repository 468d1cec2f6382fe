"""`groundeval data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

data = typer.Typer(no_args_is_help=True, help="Data of tasks in the formats of trainers.")


@data.command("export")
def export(
    task: Annotated[str, typer.Option(help="Tasks, comma-separated: names, task.yaml, plugin.py:name.")],
    out: Annotated[Path, typer.Option(help="The file to write: .parquet or .jsonl.")],
    format: Annotated[str, typer.Option(help="trl | verl | openrlhf")] = "trl",
    split: Annotated[str, typer.Option(help="train or test.")] = "train",
    data: Annotated[
        list[str] | None,
        typer.Option(help="TASK=FILE, FILE, or `embedded` for the small embedded data set. Default: the task's."),
    ] = None,
    num_docs: Annotated[int, typer.Option(min=0, help="Documents in a prompt.")] = 5,
    num_fewshot: Annotated[int, typer.Option(min=0, help="Demonstrations in a prompt.")] = 0,
    seed: Annotated[int, typer.Option(help="Seed of the demonstrations.")] = 42,
    system: Annotated[str | None, typer.Option(help="System message, for instance to ask for reasoning tags.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Number of examples of each task.")] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            "--tokenizer",
            "--model",
            help="Folder or hub name of the policy. Where its chat template begins the reasoning (<think>), every row "
            "says so in `prefill`, and the rewards read the completions behind it.",
        ),
    ] = None,
    chat_template_kwargs: Annotated[
        str | None,
        typer.Option(help="Arguments of the chat template, as in training.", metavar="NAME=VALUE,..."),
    ] = None,
    trust_remote_code: Annotated[
        bool, typer.Option("--trust-remote-code", help="Run Python code that comes with the tokenizer.")
    ] = False,
    include_path: Annotated[list[Path] | None, typer.Option(help="A plugin file or folder to load first.")] = None,
) -> None:
    """Write prompts, with the fields that rewards need, in the format of a trainer.

    Example: groundeval data export --format verl --task trust_asqa,trust_eli5 --data embedded --out train.parquet
    """
    from groundeval.cli.arguments import assignments, data_from, listed
    from groundeval.console.progress import say
    from groundeval.console.tally import counted
    from groundeval.registry import load_plugin
    from groundeval.rewards.export import ExportOptions
    from groundeval.rewards.export import export as write

    for path in include_path or ():
        load_plugin(path)
    options = ExportOptions(
        split,
        data_from(data or ()),
        num_docs,
        num_fewshot,
        seed,
        system,
        limit,
        tokenizer,
        assignments(chat_template_kwargs, "--chat-template-kwargs"),
        trust_remote_code,
    )
    count = write(format, listed(task, "--task"), out, options)
    say(f"{counted(count, 'row')} in {out}")


@data.callback()
def group() -> None:
    """Data of tasks in the formats of trainers."""
