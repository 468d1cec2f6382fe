"""Whole training runs on a tiny random model, with the real rewards."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from groundeval.cli.app import main
from groundeval.trainers.recipe_file import shipped


def tiny_model(folder: Path) -> Path:
    """A random Llama with byte-level tokens, whose chat template writes its start token once."""
    from tiny_models import CHATML, make_model, make_tokenizer

    folder.mkdir(parents=True, exist_ok=True)
    make_model(folder, positions=8_192)
    make_tokenizer(folder, CHATML)
    return folder


def smoke_recipe(folder: Path, model: Path | str, **changes: Any) -> Path:
    """The shipped smoke recipe with another model; `changes` replace fields at the top."""
    content = yaml.safe_load(shipped()["smoke"].read_text("utf-8"))
    path = folder / "smoke.yaml"
    path.write_text(yaml.safe_dump({**content, "model": str(model), **changes}, sort_keys=False), "utf-8")
    return path


def last_stage(folder: Path, model: Path | None = None, **trl: Any) -> Path:
    """A recipe of the smoke recipe's last stage alone, whose reward differs between a random model's answers: all earn
    nothing for what they say, and some are longer, so that there is something to learn."""
    path = smoke_recipe(folder, model or tiny_model(folder / "tiny"), evaluate={})
    content = yaml.safe_load(path.read_text())
    reward = {
        "profile": "trust",
        "combine": "sum",
        "components": {"trust": {"reward": "trust"}, "words": {"value": "regular_length", "weight": 0.01}},
    }
    (folder / "wordy.yaml").write_text(yaml.safe_dump(reward))
    stage = {**content["stages"][-1], "rewards": {"wordy.yaml": 1.0}, "batch": 8}
    stage["trl"] |= trl
    path.write_text(yaml.safe_dump({**content, "stages": [stage]}))
    return path


def small_stage(folder: Path, evaluate: dict[str, Any], lora: dict[str, int] | None, **stage: Any) -> Path:
    """The smoke recipe's SFT stage alone, five steps long, on a tiny model."""
    path = smoke_recipe(folder, tiny_model(folder / "tiny"), evaluate=evaluate, lora=lora)
    content = yaml.safe_load(path.read_text())
    first = {**content["stages"][0], **stage}
    first["trl"] |= {"max_steps": 5, "save_steps": 5}
    path.write_text(yaml.safe_dump({**content, "stages": [first]}))
    return path


@dataclass(frozen=True)
class Trained:
    """What a command said."""

    returncode: int
    stdout: str
    stderr: str


def train(*arguments: str | Path) -> Trained:
    """`groundeval train ...` in this process, which has torch and TRL imported already."""
    command = ["train", *map(str, arguments)]
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["groundeval", *command]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = main(command)
    finally:
        sys.argv = before
    return Trained(code, out.getvalue(), err.getvalue())


@contextmanager
def started(recipe: Path, *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """`groundeval train ...` in a process of its own, for what ends it, with all it says in `log` beside the recipe."""
    command = [sys.executable, "-m", "groundeval.trainers", str(recipe), "--output-path", str(recipe.parent), *flags]
    with (recipe.parent / "log").open("w") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            yield running
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def until(found: Callable[[], Any], running: subprocess.Popen[bytes], seconds: int = 240) -> None:
    """Wait for what a running process does."""
    deadline = time.monotonic() + seconds
    while not found():
        assert running.poll() is None, "training ended before it could be stopped"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def run_folder(output: Path) -> Path:
    """The only training run below an output folder."""
    [folder] = output.glob("training/*/*")
    return folder


def history(folder: Path) -> list[tuple[str, str, int]]:
    """The finished stages: name, trainer, steps."""
    stages = json.loads((folder / "stages.json").read_text())
    return [(each["name"], each["trainer"], each["steps"]) for each in stages]


def lines(path: Path) -> list[dict[str, Any]]:
    """The records of a JSONL file."""
    return [json.loads(line) for line in path.read_text().splitlines()]
