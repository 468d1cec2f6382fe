"""Press Ctrl-C in `groundeval train` at ten moments, once and twice, and check the answer, the exit code and the end.

    python tools/interrupt_training.py RECIPE          a small recipe: SFT with `keep: best`, GRPO, `evaluate.every`

One run is interrupted in every moment once, in the order in which they come, started again each time, and in the end
let through. Every session is a fork of this process: in the first moment that is left it stays for a while, and gets
SIGINT. It has to answer within a second (or so many as a second argument says), and to end with exit code 3; after a
second SIGINT within three seconds. In the end the run has to be as one that was never disturbed. Exits with 1 at the
first thing that is not so.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from kill_runs import ANSWERS, difference
from kill_training import Training

STAY = 2.0
"""Seconds that a run stays in its moment."""


def waiting() -> None:
    """Stay in Python."""
    end = time.monotonic() + STAY
    while time.monotonic() < end:
        time.sleep(0.01)


def computing() -> None:
    """Stay in one call of torch, in which no handler of Python runs."""
    import torch

    began = time.monotonic()
    torch.ones(2_000, 2_000) @ torch.ones(2_000, 2_000)
    side = int(2_000 * (STAY / (time.monotonic() - began)) ** (1 / 3))
    torch.ones(side, side) @ torch.ones(side, side)


def moments() -> dict[str, tuple[Any, str, Callable[..., bool], Callable[[], None]]]:
    """By name: the function that is entered, which of its calls counts, and how the run stays in it."""
    from accelerate import Accelerator
    from transformers import Trainer
    from trl import GRPOTrainer

    from groundeval.trainers import training
    from groundeval.trainers.evaluating import Evaluator
    from groundeval.trainers.policy import Policy

    def every(*arguments: Any, **named: Any) -> bool:
        return True

    def baseline(evaluator: Any, model: Any, stage: str, step: int, **named: Any) -> bool:
        return stage == "start"

    def within(evaluator: Any, model: Any, stage: str, step: int, **named: Any) -> bool:
        return stage != "start"

    return {
        "reading the data": (training, "select", every, waiting),
        "loading the model": (Policy, "load", every, waiting),
        "baseline evaluation": (Evaluator, "evaluate", baseline, waiting),
        "making the trainer": (training, "sft_trainer", every, waiting),
        "a backward pass": (Accelerator, "backward", every, computing),
        "held-out evaluation": (Evaluator, "evaluate", within, waiting),
        "saving a checkpoint": (Trainer, "_save_checkpoint", every, waiting),
        "saving the weights of a stage": (training, "_save", every, waiting),
        "rollouts": (GRPOTrainer, "_generate", every, waiting),
        "writing the report": (training, "write_report", every, waiting),
    }


class Interrupted(Training):
    """A training run that stays in the first moment it comes to of those that are left, and marks it by a file."""

    def __init__(self, folder: Path, command: list[str], left: Sequence[str]) -> None:
        super().__init__(folder, command)
        self.marks = {moment: folder.with_suffix(f".{moment}") for moment in left}
        self._replaced = [self._watch(moment, *moments()[moment]) for moment in left]

    def _watch(
        self, moment: str, owner: Any, name: str, counts: Callable[..., bool], stay: Callable[[], None]
    ) -> Callable[[], None]:
        """Replace the moment's function; what puts it back."""
        before = getattr(owner, name)
        pid = os.getpid()

        def entered(*arguments: Any, **named: Any) -> Any:
            if os.getpid() != pid and counts(*arguments, **named) and self.moment() is None:
                self.marks[moment].touch()
                stay()
            return before(*arguments, **named)

        setattr(owner, name, entered)
        return lambda: setattr(owner, name, before)

    def forget(self) -> None:
        """Put all functions back."""
        for put_back in reversed(self._replaced):
            put_back()

    def moment(self) -> str | None:
        """The moment that the run has come to."""
        return next((moment for moment, mark in self.marks.items() if mark.exists()), None)

    def answered(self) -> bool:
        """Whether the run has said that it stops."""
        said = self.log.read_text(errors="replace")
        return any(answer in said for answer in ANSWERS)


def until(found: Callable[[], bool], what: str, seconds: float) -> float:
    """Wait; the seconds that it took."""
    began = time.monotonic()
    while not found():
        if time.monotonic() - began > seconds:
            sys.exit(f"error: {what}: not within {seconds:.0f} s")
        time.sleep(0.005)
    return time.monotonic() - began


def interrupted(run: Interrupted, twice: bool, answer_within: float) -> tuple[str, str]:
    """Interrupt a run in the next of its moments: which it was, and how long the run took to answer and to end."""
    process = run.start()
    left = ", ".join(run.marks)
    until(lambda: run.moment() is not None or process.poll() is not None, f"one of {left}", 600)
    moment = run.moment()
    if moment is None:
        sys.exit(f"error: the run ended without {left}\n{run.log.read_text()}")
    time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    answer = until(run.answered, f"{moment}: an answer to Ctrl-C\n{run.log.read_text()}", answer_within)
    if twice and process.poll() is None:
        os.kill(process.pid, signal.SIGINT)
    end = until(lambda: process.poll() is not None, f"{moment}: its end", 3 + STAY if twice else 300)
    if process.poll() != 3:
        sys.exit(f"error: {moment}: exit code {process.poll()}\n{run.log.read_text()}")
    [said, *_] = [line for line in run.log.read_text().splitlines() if any(each in line for each in ANSWERS)]
    return moment, f"answered after {answer:.2f} s, ended after {answer + end:.2f} s: {said}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage="%(prog)s RECIPE [SECONDS]"
    )
    parser.add_argument("recipe")
    parser.add_argument("answer_within", nargs="?", type=float, default=1.0, metavar="SECONDS")
    given = parser.parse_args()
    command = ["train", given.recipe]
    with tempfile.TemporaryDirectory(prefix="groundeval-interrupts-") as place:
        whole = Training(Path(place, "undisturbed"), command)
        if whole.start().wait() != 0:
            sys.exit(f"error: the undisturbed run failed:\n{whole.log.read_text()}")
        for name, twice in (("once", False), ("twice", True)):
            folder = Path(place, name)
            left = [*moments()]
            while left:
                run = Interrupted(folder, command, left)
                moment, told = interrupted(run, twice, given.answer_within)
                run.forget()
                run.marks[moment].unlink()
                left.remove(moment)
                print(f"{moment}, {name}: {told}", flush=True)
            last = Training(folder, command)
            if last.start().wait() != 0:
                sys.exit(f"error: does not resume:\n{last.log.read_text()}")
            found = last.outcome()
            for part, expected in whole.outcome().items():
                if found[part] != expected:
                    sys.exit(f"error: {part} {difference(found[part], expected)}")
    print("every Ctrl-C was answered, and every resumed run ended as the undisturbed one")


if __name__ == "__main__":
    main()
