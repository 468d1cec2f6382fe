"""`groundeval bench generation`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from groundeval.bench.generation import Comparison
    from groundeval.console.terminal import Terminal


def generation(
    task: Annotated[str, typer.Option(help="The task of the prompts: a name, or task.yaml.")],
    model: Annotated[str, typer.Option(help="Hub name, folder, .gguf file, or smollm2.")] = "smollm2",
    backends: Annotated[str, typer.Option(help="The first is the reference.")] = "hf,vllm,openai",
    data: Annotated[str | None, typer.Option(help="FILE or embedded. Default: the task's own data.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Number of samples, from the first.")] = 40,
    num_docs: Annotated[int, typer.Option(min=0, help="Documents shown.")] = 5,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer, in tokens.")] = 64,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Prompts per batch of transformers; engines batch by themselves.")
    ] = 16,
    dtype: Annotated[str, typer.Option(help="float32, bfloat16, ...")] = "float32",
    max_model_len: Annotated[int | None, typer.Option(help="Longest prompt and answer together, in tokens.")] = None,
    base_url: Annotated[
        str | None, typer.Option(help="The server behind openai. Default: vLLM's own is started on this machine.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """The same prompts, greedily decoded by several backends: equal texts, first differences, tokens per second.

    Example: groundeval bench generation --task trust_asqa --data embedded --limit 20 --backends hf,vllm
    """
    from dataclasses import asdict

    from groundeval.bench.generation import Setup, compare, prompts_of
    from groundeval.cli.arguments import listed
    from groundeval.cli.tables import print_json
    from groundeval.console.terminal import Terminal
    from groundeval.extras import require

    require("hf", "Comparing backends")
    setup = Setup(model, dtype, batch_size, max_new_tokens, max_model_len, base_url)
    prompts = prompts_of(task, data, limit=limit, num_docs=num_docs)
    found = compare(listed(backends, "--backends"), prompts, setup)
    if json:
        print_json({**asdict(found), "ratios": found.ratios()})
    else:
        _print(found, Terminal())


def _print(found: Comparison, console: Terminal) -> None:
    from rich.table import Table

    title = f"{found.model}, {found.dtype}, up to {found.max_new_tokens} tokens, {found.threads} threads"
    table = Table("backend", title=title)
    for column in ("load s", "seconds", "prompt tokens", "new tokens", "new tokens/s", "ratio", "failed"):
        table.add_column(column, justify="right")
    ratios = found.ratios()
    for each in found.speeds:
        ratio = f"{ratios[each.backend]:.2f}" if each.backend in ratios else "1"
        counts = (f"{each.prompt_tokens:,}", f"{each.new_tokens:,}", f"{each.new_tokens_per_second:,.1f}")
        table.add_row(each.backend, f"{each.load_seconds:.1f}", f"{each.seconds:.1f}", *counts, ratio, str(each.failed))
    console.print(table)
    for one in found.agreements:
        console.print(
            f"{one.backend}: {one.identical} of {one.samples} texts equal those of {one.against} ({one.percent:.1f}%)",
            highlight=False,
        )
        for parting in one.partings:
            where = "" if parting.token is None else f", token {parting.token}"
            why = "" if parting.margin is None else f"; the two likeliest tokens differ by {parting.margin:.2g} nats"
            words = f"{parting.written[0]!r} or {parting.written[1]!r}"
            console.print(f"  {parting.id}{where}: {words}{why}")
