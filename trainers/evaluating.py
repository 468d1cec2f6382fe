"""Held-out evaluation of the model in training, with the prompts, scores and run folders of `groundeval run`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from groundeval.errors import Interrupted, UsageError
from groundeval.generation.backends.transformers import TransformersGenerator
from groundeval.generation.backends.vllm import VLLMGenerator
from groundeval.models.options import GeneratorOptions
from groundeval.run.options import EVERY_TASK, RunOptions, ScoringOptions
from groundeval.run.outcome import ScoreResult
from groundeval.run.preflight import check_lengths, check_scorers
from groundeval.run.prepare import Job, prepare
from groundeval.run.rescore import score_run
from groundeval.run.runner import Prepared, execute
from groundeval.run.score import open_nli, plans_for
from groundeval.storage.folder import Lines
from groundeval.tasks import load_task
from groundeval.tasks.formats.examples import known_fields
from groundeval.trainers.data.datasets import run_options
from groundeval.trainers.policy import Policy
from groundeval.trainers.recipe import START, Recipe
from groundeval.trainers.recipe_stage import Stage
from groundeval.trainers.watching import HELD_OUT, AllStepsMade


class _InTraining:
    """A generator with weights in training; texts are identified by the run and the position in it.

    `place`: `recipe`, `run`, `stage` and `step`. `batch_size`: prompts in a batch; None: as without training.
    """

    def __init__(self, policy: Policy, place: Mapping[str, Any], batch_size: int | None = None) -> None:
        super().__init__(replace(policy.options, batch_size=batch_size))  # type: ignore[call-arg]  # of the backend beside it
        self.local = policy.local
        self.place = dict(place)

    def identity(self) -> Mapping[str, Any]:
        """The run, stage and step instead of the weights' content, which is in no file."""
        return {
            "backend": "training",
            "model": self.name,
            "place": self.place,
            "chat": self.local.format.identity(),
        }

    @property
    def name(self) -> str:
        """The name in tables: base model, run, and position in it."""
        where = self.place["stage"]
        if where != START:
            where += f" step {self.place['step']}"
        return f"{self.local.source.name}, {self.place['recipe']}/{self.place['run']}, {where}"

    def close(self) -> None:
        """A no-op: the trainer owns the model or engine."""


class TrainedGenerator(_InTraining, TransformersGenerator):
    """Generates with a model in memory."""


class EngineGenerator(_InTraining, VLLMGenerator):
    """Generates with the rollouts' engine."""

    def identity(self) -> Mapping[str, Any]:
        """The identity of a model in memory, and the fact that vLLM generates: its arithmetic differs slightly."""
        return {**super().identity(), "engine": "vllm"}


_Answering = TransformersGenerator | VLLMGenerator


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One evaluation: position in the training, task, verifier, and results."""

    stage: str
    step: int
    """Optimizer steps of the stage made before it."""
    scores: ScoreResult
    nli: str | None
    """The verifier as named in the recipe."""
    folder: Path

    def record(self, base: Path) -> dict[str, Any]:
        """The line of `evaluations.jsonl`; paths are relative to the run's folder."""
        results = self.scores.results
        return {
            "stage": self.stage,
            "step": self.step,
            "task": results.task,
            "profile": results.profile,
            "nli": self.nli,
            "n": results.n,
            "headline": list(results.headline),
            "metrics": {key: {"value": metric.value, "ci95": metric.ci95} for key, metric in results.metrics.items()},
            "folder": str(self.folder.relative_to(base)),
            "scores": None if self.scores.folder is None else str(self.scores.folder.relative_to(base)),
        }


class Evaluator:
    """Evaluates a model on the recipe's held-out tasks and stores the results in the run's folder.

    It shows progress unless `quiet`.
    """

    def __init__(self, recipe: Recipe, policy: Policy, folder: Path, run_id: str, *, quiet: bool = True) -> None:
        self.recipe = recipe
        self.policy = policy
        self.folder = folder
        self.run_id = run_id
        self.quiet = quiet
        self.lines = Lines(folder / "evaluations.jsonl")
        self._longest: int | None = None

    def done(self, stage: str, step: int, verifiers: Sequence[str]) -> bool:
        """Whether this evaluation is complete, with every task and these verifiers."""
        wanted = {(task, nli) for task in self._task_names() for nli in verifiers}
        found = {
            (each["task"], each["nli"]) for each in self.lines.read() if each["stage"] == stage and each["step"] == step
        }
        return wanted <= found

    def headlines(self, stage: str, step: int) -> dict[str, float]:
        """The headline metrics of a complete evaluation as fractions, by task and key; `held_out` is their mean."""
        found: dict[str, float] = {}
        if not self.done(stage, step, self.verifiers[:1]):
            return found
        for each in self.lines.read():
            if (each["stage"], each["step"], each["nli"]) == (stage, step, self.verifiers[0]):
                keys = [key for key in each["headline"] if each["metrics"].get(key, {}).get("value") is not None]
                found |= {f"{HELD_OUT}/{each['task']}/{key}": each["metrics"][key]["value"] / 100 for key in keys}
        return {**found, HELD_OUT: fmean(found.values())} if found else {}

    @property
    def verifiers(self) -> list[str]:
        """The verifiers; the curves are drawn by the first."""
        return list(self.recipe.evaluate.nli) or [self.recipe.nli]

    def evaluate(self, model: Any, stage: str, step: int, *, limit: int | None, verifiers: list[str]) -> None:
        """Generate with a model in memory, score, and append to `evaluations.jsonl`. Resumes an interrupted evaluation.

        `model` is used in its current state; its weights are not changed. `stage` is `start` before training.
        """
        generator = TrainedGenerator(self.policy, self._place(stage, step), self.recipe.evaluate.batch_size)
        generator.use(model)
        self._evaluate(generator, stage, step, limit, verifiers)

    def evaluate_engine(self, engine: Any, stage: str, step: int, *, limit: int | None, verifiers: list[str]) -> None:
        """As `evaluate`, with the rollouts' engine, which must have the weights of this step."""
        generator = EngineGenerator(self.policy, self._place(stage, step), self.recipe.evaluate.batch_size)
        generator.use(engine)
        self._evaluate(generator, stage, step, limit, verifiers)

    def fits(self, engine: Any, limit: int | None) -> bool:
        """Whether an engine can hold every prompt with the longest answer; it may have been made for shorter ones."""
        if self._longest is None:
            options = self._options("check", limit, self.verifiers[0])
            jobs = [
                self._job(name, file, self.policy.generator(), options)
                for name, file in self.recipe.evaluate.tasks.items()
            ]
            self._longest = max(job.longest_prompt or 0 for job in jobs) + self.recipe.evaluate.max_new_tokens
        return self._longest <= int(engine.model_config.max_model_len)

    def _place(self, stage: str, step: int) -> dict[str, Any]:
        return {"recipe": self.recipe.name, "run": self.run_id, "stage": stage, "step": step}

    def _evaluate(self, generator: _Answering, stage: str, step: int, limit: int | None, verifiers: list[str]) -> None:
        options = self._options(f"{stage}-{step}", limit, verifiers[0])
        jobs = tuple(self._job(name, file, generator, options) for name, file in self.recipe.evaluate.tasks.items())
        by_task = {job.task.name: job for job in jobs}
        done = {(e["task"], e["nli"]) for e in self.lines.read() if (e["stage"], e["step"]) == (stage, step)}
        for run in execute(Prepared(generator, jobs, options)):
            if run.error is not None:
                raise run.error
            scored = {verifiers[0]: run.scores}
            for nli in verifiers[1:]:
                # The recipe's own task and file: what the manifest of a folder names is not read.
                job = by_task[run.task]
                data = {EVERY_TASK: file} if (file := job.identity["data"]["requested"]) else {}
                scored[nli] = tuple(score_run(run.folder, self._scoring(nli), task=job.task, data=data))
            self.lines.append(
                Evaluation(stage, step, each, nli, run.folder).record(self.folder)
                for nli, results in scored.items()
                for each in results
                if (each.results.task, nli) not in done
            )

    def check(self) -> None:
        """Check prompts, tasks, profile, metrics and verifiers as `run` does before it generates. Loads no model.

        Raises UserError or BackendError.
        """
        names = self._task_names()
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UsageError(f"evaluate.tasks: two of them are called {twice}; evaluate on one of them")
        generator = self.policy.generator()
        options = self._options("check", self.recipe.evaluate.limit, self.verifiers[0])
        jobs = [self._job(name, file, generator, options) for name, file in self.recipe.evaluate.tasks.items()]
        for job in jobs:
            check_lengths(job, quiet=True)
        for nli in self.verifiers:
            scoring = self._scoring(nli)
            plans = [plan for job in jobs for plan in plans_for(job.task, known_fields(job.examples), scoring)]
            check_scorers(plans, open_nli(plans, scoring), scoring)

    def _options(self, label: str, limit: int | None, nli: str) -> RunOptions:
        wanted = self.recipe.evaluate
        return run_options(
            self.recipe,
            wanted.max_new_tokens,
            generator=GeneratorOptions(label, batch_size=wanted.batch_size),
            backend="training",
            split=wanted.split,
            limit=limit,
            scoring=self._scoring(nli),
            output_path=self.folder / "evaluations",
        )

    def _scoring(self, nli: str) -> ScoringOptions:
        wanted = self.recipe.evaluate
        profiles = (wanted.profile,) if wanted.profile else ()
        options = verifier_options(self.recipe, nli)
        return ScoringOptions(
            profiles=profiles, metrics=tuple(wanted.metrics), nli=nli, nli_options=options, quiet=self.quiet
        )

    def _job(self, name: str, file: str | None, generator: _Answering, options: RunOptions) -> Job:
        task = load_task(name)
        return prepare(task, name, file, task.load(file, options.split), generator, options)

    def _task_names(self) -> list[str]:
        return [load_task(name).name for name in self.recipe.evaluate.tasks]


def verifier_options(recipe: Recipe, nli: str) -> Mapping[str, Any]:
    """The options of a verifier: `nli_options` if it is that of the rewards."""
    return recipe.nli_options if nli == recipe.nli else {}


@contextmanager
def answering(trainer: Any) -> Iterator[Any]:
    """Context with the model of a running trainer, gathered and ready to generate; back in training mode afterwards."""
    import torch
    from trl.models import unwrap_model_for_generation

    training = trainer.model.training
    attention = trainer.model.config._attn_implementation
    if hasattr(trainer, "rollout_worker"):
        # Asynchronous GRPO attends along the trees of its batches, which a prompt is not.
        trainer.model.set_attn_implementation("sdpa")
    # Sampling here must not change the random state of training.
    before = torch.get_rng_state()
    trainer.model.eval()
    try:
        with unwrap_model_for_generation(trainer.model_wrapped, trainer.accelerator) as model:
            yield model
    finally:
        if hasattr(trainer, "rollout_worker"):
            trainer.model.set_attn_implementation(attention)
        trainer.model.train(training)
        torch.set_rng_state(before)


def answering_engine(trainer: Any) -> Any:
    """The engine of a trainer's completions, if one process alone can generate with it; else None."""
    rollouts = getattr(trainer, "rollouts", None)
    if rollouts is None or rollouts.tensor_parallel_size > 1 or rollouts.enable_sleep_mode:
        return None
    return rollouts.engine


def sharded_by_fsdp() -> bool:
    """Whether this job shards its model by FSDP: then no rank can generate alone within a stage."""
    return os.environ.get("ACCELERATE_USE_FSDP", "").lower() in ("true", "1")


def evaluation_callback(evaluator: Evaluator, planned: Stage) -> Any:
    """A callback that evaluates every `evaluate.every` steps within a stage, and at its end where an engine can or
    `keep: best` has to; set its `trainer` before training.

    The rollouts' engine generates if this process has one, else the model. All ranks enter, so that sharded weights can
    be gathered; only the main process generates and scores. Under FSDP without an engine it does nothing: FSDP does not
    gather the weights, so the other ranks would have to generate too.
    """
    from transformers import Trainer, TrainerCallback

    stage = planned.name

    class HeldOutEvaluation(TrainerCallback):
        trainer: Any = None
        stop_requested: Callable[[], bool] = staticmethod(bool)
        stopped = False

        def log(self, control: Any, values: dict[str, float]) -> None:
            due = control.should_log
            # Bypass the override of TRL's trainers, which would flush their own metrics into this row.
            Trainer.log(self.trainer, values)
            control.should_log = due

        def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            # A run that was stopped before or in the evaluation of the step that it resumes from.
            if state.global_step and not evaluator.done(stage, state.global_step, evaluator.verifiers[:1]):
                self.on_step_end(args, state, control)
                if self.stopped:
                    raise AllStepsMade

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            wanted = evaluator.recipe.evaluate
            last = state.global_step >= state.max_steps
            between = wanted.every is not None and state.global_step % wanted.every == 0 and not last
            if not wanted.tasks or not (last or between) or self.stop_requested():
                return
            try:
                evaluated = self._evaluated(state, last=last)
            except Interrupted:
                if self.trainer.accelerator.num_processes > 1:
                    raise
                self.stopped = control.should_save = control.should_training_stop = True
                return
            if evaluated:
                # By every rank: a stage ends by what was logged, and has to end in all of them.
                self.log(control, evaluator.headlines(stage, state.global_step))

        def _evaluated(self, state: Any, *, last: bool) -> bool:
            """Evaluate, where that can be done within a stage."""
            wanted = evaluator.recipe.evaluate
            step, engine = state.global_step, answering_engine(self.trainer)
            limit = wanted.limit if last else wanted.every_limit or wanted.limit
            verifiers = evaluator.verifiers if last else evaluator.verifiers[:1]
            if engine is not None and evaluator.fits(engine, limit):
                self.trainer.sync_engine()
                if state.is_world_process_zero:
                    evaluator.evaluate_engine(engine, stage, step, limit=limit, verifiers=verifiers)
            elif sharded_by_fsdp() or (last and planned.keep != "best"):
                return False  # the saved weights are evaluated after the stage, which is too late to choose by
            else:
                with answering(self.trainer) as model:
                    if state.is_world_process_zero:
                        evaluator.evaluate(model, stage, step, limit=limit, verifiers=verifiers)
            self.trainer.accelerator.wait_for_everyone()
            return True

    return HeldOutEvaluation()
