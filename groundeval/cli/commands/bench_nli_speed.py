"""`groundeval bench nli-speed`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from groundeval.bench.nli_device import DeviceSpeed
    from groundeval.bench.nli_speed import NLISpeed


def speed_of_nli(
    predictions: Annotated[
        list[str] | None,
        typer.Argument(help="TASK=FILE of outputs; repeatable. None: pairs of fixed lengths."),
    ] = None,
    shape: Annotated[
        str | None, typer.Option(help="Random weights: t5-tiny, t5-small (default), t5-base, t5-large, t5-xxl.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="A seq2seq model's folder, instead of random weights.")] = None,
    profile: Annotated[str, typer.Option(help="Scoring profiles.")] = "alce,trust",
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:N. Default: the first GPU, or cpu.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads, for both ways. Default: all cores.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Number of rounds; the median of each way counts.")] = 1,
    clients: Annotated[
        int, typer.Option(min=0, help="With TASK=FILE: clients of a server that judges the same pairs; 0: no server.")
    ] = 8,
    servers: Annotated[
        int,
        typer.Option(
            min=1, help="With TASK=FILE: so many servers as one, beside one of the same size; 1: not measured."
        ),
    ] = 1,
    folder: Annotated[
        Path | None, typer.Option(help="Folder for random weights (t5-xxl: 23 GB). Default: a temporary folder.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """The NLI service against the sequential way of the original evaluators, in one run on this machine.

    With files of outputs: their whole scoring, one pair at a time in float32 as published, in batches, and from the
    cache on disk; then the same pairs in process and through a server with several clients. Without: pairs with
    premises of 350, 500 and 1000 tokens, beside the rate of a matrix product.

    Examples:

      groundeval bench nli-speed asqa=asqa.json eli5=eli5.json --shape t5-small

      groundeval bench nli-speed --shape t5-xxl --device cuda
    """
    from contextlib import nullcontext
    from dataclasses import asdict

    from groundeval.bench import nli_device, nli_speed
    from groundeval.bench.random_t5 import SHAPES, write_random_t5
    from groundeval.cli.arguments import listed
    from groundeval.cli.tables import print_json
    from groundeval.console.progress import say
    from groundeval.console.terminal import Terminal
    from groundeval.errors import UsageError, unknown
    from groundeval.extras import require
    from groundeval.models.device import devices, import_torch
    from groundeval.nli import NLIOptions
    from groundeval.nli.weights import dtype_name
    from groundeval.scratch import temporary_folder

    require("hf", "Measuring an NLI model")
    if predictions and (clients or servers > 1):
        require("server", "Measuring a server (--clients 0 leaves it out)")
    if model is not None and (shape is not None or not predictions):
        raise UsageError("--model needs TASK=FILE and excludes --shape, which is for random weights")
    chosen = shape or "t5-small"
    if chosen not in SHAPES:
        raise unknown("shape", chosen, SHAPES)
    place = temporary_folder("bench") if folder is None else nullcontext(folder)
    found: NLISpeed | DeviceSpeed
    outputs, profiles = nli_speed.outputs_from(predictions or ()), listed(profile, "--profile")
    say("measuring: this takes minutes, without output, which would disturb the measurement")
    with place as path, temporary_folder("cache") as cache:
        options = NLIOptions(device=device)
        where, own = devices(options.device)[0], dtype_name(options)
        if threads is not None:
            import_torch().set_num_threads(threads)
        if not predictions:
            found = nli_device.measure(chosen, SHAPES[chosen], path, device=where, dtype=own)
        else:
            judge = model
            if judge is None:
                judge = write_random_t5(SHAPES[chosen], nli_speed.pairs_of(outputs, profiles), path)
            found = nli_speed.measure(
                str(judge),
                outputs,
                cache / "verdicts.sqlite",
                profiles=profiles,
                dtypes=tuple(dict.fromkeys(("float32", own))),
                repeats=repeats,
                options={"device": where},
                clients=clients,
                servers=servers,
                name=None if model else f"{chosen}, random weights",
            )
    if json:
        print_json(asdict(found))
    else:
        _print(found, Terminal())


def _print(found: NLISpeed | DeviceSpeed, console: Any) -> None:
    from rich.table import Table

    from groundeval.bench.nli_device import DeviceSpeed

    if isinstance(found, DeviceSpeed):
        title = f"{found.shape}, random weights, {found.dtype}, on {found.device}"
        table = Table("premise tokens", title=f"{title}: a matrix product runs at {found.matmul_tflops:,.2f} TFLOP/s")
        for column in ("pairs/s", "one by one", "ratio", "TFLOP/s", "of the product", "peak GiB"):
            table.add_column(column, justify="right")
        for row in found.lengths:
            table.add_row(
                str(row.premise_tokens),
                f"{row.pairs_per_second:,.1f}",
                f"{row.sequential_pairs_per_second:,.1f}",
                f"{row.speedup:.1f}",
                f"{row.tflops:,.2f}",
                f"{row.share_of_matmul:.0f}%",
                "-" if row.peak_gib is None else f"{row.peak_gib:.1f}",
            )
        console.print(table)
        return
    files = ", ".join(found.files)
    table = Table("way", "dtype", title=f"{found.model}: {files}; {found.threads} threads, load {found.load:.1f}")
    for column in ("seconds", "CPU s", "load s", "pairs", "computed", "rechecked", "pairs/s"):
        table.add_column(column, justify="right")
    for each in found.timings:
        counts = (str(each.unique), str(each.computed), str(each.rechecked))
        times = (f"{each.seconds:.2f}", f"{each.cpu_seconds:.2f}", f"{each.load_seconds:.1f}")
        table.add_row(each.way, each.dtype, *times, *counts, f"{each.pairs_per_second:,.1f}")
    console.print(table)
    for name, ratio in found.ratios.items():
        cpu = found.cpu_ratios[name]
        text = "not measured" if ratio is None else f"{ratio:.2f} times as fast ({cpu:.2f} by CPU seconds)"
        console.print(f"{name}: {text}")
    for each_agreement in found.agreements:
        console.print(
            f"same verdicts, {each_agreement.of} and {each_agreement.against}: {each_agreement.percent:.2f}% "
            f"of {each_agreement.pairs} pairs",
            highlight=False,
        )
    if (served := found.served) is not None:
        console.print(
            f"served to {served.clients} clients: {served.ratio:.2f} of the rate in process "
            f"({served.served_pairs_per_second:,.1f} and {served.in_process_pairs_per_second:,.1f} pairs/s); "
            f"{served.asked} questions, {served.pairs} different pairs, {served.computed} computed, "
            f"{served.same_verdicts:.2f}% the same verdict",
            highlight=False,
        )
    if (several := found.several) is not None:
        console.print(
            f"{several.servers} servers of {several.threads} threads: {several.ratio:.2f} of the rate of one "
            f"({several.several_pairs_per_second:,.1f} and {several.one_pairs_per_second:,.1f} pairs/s); "
            f"{several.pairs} pairs, {several.computed} computed, {several.same_verdicts:.2f}% the same verdict",
            highlight=False,
        )
    console.print(f"rechecked: {found.rechecked_percent:.2f}% of the pairs computed in batches")
    for note in found.notes:
        console.print(f"note: {note}", style="dim")
