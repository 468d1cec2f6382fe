"""`groundeval slurm`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from groundeval.cli.config import Config
from groundeval.cli.options import All, AsJson, IncludePath, flags_of, option_of
from groundeval.errors import UsageError
from groundeval.run.options import RunOptions


def slurm(
    run: Annotated[list[str], typer.Argument(help="The flags of `groundeval run`, after --.", metavar="-- RUN_FLAGS")],
    shards: Annotated[int, typer.Option(min=1, help="Parts that generate at the same time.")],
    cluster: Annotated[Path | None, typer.Option(help="A YAML file: partition, time, gpus, container, setup.")] = None,
    folder: Annotated[Path, typer.Option(help="Folder of the scripts and the parts; all nodes must see it.")] = Path(
        "slurm"
    ),
) -> None:
    """Write the scripts that spread a run over a SLURM cluster; submits nothing.

    generate.sbatch is an array job, each for a part of the samples; score.sbatch depends on it, merges the parts and
    scores them; submit.sh submits both. The scripts are plain: read and change them. After a time limit or a failure,
    submit.sh resumes what is incomplete.

    A cluster file, every field optional:

      partition: gpu

      time: "04:00:00"

      gpus: 1

      setup: ["source ~/groundeval/bin/activate"]

      score: {partition: cpu, time: "01:00:00"}

    Examples:

      groundeval slurm --shards 8 --cluster cluster.yaml -- --model Qwen/Qwen3-4B --backend vllm --tasks asqa
    """
    from groundeval.run.slurm import SUBMIT, Cluster, slurm_scripts
    from groundeval.tasks.yaml.file import read_yaml

    settings = Cluster() if cluster is None else read_yaml(cluster, Cluster)
    words, output_path = _checked(run)
    slurm_scripts(words, output_path, settings, shards, folder).write(folder)
    typer.echo(f"{shards} parts, then {output_path}. Read the scripts in {folder}, then:\n  {folder / SUBMIT}")


def _checked(words: Sequence[str]) -> tuple[list[str], Path]:
    """The flags without --output-path, and that path. Raises as `groundeval run` would before it loads a model."""
    from groundeval.registry import load_plugins
    from groundeval.run.runner import check_names, open_generator

    read: list[RunOptions] = []

    @flags_of(RunOptions)
    def run(
        options: Callable[..., RunOptions],
        model: Annotated[list[str], option_of(RunOptions, "model")],
        include_path: IncludePath = None,
        config: Config = None,
        all: All = False,
        json: AsJson = False,
    ) -> None:
        load_plugins(include_path)
        read.extend(options(model=each) for each in model)

    command = typer.Typer(add_completion=False)
    command.command()(run)
    typer.main.get_command(command).main(args=list(words), prog_name="groundeval run", standalone_mode=False)
    for options in read:
        if options.shard is not None or options.phase != "all":
            raise UsageError("--shard and --phase are set by the scripts: leave them out")
        check_names(options)
        open_generator(options)
    return _without_output_path(words), read[0].folder


def _without_output_path(words: Sequence[str]) -> list[str]:
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--output-path":
            next(rest, None)
        elif not word.startswith("--output-path="):
            kept.append(word)
    return kept
