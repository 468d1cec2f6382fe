"""Logging of a training run: metrics, completions with their rewards, complete checkpoints."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from groundeval.console.progress import say
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rollout
from groundeval.storage.folder import Lines, folder_name
from groundeval.trainers.folder import RunFolder
from groundeval.trainers.recipe_stage import Stage

HELD_OUT = "held_out"
"""The held-out score in the trainer's logs: mean of the tasks' headlines, as a fraction."""

TOLD = ("loss", "reward", "frac_reward_zero_std", HELD_OUT, "train_runtime")
"""The values in a step's line on the terminal, if known."""

PER_RANK = "RANK"
"""The environment variable that numbers the processes of one job."""


class CompletionLog:
    """The completions of a GRPO stage, one JSONL file per task, in the format that `groundeval score` reads.

    A line has the example's own fields and `output` (the text, tags included), and the reward's results: `reward`,
    `components`, and `scored`, the line of `scores.jsonl` with values and verdicts. Every rank has its own files.
    `tasks`: all tasks of the stage, as named in the recipe.
    """

    def __init__(self, folder: Path, stage: str, every: int, tasks: Iterable[str]) -> None:
        self.folder = folder
        self.stage = stage
        self.every = every
        self._names = file_names(tasks)
        kept = (record["step"] for task in self._names for record in Lines(self.file(task)).read())
        self._last: int | None = max(kept, default=None)
        """The last step kept, also in earlier sessions."""

    def wanted(self, step: int) -> bool:
        """Whether the completions of this step are kept: at least `every` steps after those kept last.

        One generation may serve several steps, so most steps have no completions of their own.
        """
        return self._last is None or step == self._last or step - self._last >= self.every

    def add(self, step: int, rollouts: Sequence[Rollout], rewarded: Sequence[Rewarded]) -> None:
        """Append the completions of a step with their rewards."""
        self._last = step
        self.folder.mkdir(parents=True, exist_ok=True)
        by_task: dict[str, list[dict[str, Any]]] = {}
        for place, (rollout, each) in enumerate(zip(rollouts, rewarded, strict=True)):
            example = json.loads(rollout.example)
            record = {
                **example,
                "id": f"{example['id']}@{self.stage}-{step}.{place}",
                "stage": self.stage,
                "step": step,
                "output": rollout.prefill + rollout.text,
                "finish_reason": rollout.finish_reason,
                "reward": each.total,
                "components": each.components,
                "scored": each.line,
            }
            by_task.setdefault(rollout.task, []).append(record)
        for task, records in by_task.items():
            Lines(self.file(task)).append(records)

    def file(self, task: str) -> Path:
        """The file of a task's completions."""
        rank = os.environ.get(PER_RANK, "0")
        part = "" if rank == "0" else f".rank{rank}"
        return self.folder / f"{self._names[task]}{part}.jsonl"


def file_names(tasks: Iterable[str]) -> dict[str, str]:
    """A file name for each task: `asqa`, or `qa` for `a/qa.yaml`; longer where several would be the same.

    These are distinguished by the name in a plugin, `tasks--legal`, or by the folder, `a--qa`, otherwise by a number.
    """
    references = list(dict.fromkeys(tasks))
    short = {task: folder_name(Path(task).stem) for task in references}
    found: dict[str, str] = {}
    for task in references:
        name = short[task]
        if list(short.values()).count(name) > 1:
            file, plugin, registered = task.rpartition(".py:")
            parts = [Path(file).name, registered] if plugin else [Path(task).parent.name, name]
            name = folder_name("/".join(filter(None, parts)))
        numbered = (name if number == 1 else f"{name}-{number}" for number in count(1))
        found[task] = next(each for each in numbered if each not in found.values())
    return found


def watching_callback(run: RunFolder, stage: Stage, offset: int, *, quiet: bool) -> Any:
    """A callback that appends the trainer's metrics to `metrics.jsonl`, reports progress, and marks checkpoints.

    `offset`: optimizer steps of the stages before; `total_step` counts over all stages.
    """
    from accelerate import PartialState
    from transformers import TrainerCallback

    class Watching(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if state.is_world_process_zero and logs:
                place = {"stage": stage.name, "step": state.global_step, "total_step": offset + state.global_step}
                run.lines("metrics.jsonl").append([{**place, **_plain(logs)}])
                if not quiet:
                    told = ", ".join(f"{name} {logs[name]:.4g}" for name in TOLD if isinstance(logs.get(name), float))
                    say(f"{stage.name}: step {state.global_step} of {state.max_steps}{told and f': {told}'}")

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            PartialState().wait_for_everyone()  # every rank has written its part
            if state.is_world_process_zero:
                run.mark(Path(args.output_dir) / f"checkpoint-{state.global_step}", stage)

    return Watching()


def counting_callback(advance: Callable[[], None]) -> Any:
    """A callback that counts the steps of the optimizer as they are made."""
    from transformers import TrainerCallback

    class Counting(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            advance()

    return Counting()


class AllStepsMade(Exception):
    """The stage resumes from the checkpoint it ended with: its weights are loaded, and no step is left."""


def stopping_callback(stop_requested: Callable[[], bool]) -> Any:
    """A callback that ends training after the current step, with a checkpoint, once a stop is requested.

    For one process: the ranks of a larger job would not stop at the same step, and are killed instead. Raises
    AllStepsMade if training resumes from the checkpoint of the last step: transformers, which checks the limit only
    after a step, would make one more.
    """
    from accelerate import PartialState
    from transformers import TrainerCallback

    class Stopping(TrainerCallback):
        def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step >= state.max_steps:
                raise AllStepsMade

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if PartialState().num_processes == 1 and stop_requested():
                control.should_save = control.should_training_stop = True

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            # Requested while this checkpoint was written: it is the one to resume from.
            if PartialState().num_processes == 1 and stop_requested():
                control.should_training_stop = True

    return Stopping()


def _plain(logs: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of the logs that JSON can represent."""
    plain = {}
    for name, value in logs.items():
        try:
            plain[name] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError):
            continue
    return plain


def write_history(run: RunFolder) -> None:
    """Write `history.json`: the rows of `metrics.jsonl` as one list, with `step` counted over all stages."""
    rows = [{**row, "step": row["total_step"]} for row in run.lines("metrics.jsonl").read()]
    run.write_json("history.json", rows)
