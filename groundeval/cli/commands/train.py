"""`groundeval train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PANEL_RECIPE, PANEL_RUN = "What a recipe says otherwise", "Run"


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe: recipe.yaml, or the name of a shipped one.")],
    model: Annotated[
        str | None, typer.Option(help="Another model than the recipe's.", rich_help_panel=PANEL_RECIPE)
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="Train on this task instead of the recipe's: a name, task.yaml, plugin.py:name. Repeatable.",
            rich_help_panel=PANEL_RECIPE,
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Training data: TASK=FILE, FILE or `embedded` for all tasks. Repeatable.",
            rich_help_panel=PANEL_RECIPE,
        ),
    ] = None,
    nli: Annotated[
        str | None,
        typer.Option(
            help="Verifier of the rewards: true, lexical (a proxy), a folder, http://host:port.",
            rich_help_panel=PANEL_RECIPE,
        ),
    ] = None,
    nli_args: Annotated[
        str | None, typer.Option(help="Options of the verifier: NAME=VALUE,...", rich_help_panel=PANEL_RECIPE)
    ] = None,
    overlap: Annotated[
        str | None,
        typer.Option(
            help="Training data that overlaps with evaluation data: refuse, drop, report.",
            rich_help_panel=PANEL_RECIPE,
        ),
    ] = None,
    output_path: Annotated[
        Path, typer.Option(help="Parent of run folders: OUTPUT_PATH/training/RECIPE/ID.", rich_help_panel=PANEL_RUN)
    ] = Path("runs"),
    resume: Annotated[Path | None, typer.Option(help="Resume in this run folder.", rich_help_panel=PANEL_RUN)] = None,
    include_path: Annotated[
        list[Path] | None, typer.Option(help="A plugin file or folder to load first.", rich_help_panel=PANEL_RUN)
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Check everything, show the plan, train nothing.", rich_help_panel=PANEL_RUN)
    ] = False,
    print_config: Annotated[
        bool,
        typer.Option(
            "--print-config", help="The whole recipe with every field and its meaning.", rich_help_panel=PANEL_RUN
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option(help="No progress on stderr.", rich_help_panel=PANEL_RUN)] = False,
) -> None:
    """Train a model for grounded answers by a recipe: SFT, DPO and GRPO stages on the metrics that evaluate it.

    Everything is checked before the model is loaded. After a stop, the same command resumes from the last checkpoint.
    On several devices: accelerate launch -m groundeval.trainers RECIPE, with the same flags.

    Examples:

      groundeval train smoke

      groundeval train ground_grpo --data trust_asqa=train_asqa.json --nli http://localhost:8765 --model Qwen/Qwen3-4B

      groundeval train my_recipe.yaml --print-config
    """
    from groundeval.cli.arguments import data_from, nli_options
    from groundeval.console.progress import doing, say
    from groundeval.extras import require
    from groundeval.registry import load_plugin
    from groundeval.trainers.recipe_file import read_recipe
    from groundeval.trainers.recipe_text import as_yaml
    from groundeval.trainers.variants import with_flags

    for path in include_path or ():
        load_plugin(path)
    options = nli_options(nli_args)
    wanted = with_flags(
        read_recipe(recipe), model=model, tasks=task or (), data=data_from(data or ()), nli=nli, nli_options=options,
        overlap=overlap,
    )  # fmt: skip
    if print_config:
        typer.echo(as_yaml(wanted), nl=False)
        return
    require("train", "training")
    from groundeval.trainers.plan_text import described
    from groundeval.trainers.training import plan_training, train

    with doing(f"{wanted.name}: checking recipe, data and model", quiet=quiet):
        plan = plan_training(wanted, output_path, folder=resume)
    for warning in plan.warnings:
        say(f"warning: {warning}")
    if check:
        typer.echo(described(plan), nl=False)
        return
    run = train(plan, quiet=quiet)
    if not quiet:
        from groundeval.cli.next_steps import say_next_of_training

        say_next_of_training(run, plan.run.model_of(wanted, wanted.stages[-1]), include_path or ())
    typer.echo(str(run))
