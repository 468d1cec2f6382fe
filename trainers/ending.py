"""Early ending of a stage, and the choice of its final weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from groundeval.console.progress import say
from groundeval.trainers.evaluating import Evaluator
from groundeval.trainers.folder import step_of
from groundeval.trainers.recipe_stage import Bounds, Stage
from groundeval.trainers.watching import HELD_OUT, AllStepsMade


def out_of_bounds(logged: Sequence[Mapping[str, Any]], bounds: Mapping[str, Bounds]) -> Iterator[str]:
    """The reasons to end a stage: values whose mean over the last rows that hold them is outside its bounds.

    A value counts once there are `Bounds.over` rows that hold it.
    """
    for name, bound in bounds.items():
        values = [row[name] for row in logged if isinstance(row.get(name), int | float)][-bound.over :]
        if len(values) < bound.over:
            continue
        mean = fmean(values)
        over = f"the mean of {name} over {len(values)} logged steps is {mean:.4g}"
        if bound.above is not None and mean > bound.above:
            yield f"{over}, above {bound.above:g}"
        if bound.below is not None and mean < bound.below:
            yield f"{over}, below {bound.below:g}"


def of_main_process(reasons: list[str]) -> list[str]:
    """The reasons that the main process has. Values such as the time of a step differ between ranks, which must end at
    the same step: one that goes on alone waits for the others for ever. Every rank has to call this."""
    from accelerate import PartialState
    from accelerate.utils import broadcast_object_list

    if PartialState().num_processes == 1:
        return reasons
    shared: list[list[str]] = [reasons]
    broadcast_object_list(shared, 0)
    return shared[0]


def ending_callback(stage: Stage, evaluator: Evaluator) -> Any:
    """A callback that ends a stage for `patience` and `stop_when`, and keeps the best checkpoint for `keep: best`.

    `reason` is why the stage ended early, None while it has not. The checkpoint with the highest held-out headline is
    noted in the trainer's state, where transformers' own rotation of checkpoints spares it and a resumed run finds it.
    A run that resumes from the step at which the stage ended makes no further one: raises AllStepsMade.
    """
    from transformers import TrainerCallback

    chooses = stage.keep == "best" or stage.patience is not None

    class Ending(TrainerCallback):
        reason: str | None = None

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            # Not where the state says: the folder may have been moved, or come from somebody else.
            state.best_model_checkpoint = None
            if state.best_global_step:
                state.best_model_checkpoint = str(checkpoint_of(args, state.best_global_step))

        def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.on_step_end(args, state, control)
            self.on_log(args, state, control)
            if self.reason is not None:
                raise AllStepsMade

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            every = evaluator.recipe.evaluate.every
            if not chooses or every is None or (state.global_step % every and state.global_step < state.max_steps):
                return
            score = evaluator.headlines(stage.name, state.global_step).get(HELD_OUT)
            if score is None:
                return
            if state.best_metric is None or score > state.best_metric:
                state.best_metric, state.best_global_step = score, state.global_step
                state.best_model_checkpoint = str(checkpoint_of(args, state.global_step))
            # Save the weights of each evaluated step, so that they can be chosen.
            control.should_save |= stage.keep == "best"
            waited = (state.global_step - (state.best_global_step or 0)) // every
            if stage.patience is not None and waited >= stage.patience and state.global_step < state.max_steps:
                best = f"step {state.best_global_step} ({state.best_metric:.4g})"
                self._end(control, f"{waited} evaluations without a higher held-out score than that of {best}")

        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if stage.stop_when:
                for reason in of_main_process(list(out_of_bounds(state.log_history, stage.stop_when))):
                    self._end(control, reason)

        def _end(self, control: Any, reason: str) -> None:
            if self.reason is None:
                say(f"{stage.name}: stopped early: {reason}")
                self.reason = reason
            control.should_training_stop = True

    return Ending()


def checkpoint_of(args: Any, step: int) -> Path:
    """The folder of a stage's checkpoint, by the trainer's config."""
    return Path(args.output_dir) / f"checkpoint-{step}"


def load_best(trainer: Any) -> int | None:
    """Put the weights of the best checkpoint into a trainer; returns its step, None where no step was evaluated."""
    best = trainer.state.best_model_checkpoint
    if best is None:
        return None
    step = step_of(Path(best))
    if step != trainer.state.global_step:
        say(f"step {step} had the highest held-out score ({trainer.state.best_metric:.4g}): its weights are kept")
        trainer._load_best_model()
    return step
