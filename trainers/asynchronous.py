"""Asynchronous GRPO: TRL's experimental trainer, whose rollouts are drawn by a vLLM server while the model learns.

The reward function runs in a process of its own, one group at a time, and gets neither `log_metric` nor the trainer's
state. So it writes the figures of every group to a file, and a callback logs their means with the next step.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from statistics import fmean
from typing import Any

from groundeval.rewards.adapters.trl import TRAINING, TRLReward
from groundeval.rewards.monitoring import hacking_alarm
from groundeval.storage.folder import Lines
from groundeval.trainers.data.datasets import Rows
from groundeval.trainers.policy import Policy, peft_config
from groundeval.trainers.recipe import Recipe
from groundeval.trainers.recipe_stage import Lora, Stage
from groundeval.trainers.scoring import rewarder
from groundeval.trainers.watching import HELD_OUT

FIGURES = "figures.jsonl"
"""The figures of every group of a stage, in the stage's folder."""


class GroupReward:
    """The reward function of the rollout process: it pickles, and appends the figures of every group to a file."""

    def __init__(self, judged: TRLReward, file: Path) -> None:
        self.judged = judged
        self.file = file
        self.__name__ = judged.__name__

    async def __call__(self, *batch: Any, **columns: Any) -> list[float | None]:
        """The totals of the completions of one prompt."""
        figures: dict[str, float] = {}
        totals = await self.judged(*batch, log_metric=figures.__setitem__, **columns)
        if figures:
            Lines(self.file).append([figures])
        return totals


def figures_callback(file: Path) -> Any:
    """A callback that adds the figures written since the last log to a step's row, with the alarm of a gamed reward.

    It has to come before those that read the row.
    """
    from transformers import TrainerCallback

    class Figures(TrainerCallback):
        seen = sum(1 for _ in Lines(file).read())
        """Figures of earlier sessions are logged already."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if not state.is_world_process_zero or not logs or TRAINING not in logs:
                return
            groups = list(Lines(file).read())[self.seen :]
            self.seen += len(groups)
            names = dict.fromkeys(name for each in groups for name in each)
            found = {name: fmean(each[name] for each in groups if name in each) for name in names}
            alarms = [name for name in found if name.endswith("/hacking_alarm")]
            history = [row for row in state.log_history if isinstance(row, dict)]
            training, held_out = (
                [row[key] for row in history if isinstance(row.get(key), int | float)] for key in (TRAINING, HELD_OUT)
            )
            found |= dict.fromkeys(alarms, float(hacking_alarm(training, held_out) is not None))
            found = {name: value for name, value in found.items() if isfinite(value)}
            logs.update(found)
            state.log_history[-1].update(found)  # this row, which the trainer has appended already

    return Figures()


def async_grpo_trainer(
    recipe: Recipe,
    stage: Stage,
    policy: Policy,
    weights: Path | None,
    config: Any,
    rows: Rows,
    lora: Lora | None,
    callbacks: Sequence[Any],
    **replaced: Any,
) -> Any:
    """TRL's AsyncGRPOTrainer, which loads the model itself: the recipe's, or the weights of the stage before.

    `replaced`: other parts of it, such as a rollout worker that needs no server.
    """
    from trl.experimental.async_grpo import AsyncGRPOTrainer

    source = dict(policy.local.files)
    path = source.pop("pretrained_model_name_or_path")
    if weights is not None:
        # Of the folder only the tensors are taken: its config could name code, kernels and other models.
        policy.local.config.save_pretrained(weights)
        path, source = str(weights), {}
    config.model_init_kwargs = {**source, "dtype": policy.dtype(lora)}
    file = Path(config.output_dir) / FIGURES
    judged = TRLReward(rewarder(recipe, stage), format=policy.format, held_out=HELD_OUT)
    return AsyncGRPOTrainer(
        model=path,
        reward_funcs=[GroupReward(judged, file)],
        args=config,
        train_dataset=rows.dataset(),
        processing_class=policy.tokenizer,
        peft_config=peft_config(lora),
        callbacks=[figures_callback(file), *callbacks],
        **replaced,
    )
