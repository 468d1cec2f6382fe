"""`groundeval bench speed`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from groundeval.bench.speed import Change, Speed
    from groundeval.bench.text_speed import Outputs


def speed(
    predictions: Annotated[
        list[str] | None,
        typer.Argument(
            help="TASK=FILE of outputs for text metrics, ROUGE and rewards; repeatable. Default: reference responses "
            "to embedded data, plain and damaged."
        ),
    ] = None,
    parts: Annotated[
        str | None,
        typer.Option(
            help="text, rouge, rewards, start, runs, nli, limits, originals, generation, gpu; comma-separated. "
            "Default: all but originals and generation, unless --originals is given; gpu where there is one."
        ),
    ] = None,
    sizes: Annotated[str, typer.Option(help="Samples of whole runs, comma-separated.")] = "250,1000",
    repeats: Annotated[
        int, typer.Option(min=1, help="Number of passes: the median counts; the minimum for whole processes.")
    ] = 3,
    shape: Annotated[
        str | None, typer.Option(help="Random weights of the part nli: t5-tiny (default), t5-small, ...")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model of the part generation.")] = None,
    backends: Annotated[str, typer.Option(help="Backends of the part generation; the first is the reference.")] = "hf",
    originals: Annotated[
        Path | None,
        typer.Option(help="A clone of ALCE: its eval.py is run, for the time it takes for text metrics of one file."),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="bench_speed.json of an earlier run on this machine, to compare with.")
    ] = None,
    any_machine: Annotated[bool, typer.Option("--any-machine", help="Compare with another machine's, too.")] = False,
    output_path: Annotated[Path | None, typer.Option(help="A folder for bench_speed.json and bench_speed.png.")] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Where the time goes on this machine, in one run: text metrics by profile, ROUGE beside the original's package,
    rewards, imports, whole runs by phase, a verifier one pair at a time, in batches, from the cache and served; and the
    limit of each figure. CPU seconds, so that other load does not show, where a figure does not say otherwise.

    Examples:

      groundeval bench speed

      groundeval bench speed --parts runs --sizes 1000,10000,100000 --output-path bench/

      groundeval bench speed --output-path after/ --against before/bench_speed.json
    """
    from dataclasses import asdict
    from json import dumps

    from groundeval.bench import speed as measuring
    from groundeval.bench.originals import check_originals
    from groundeval.bench.random_t5 import SHAPES
    from groundeval.bench.speed_plot import PICTURE, check_plotting, plot
    from groundeval.cli.arguments import listed
    from groundeval.cli.tables import print_json
    from groundeval.errors import UsageError, unknown
    from groundeval.storage.folder import check_writable, write_whole

    if originals is not None:
        check_originals(originals)
    also = [*(["originals"] if originals else []), *(["gpu"] if parts is None and measuring.has_gpu() else [])]
    chosen = listed(parts, "--parts") or [*measuring.DEFAULT_PARTS, *also]
    for part in chosen:
        if part not in measuring.PARTS:
            raise unknown("part", part, measuring.PARTS)
    if shape is not None and shape not in SHAPES:
        raise unknown("shape", shape, SHAPES)
    if "generation" in chosen and model is None:
        raise UsageError("--parts generation needs a model: --model NAME")
    if "originals" in chosen and originals is None:
        raise UsageError("--parts originals needs a clone of ALCE: --originals FOLDER")
    if "gpu" in chosen and not measuring.has_gpu():
        raise UsageError("--parts gpu: torch sees no GPU here")
    counts = [int(each) if each.isdecimal() else 0 for each in listed(sizes, "--sizes")]
    if not all(counts):
        raise UsageError(f"--sizes {sizes}: must be numbers of samples, for instance 1000,10000")
    earlier = None if against is None else measuring.read_earlier(against, any_machine=any_machine)
    if output_path is not None:
        check_plotting()
        check_writable(output_path)
    settings = measuring.Settings(
        _outputs(predictions or ()),
        chosen,
        repeats,
        counts,
        shape or measuring.SHAPE,
        model,
        listed(backends, "--backends"),
        originals,
    )
    found = measuring.measure(settings)
    changed = [] if earlier is None else measuring.changes(found, earlier)
    machine = {**found.as_json(), **({} if earlier is None else {"against": [asdict(each) for each in changed]})}
    if output_path is not None:
        write_whole(output_path / "bench_speed.json", (dumps(machine, indent=1) + "\n").encode())
        plot(found, output_path / PICTURE)
    if json:
        print_json(machine)
    else:
        _print(found, changed)


def _outputs(predictions: Sequence[str]) -> list[Outputs]:
    from groundeval.bench.text_speed import Outputs, embedded_outputs
    from groundeval.errors import UsageError
    from groundeval.tasks import load_task
    from groundeval.tasks.formats.predictions import read_predictions

    measured = []
    for given in predictions:
        task, equals, file = given.partition("=")
        if not equals:
            raise UsageError(f"{given}: must be TASK=FILE, for instance asqa={given}")
        measured.append(Outputs(task, Path(file).stem, load_task(task).kind, list(read_predictions(file))))
    return measured or embedded_outputs()


def _print(found: Speed, changed: Sequence[Change]) -> None:
    from rich.table import Table

    from groundeval.bench.speed import tables
    from groundeval.console.terminal import Terminal

    console = Terminal()
    for title, columns, rows in tables(found):
        table: Any = Table(title=title)
        for index, column in enumerate(columns):
            table.add_column(column, justify="left" if index == 0 or column in ("unit", "its limit") else "right")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    if changed:
        table = Table("figure", "before", "now", "unit", "times as good", title="against the earlier run")
        for each in changed:
            table.add_row(each.name, f"{each.before:,.4g}", f"{each.now:,.4g}", each.unit, f"{each.times:.2f}")
        console.print(table)
    for part, why in found.skipped.items():
        console.print(f"note: {part} was not measured: {why}", style="dim")
