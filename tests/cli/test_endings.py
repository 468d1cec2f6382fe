"""How commands end when the pipe is closed, the disk is full, or the scheduler wants the machine back."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from groundeval.cli.ending import interrupts_reach

GROUNDEVAL = (sys.executable, "-m", "groundeval")
SLOW_BACKEND = """
import pathlib, time
from groundeval.generation.interface import register_generator

@register_generator("slow")
def slow(options):
    pathlib.Path({marker!r}).touch()
    time.sleep(600)
"""


def started(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    command = [*GROUNDEVAL, *map(str, arguments)]
    return subprocess.Popen(command, text=True, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, **options)


def said_by(process: subprocess.Popen[str]) -> str:
    """What it said by its end, but that it was starting: a busy machine makes it say so."""
    _, err = process.communicate(timeout=120)
    return err.removeprefix("starting …\n")


@pytest.mark.parametrize("command", [("list", "metrics"), ("list", "tasks", "--json"), ("run", "--help")])
def test_a_reader_that_goes_away_is_no_error(command: tuple[str, ...]):
    process = started(*command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    err = said_by(process)
    assert (process.returncode, err) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_finds_no_room_is_one_line():
    with Path("/dev/full").open("w") as full:
        process = started("list", "metrics", stdout=full)
        err = said_by(process)
    assert process.returncode == 3
    assert err == "error: cannot write the output: No space left on device. Everything written before is whole.\n"


def small_files() -> None:
    """No file may grow beyond a kilobyte: what a full disk looks like from inside."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_024, 1_024))


@pytest.mark.parametrize(
    "command",
    [
        lambda data, out: ("score", data, "--task", "asqa", "--nli", "lexical", "--output-path", out),
        lambda data, out: ("data", "export", "--task", "asqa", "--data", data, "--out", out / "rows.jsonl"),
    ],
    ids=["score", "data export"],
)
def test_a_disk_that_fills_up_is_one_line(command: Callable[..., tuple[object, ...]], data: Path, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    # Compiled modules are files too: one that is cut at a kilobyte would be what every later process imports.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    process = started(*command(data, out), stdout=subprocess.PIPE, preexec_fn=small_files, env=environment)
    err = said_by(process)
    assert process.returncode in (1, 2, 3)
    [line] = [line for line in err.splitlines() if line.startswith("error: ")]
    assert "File too large" in line
    assert "Traceback" not in err


def test_a_place_that_cannot_be_written_to_is_one_line(data: Path):
    process = started(
        "score", data, "--task", "asqa", "--nli", "lexical", "--output-path", "/proc/here", stdout=subprocess.PIPE
    )
    err = said_by(process)
    assert process.returncode in (1, 2)
    assert "error: cannot write to /proc/here" in err
    assert "Traceback" not in err


def test_sigterm_before_anything_is_generated_says_that_the_command_can_be_repeated(data: Path, tmp_path: Path):
    marker, plugin = tmp_path / "marker", tmp_path / "slow.py"
    plugin.write_text(SLOW_BACKEND.format(marker=str(marker)))
    process = started(
        "run", "--model", "m", "--backend", "slow", "--include-path", plugin, "--tasks", "asqa", "--data", data,
        "--output-path", tmp_path / "runs", stdout=subprocess.PIPE,
    )  # fmt: skip
    while not marker.exists():
        assert process.poll() is None
        signal.sigtimedwait([], 0.05)
    process.send_signal(signal.SIGTERM)
    err = said_by(process)
    assert process.returncode == 3
    assert "interrupted" in err
    assert "Traceback" not in err


class Interrupted:
    """An object at whose destruction Ctrl-C is pressed."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)
        time.sleep(0)


def test_an_interrupt_while_an_object_is_destroyed_is_not_lost():
    def work() -> None:
        held = Interrupted()
        del held
        time.sleep(10)

    with interrupts_reach(), pytest.raises(KeyboardInterrupt):
        work()


def test_other_errors_of_a_destruction_are_reported_as_ever():
    class Faulty:
        def __del__(self) -> None:
            raise ValueError("in vain")

    told: list[object] = []
    before, sys.unraisablehook = sys.unraisablehook, lambda each: told.append(str(each.exc_value))
    try:
        with interrupts_reach():
            faulty = Faulty()
            del faulty
    finally:
        sys.unraisablehook = before
    assert told == ["in vain"]


@pytest.mark.parametrize(("arguments", "code"), [(("list", "metrics"), 0), (("list", "nonsense"), 2)])
def test_ctrl_c_after_all_is_done_leaves_the_exit_code(arguments: tuple[str, ...], code: int):
    # At the interpreter's end, as a second Ctrl-C comes.
    late = (
        "import atexit, signal, sys\n"
        "from groundeval.cli.entry import main\n"
        "atexit.register(lambda: signal.raise_signal(signal.SIGINT))\n"
        f"sys.argv[1:] = {arguments!r}\n"
        "sys.exit(main())"
    )
    ran = subprocess.run([sys.executable, "-c", late], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == code
    assert "Traceback" not in ran.stderr
