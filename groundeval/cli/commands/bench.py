"""`groundeval bench`."""

from __future__ import annotations

import typer

from groundeval.cli.commands.bench_generation import generation
from groundeval.cli.commands.bench_nli import nli
from groundeval.cli.commands.bench_nli_speed import speed_of_nli
from groundeval.cli.commands.bench_rewards import rewards
from groundeval.cli.commands.bench_speed import speed

bench = typer.Typer(no_args_is_help=True, help="Measure on this machine: speed, backends, verifiers, rewards.")


bench.command("speed")(speed)
bench.command("generation")(generation)
bench.command("nli")(nli)
bench.command("nli-speed")(speed_of_nli)
bench.command("rewards")(rewards)
