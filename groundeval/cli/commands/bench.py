"""`groundeval bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from groundeval.cli.commands.bench_generation import generation
from groundeval.cli.commands.bench_nli import nli
from groundeval.cli.commands.bench_nli_speed import speed_of_nli
from groundeval.cli.commands.bench_rewards import rewards

bench = typer.Typer(no_args_is_help=True, help="Measure on this machine: speed, backends, verifiers, rewards.")


@bench.command("speed")
def speed(
    predictions: Annotated[
        list[str] | None,
        typer.Argument(
            help="TASK=FILE of outputs; repeatable. Default: reference responses to embedded data, plain and damaged."
        ),
    ] = None,
    repeats: Annotated[
        int, typer.Option(min=1, help="Number of passes: the median counts; the minimum for whole processes.")
    ] = 7,
    processes: Annotated[
        bool, typer.Option("--processes/--no-processes", help="Whole processes too: start, help, scoring.")
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="As JSON on stdout.")] = False,
) -> None:
    """Responses per second that the text metrics score on one core: all but NLI and ROUGE, under every profile; how
    many rewards a second, of one that uses no verifier; and what ROUGE and whole processes cost, as ratios.

    Example: groundeval bench speed asqa=predictions.json
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from groundeval.bench.process_speed import measure_processes, measure_rouge, measure_start
    from groundeval.bench.reward_speed import measure_reward
    from groundeval.bench.text_speed import Outputs, embedded_outputs, measure, overall
    from groundeval.cli.tables import print_json
    from groundeval.console.progress import say
    from groundeval.errors import UsageError
    from groundeval.tasks import load_task
    from groundeval.tasks.formats.predictions import read_predictions

    measured = []
    for given in predictions or ():
        task, equals, file = given.partition("=")
        if not equals:
            raise UsageError(f"{given}: must be TASK=FILE, for instance asqa={given}")
        measured.append(Outputs(task, Path(file).stem, load_task(task).kind, list(read_predictions(file))))
    measured = measured or embedded_outputs()
    say("measuring: this takes minutes, without output, which would disturb the measurement")
    speeds = [speed for each in measured for speed in measure(each.name, each.kind, each.answered, repeats)]
    rewards = [speed for each in measured if (speed := measure_reward(each.name, each.kind, each.answered, repeats))]
    costs = [cost for each in measured if (cost := measure_rouge(each.name, each.kind, each.answered, repeats))]
    if processes:
        costs += measure_start(min(repeats, 3))
        for each in measured:
            profiles = [one.profile for one in speeds if one.name == each.name]
            costs += measure_processes(each.task, each.name, each.answered, profiles, min(repeats, 3))
    if json:
        machine = {
            "speeds": [asdict(s) for s in speeds],
            "rewards": [asdict(s) for s in rewards],
            "responses_per_second": overall(speeds),
            "costs": [{**asdict(c), "ratio": c.ratio} for c in costs],
        }
        print_json(machine)
        return
    table = Table("outputs", "profile", "metrics", "n", "responses/s")
    for one in speeds:
        rate = f"{one.responses_per_second:,.0f}"
        table.add_row(one.name, one.profile, ", ".join(one.metrics), str(one.responses), rate)
    console = Console()
    console.print(table)
    console.print(f"Every response under all profiles: {overall(speeds):,.0f} responses/s", highlight=False)
    for measured_reward in rewards:
        rate = f"{measured_reward.rewards_per_second:,.0f} rewards/s"
        console.print(f"{measured_reward.name}: {rate} ({measured_reward.reward})", highlight=False)
    beside = Table("CPU seconds of", "s", "beside", "s", "ratio")
    for cost in costs:
        beside.add_row(
            cost.what, f"{cost.seconds:.3f}", cost.reference, f"{cost.reference_seconds:.3f}", f"{cost.ratio:.3g}"
        )
    console.print(beside)


bench.command("generation")(generation)
bench.command("nli")(nli)
bench.command("nli-speed")(speed_of_nli)
bench.command("rewards")(rewards)
