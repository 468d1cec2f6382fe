"""The lines printed after a command's results: notes, folders, and commands for the next step."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from groundeval.console.progress import say
from groundeval.run.outcome import ScoreResult

MOST_NAMED = 2
"""Most folders that a command names; beyond that it names their common folder."""
SIDE_BY_SIDE = 2
"""Runs that `view` shows beside each other."""


def say_notes(scores: Sequence[ScoreResult]) -> None:
    """Each note once, with the tasks that it concerns if not all; warnings are above the table."""
    concerned: dict[str, dict[str, None]] = {}
    for each in scores:
        for note in each.results.remarks:
            concerned.setdefault(note, {})[each.results.task] = None
    tasks = {each.results.task for each in scores}
    for note, of in concerned.items():
        where = f" ({', '.join(of)})" if len(of) < len(tasks) else ""
        say(f"note{where}: {note}")


def say_next(scores: Sequence[ScoreResult], plugins: Sequence[Path] = (), outputs: Path | None = None) -> None:
    """Print where the results are, and commands that view and compare them.

    `plugins`: files that the run loaded; without them the commands know neither its tasks nor its metrics. `outputs`:
    the file that was scored; without it `view` has no texts to show.
    """
    folders = [each.folder for each in scores if each.folder is not None]
    if not folders:
        if scores:
            say("Nothing was written: --output-path FOLDER keeps the verdicts for `groundeval view` and `compare`.")
        return
    for folder in folders:
        say(f"results: {folder / 'results.json'}")
    loading = _loading(plugins)
    command = called()
    say("next:")
    data = f" --data {_quoted(outputs)}" if outputs is not None and outputs.is_file() else ""
    say(f"  {command} view {' '.join(map(_quoted, _to_view(folders)))}{data}{loading}")
    say(f"  {command} compare {_quoted(folders[0])} {_other(folders)}{loading}")


def say_next_of_training(run: Path, model: Path, plugins: Sequence[Path] = ()) -> None:
    """Print where the weights are, and the command that shows the held-out answers of all stages."""
    say(f"model: {model}")
    if (run / "evaluations").is_dir():
        say(f"next:\n  {called()} view {_quoted(run)}{_loading(plugins)}")


def say_next_of_comparison(runs: Sequence[Path], plugins: Sequence[Path] = ()) -> None:
    """Print the command that shows the texts of two runs side by side."""
    if len(runs) == SIDE_BY_SIDE:
        say(f"next, the texts side by side:\n  {called()} view {' '.join(map(_quoted, runs))}{_loading(plugins)}")


def called() -> str:
    """How this command line is reached from the user's shell: by its name, or by its path where the name is not found.

    After `make demo` it lies in an environment that no shell has activated.
    """
    here = Path(sys.argv[0])
    if here.name != "groundeval" or shutil.which("groundeval") is not None or not here.is_file():
        return "groundeval"
    inside = here.resolve().is_relative_to(Path.cwd().resolve())
    return _quoted(Path(os.path.relpath(here)) if inside else here)


def _loading(plugins: Sequence[Path]) -> str:
    return "".join(f" --include-path {_quoted(each)}" for each in plugins)


def _to_view(folders: Sequence[Path]) -> list[Path]:
    runs = list(dict.fromkeys(folder.parents[1] for folder in folders))
    return runs if len(runs) <= MOST_NAMED else [Path(os.path.commonpath(runs))]


def _other(folders: Sequence[Path]) -> str:
    """The newest other scoring of the first one's task and protocol beside it, or a placeholder."""
    found = sorted(_beside(folders[0]), key=lambda folder: folder.stat().st_mtime)
    return _quoted(found[-1]) if found else "OTHER_RUN"


def _beside(folder: Path) -> Iterator[Path]:
    """Scorings with the same identity of other runs of the same task: `OUT/MODEL/TASK/RUN/scores/SCORE`."""
    if len(folder.parents) < 5:
        return
    run = folder.parents[1]
    for results in folder.parents[4].glob(f"*/{run.parent.name}/*/scores/{folder.name}/results.json"):
        if results.parents[2] != run:
            yield results.parent


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
