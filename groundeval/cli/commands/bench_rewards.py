"""`groundeval bench rewards`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from groundeval.errors import EXIT_FAILED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.table import Table

    from groundeval.rewards.benchmark.human import Agreement
    from groundeval.rewards.benchmark.run import Outcome


def rewards(
    rewards: Annotated[
        str | None,
        typer.Option(
            help="Rewards, or parts of them (trust.citation), comma-separated. Exit code 1 unless they pass. "
            "Default: all, for comparison."
        ),
    ] = None,
    tasks: Annotated[
        str | None, typer.Option(help="Tasks: names or YAML files. Default: the four trust tasks, embedded data.")
    ] = None,
    data: Annotated[
        list[str] | None, typer.Option(help="TASK=FILE, or `embedded`. Repeatable. A TASK need not be in --tasks too.")
    ] = None,
    nli: Annotated[
        str,
        typer.Option(
            help="`by-construction` (right about every pair of the benchmark), `suggestible` (the same, but it does as "
            "text in a hypothesis tells it), or a verifier as elsewhere."
        ),
    ] = "by-construction",
    nli_args: Annotated[str | None, typer.Option(help="Options of the verifier: NAME=VALUE,...")] = None,
    families: Annotated[
        str | None, typer.Option(help="Keys of families of attacks, comma-separated. Default: all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of attacks, groups, intervals and edits.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Largest number of examples of each task.")] = None,
    edits: Annotated[int, typer.Option(min=0, help="Number of random edits that climb each reward.")] = 0,
    cases: Annotated[
        Path | None,
        typer.Option(
            help="Your own pairs of texts, one per line, beside their questions.json, in place of the benchmark's; "
            "needs --nli (docs/reward_benchmark.md)."
        ),
    ] = None,
    human: Annotated[
        Path | None, typer.Option(help="ALCE's human evaluation of utility: rank correlation with metrics.")
    ] = None,
    human_gold: Annotated[
        Path | None, typer.Option(help="ASQA records with qa_pairs for --human, to compute its string metrics again.")
    ] = None,
    output_path: Annotated[
        Path | None,
        typer.Option(help="A folder for reward_benchmark.json, reward_benchmark.md and reward_benchmark.png."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Robustness of rewards: honest responses against attacked ones, by family of attacks, worst first.

    Examples:

      groundeval bench rewards --rewards trust,strict_grounded

      groundeval bench rewards --tasks my_task.yaml --edits 10000 --output-path bench/
    """
    from json import dumps

    from groundeval.cli.arguments import listed as split
    from groundeval.cli.arguments import nli_options
    from groundeval.cli.tables import print_json
    from groundeval.console.progress import doing
    from groundeval.errors import UsageError
    from groundeval.rewards.benchmark.human import agreement
    from groundeval.rewards.benchmark.plot import check_plotting, plot
    from groundeval.rewards.benchmark.report import PICTURE, as_json, page
    from groundeval.rewards.benchmark.run import BenchmarkOptions, run_benchmark
    from groundeval.storage.folder import check_writable, write_whole

    if human_gold is not None and human is None:
        raise UsageError("--human-gold goes with --human: it holds the gold answers of the questions in that file")
    if output_path is not None:
        check_plotting()
        check_writable(output_path)
    agreements = [] if human is None else agreement(human, human_gold, seed=seed)
    options = BenchmarkOptions(
        rewards=split(rewards, "--rewards"),
        data=_data(split(tasks, "--tasks"), data or ()),
        nli=nli,
        nli_options=nli_options(nli_args),
        families=split(families, "--families"),
        seed=seed,
        limit=limit,
        edits=edits,
        given=None if cases is None else str(cases),
    )
    with doing("scoring honest and attacked responses"):
        outcome = run_benchmark(options)
    machine = as_json(outcome, agreements)
    if output_path is not None:
        write_whole(output_path / "reward_benchmark.json", (dumps(machine, indent=1) + "\n").encode())
        write_whole(output_path / "reward_benchmark.md", page(outcome, agreements).encode())
        title = f"How often the honest response wins, verifier {outcome.nli}, {outcome.trials:,} trials"
        plot(outcome.rows, outcome.families, title, output_path / PICTURE)
    if json:
        print_json(machine)
    else:
        _print(outcome, agreements)
    if options.rewards and not all(row.passes for row in outcome.rows):
        raise typer.Exit(EXIT_FAILED)


def _data(tasks: Sequence[str], data: Sequence[str]) -> dict[str, str | None]:
    """Each task with its source: what `--data` says of it, or of all tasks."""
    from groundeval.cli.arguments import data_from
    from groundeval.rewards.benchmark.run import TASKS
    from groundeval.tasks.formats.sources import EMBEDDED
    from groundeval.tasks.loading import EVERY_TASK

    given = data_from(data)
    default = given.pop(EVERY_TASK, None)
    if not tasks and not given:
        return dict.fromkeys(TASKS, default or EMBEDDED)
    return {name: given.get(name, default) for name in dict.fromkeys((*tasks, *given))}


def _print(outcome: Outcome, agreements: Sequence[Agreement]) -> None:
    from groundeval.console.terminal import Terminal

    console = Terminal()
    for table in _tables(outcome, agreements):
        console.print(table)
    for note in outcome.notes:
        console.print(f"note: {note}", style="dim")


def _tables(outcome: Outcome, agreements: Sequence[Agreement]) -> Iterator[Table]:
    from rich.table import Table

    title = f"{sum(outcome.data.values())} examples, {outcome.trials:,} trials, NLI {outcome.nli}"
    if len(outcome.rows) == 1:
        yield _families(outcome, title)
    else:
        yield _rewards(outcome, title)
    table = Table()
    table.add_column("reward", no_wrap=True)
    table.add_column("passes")
    for column in ("kept", "ties broken", "groups vary", "rewards/s", "pairs each", "repeated"):
        table.add_column(column, justify="right")
    for row in outcome.rows:
        varied = "n/a" if row.group_variance is None else f"{row.group_variance:.0f}%"
        violations = f"{row.invariance_violations} of {row.invariance_trials}"
        cost = (f"{row.cost.per_second:,.0f}", f"{row.cost.pairs_per_response:.1f}", f"{100 * row.cost.repeated:.0f}%")
        kept = "n/a" if row.kept is None else f"{row.kept:.1f}"
        table.add_row(row.name, "yes" if row.passes else "no", kept, violations, varied, *cost)
    yield table
    if outcome.climbs:
        table = Table("reward", title=f"{outcome.climbs[0].edits:,} random edits that climb each reward")
        for column in ("examples above honest", "mean gain", "most", "length"):
            table.add_column(column, justify="right")
        for climb in outcome.climbs:
            gains = (f"{climb.mean_gain:.2f}", f"{climb.most_gain:.2f}", f"{climb.growth:.1f}")
            table.add_row(climb.name, f"{climb.driven} of {climb.examples}", *gains)
        yield table
    if agreements:
        table = Table("data", "metric", title="rank correlation with human utility")
        for column in ("rho", "95% interval", "tau-b", "outputs"):
            table.add_column(column, justify="right")
        for each in agreements:
            bounds = f"{each.rho_ci95[0]:.3f} to {each.rho_ci95[1]:.3f}"
            table.add_row(each.data, each.metric, f"{each.rho:.3f}", bounds, f"{each.tau:.3f}", str(each.outputs))
        yield table


CAPTION = (
    "accuracy in percent, worst family first; a tie counts half, or as right in families with =; of styles: reward kept"
)


def _rewards(outcome: Outcome, title: str) -> Table:
    """A line for each of several rewards."""
    from rich.table import Table

    table = Table("reward", title=title, caption=CAPTION, show_lines=True)
    table.add_column("mean", justify="right")
    table.add_column("families")
    for row in outcome.rows:
        missing = [f"{key} n/a" for key, cell in row.cells.items() if cell is None]
        cells = [f"{key} {cell.accuracy.value:.1f}" for key, cell in row.worst_first]
        table.add_row(row.name, "n/a" if row.mean is None else f"{row.mean:.1f}", ", ".join((*cells, *missing)))
    return table


def _families(outcome: Outcome, title: str) -> Table:
    """A line for each family, of a single reward."""
    from rich.table import Table

    from groundeval.rewards.benchmark.report import interval, percent, worst_first

    [row] = outcome.rows
    table = Table("family", title=f"{row.name}: {title}", caption=CAPTION)
    for column in ("accuracy", "95% interval", "ties", "margin", "trials"):
        table.add_column(column, justify="right", no_wrap=True)
    for family in worst_first(outcome):
        cell = row.cells[family.key]
        figures = []
        if cell is not None:
            figures = [interval(cell.accuracy), f"{cell.ties:.1f}", f"{cell.margin:.3f}", str(cell.accuracy.n)]
        table.add_row(f"{family.key} {family.title}", percent(cell), *figures)
    return table
