"""The command line: wires the commands together, reads `--config`, and turns errors into messages and exit codes."""

from __future__ import annotations

import os
import sys
from functools import cache as remembered
from typing import Annotated, Any

import typer

from groundeval.cli.commands.bench import bench
from groundeval.cli.commands.cache import cache
from groundeval.cli.commands.compare import compare
from groundeval.cli.commands.data import data
from groundeval.cli.commands.distill import distill
from groundeval.cli.commands.doctor import doctor
from groundeval.cli.commands.inspect import inspect
from groundeval.cli.commands.leaderboard import leaderboard
from groundeval.cli.commands.list import list_
from groundeval.cli.commands.merge import merge
from groundeval.cli.commands.new import new
from groundeval.cli.commands.rewards import rewards
from groundeval.cli.commands.run import run
from groundeval.cli.commands.score import score
from groundeval.cli.commands.serve_nli import serve_nli
from groundeval.cli.commands.serve_rewards import serve_rewards
from groundeval.cli.commands.slurm import slurm
from groundeval.cli.commands.train import train
from groundeval.cli.commands.validate import validate
from groundeval.cli.commands.view import view
from groundeval.cli.ending import drop_output, interrupts_reach, led_to, sigterm_interrupts, told
from groundeval.cli.options import spelled_as_flag
from groundeval.cli.words import reflowed, with_flag_repeated
from groundeval.cli.wrong_usage import told_of
from groundeval.console.sanitize import visible
from groundeval.errors import EXIT_DONE, EXIT_RESUMABLE, EXIT_USAGE, GroundevalError, Interrupted, spelling_options

app = typer.Typer(
    name="groundeval",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


WrongUsage: type[Exception] = typer.BadParameter.__mro__[2]
"""Base of what typer raises for wrong flags: `ClickException`, of the click that this typer has (lately its own)."""


def _version(wanted: bool) -> None:
    if wanted:
        from groundeval import __version__

        typer.echo(f"groundeval {__version__}")
        raise typer.Exit


@app.callback()
def groundeval(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Evaluate grounded question answering: answers with citations, or a refusal if the documents hold none.

    Results go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 incomplete
    but resumable by the same command.
    """


app.command("run")(run)
app.command("score")(score)
app.command("inspect")(inspect)
app.command("compare")(compare)
app.command("view")(view)
app.command("merge")(merge)
app.command("slurm")(slurm)
app.command("train")(train)
app.command("distill")(distill)
app.command("validate")(validate)
app.command("list")(list_)
app.command("doctor")(doctor)
app.command("new")(new)
app.command("serve-nli")(serve_nli)
app.command("serve-rewards")(serve_rewards)
app.add_typer(leaderboard, name="leaderboard")
app.add_typer(rewards, name="rewards")
app.add_typer(data, name="data")
app.add_typer(bench, name="bench")
app.add_typer(cache, name="cache")


INTERRUPTED = "interrupted: everything written is kept; the same command resumes"

TYPERS_INTERRUPTED = 130
"""The exit code that typer gives a KeyboardInterrupt."""

FEW_CORES = 8
"""Up to this many cores, waiting threads sleep: on a busy machine spinning threads cost several times the work."""


def _let_threads_sleep() -> None:
    """Set OpenMP's waiting policy, unless the user has. torch reads it when it is imported: later than this."""
    if (os.cpu_count() or 1) <= FEW_CORES:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@remembered
def command_line() -> Any:
    """All commands with their options, in the form that reads arguments. Made once: it takes a tenth of a second."""
    return reflowed(typer.main.get_command(app))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    _let_threads_sleep()
    command = command_line()
    arguments = with_flag_repeated(sys.argv[1:] if arguments is None else arguments, "--map")
    try:
        with spelling_options(spelled_as_flag), sigterm_interrupts(), interrupts_reach():
            code: Any = command.main(args=arguments, prog_name="groundeval", standalone_mode=False)
            sys.stdout.flush()
    except typer.Abort:
        return _say(INTERRUPTED, EXIT_RESUMABLE)
    except WrongUsage as error:
        told_usage = told_of(error, arguments)
        return _say(told_usage, EXIT_USAGE) if told_usage else EXIT_USAGE
    except Interrupted as request:
        return _say(f"interrupted: {request}", request.exit_code)
    except GroundevalError as error:
        return _say(f"error: {error}", error.exit_code)
    except KeyboardInterrupt:
        return _say(INTERRUPTED, EXIT_RESUMABLE)
    except (OSError, SystemExit) as error:
        # Typer and rich turn a closed pipe into an exit of their own.
        if led_to(error, BrokenPipeError):
            drop_output()
            return EXIT_DONE
        found = told(error) if isinstance(error, OSError) else None
        if found is None:
            raise
        if isinstance(error, OSError) and error.filename is None:
            drop_output()
        return _say(*found)
    if code == TYPERS_INTERRUPTED:
        return _say(INTERRUPTED, EXIT_RESUMABLE)
    return code if isinstance(code, int) else EXIT_DONE


def _say(message: str, code: int) -> int:
    print(visible(message), file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
