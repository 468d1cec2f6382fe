"""What a training run writes down while it goes on: metrics, completions with their rewards, whole checkpoints."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from groundeval.progress import say
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rollout
from groundeval.runs import Lines, folder_name
from groundeval.trainers.folder import RunFolder
from groundeval.trainers.recipe import Stage

HELD_OUT = "held_out"
"""The name in the trainer's logs of the held-out score: mean of the tasks' headlines, as a fraction."""

TOLD = ("loss", "reward", "frac_reward_zero_std", HELD_OUT, "train_runtime")
"""What a line on the terminal says of a step, where it is known."""

PER_RANK = "RANK"
"""The environment variable that numbers the processes of one job."""


class CompletionLog:
    """The completions of a GRPO stage, one JSONL file a task, in the format that `groundeval score` reads.

    A line has the example's own fields and `output` (the text with every tag); beside them what the reward made of it:
    `reward`, `components`, and `scored`, the line of `scores.jsonl` with values and verdicts. Every rank has its own
    files.
    """

    def __init__(self, folder: Path, stage: str, every: int) -> None:
        self.folder = folder
        self.stage = stage
        self.every = every

    def wanted(self, step: int) -> bool:
        """Are the completions of this step kept. Steps count from 1."""
        return step == 1 or step % self.every == 0

    def add(self, step: int, rollouts: Sequence[Rollout], rewarded: Sequence[Rewarded]) -> None:
        """Append the completions of a step with their rewards."""
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
        """Where the completions of a task go."""
        rank = os.environ.get(PER_RANK, "0")
        part = "" if rank == "0" else f".rank{rank}"
        return self.folder / f"{folder_name(Path(task).stem)}{part}.jsonl"


def watching_callback(run: RunFolder, stage: Stage, offset: int, *, quiet: bool) -> Any:
    """A callback that appends the trainer's metrics to `metrics.jsonl`, says how far it is, and marks checkpoints.

    `offset`: optimizer steps of the stages before; `total_step` counts on over all stages.
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


class AllStepsMade(Exception):
    """The checkpoint that a stage goes on from is that of its last step: its weights are in place, none is to make."""


def stopping_callback(stop_requested: Callable[[], bool]) -> Any:
    """A callback that ends training behind the current step, with a checkpoint, once a stop was asked for.

    For one process: the ranks of a larger job would not stop at the same step, and are killed instead. Raises
    AllStepsMade where training goes on from the checkpoint of the last step: transformers, which looks at the limit
    behind a step only, would make one more.
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

    return Stopping()


def _plain(logs: Mapping[str, Any]) -> dict[str, Any]:
    """What of the logs JSON can hold."""
    plain = {}
    for name, value in logs.items():
        try:
            plain[name] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError):
            continue
    return plain


def write_history(run: RunFolder) -> None:
    """`history.json`: the rows of `metrics.jsonl` as one list, whose `step` counts on over all stages."""
    rows = [{**row, "step": row["total_step"]} for row in run.lines("metrics.jsonl").read()]
    run.write_json("history.json", rows)
