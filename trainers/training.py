"""A training run: all checks first, then stage after stage, each from the weights of the one before."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groundeval.aio import stop_requests
from groundeval.console.progress import doing, progress, say
from groundeval.errors import Interrupted
from groundeval.nli import connect
from groundeval.storage.environment import now
from groundeval.storage.folder import check_writable
from groundeval.storage.json_records import file_hash
from groundeval.tasks.formats.examples import content_hash
from groundeval.trainers.asynchronous import async_grpo_trainer
from groundeval.trainers.data.datasets import Rows, check_lengths, dpo_rows, grpo_rows, sft_rows
from groundeval.trainers.data.selection import Hygiene, Selected, select
from groundeval.trainers.dpo import dpo_trainer
from groundeval.trainers.ending import ending_callback, load_best
from groundeval.trainers.evaluating import Evaluator, evaluation_callback, sharded_by_fsdp, verifier_options
from groundeval.trainers.folder import RunFolder, checkpoints_in, step_of, training_identity
from groundeval.trainers.grpo import engine_ended, grpo_trainer, import_engine
from groundeval.trainers.memory import bounding_callback, free
from groundeval.trainers.phases import timing_callback
from groundeval.trainers.policy import Policy, check_disk, disk_needed
from groundeval.trainers.recipe import START, Recipe
from groundeval.trainers.recipe_stage import Stage
from groundeval.trainers.report.completions_page import write_page
from groundeval.trainers.report.report import write_report
from groundeval.trainers.scoring import check_fields, check_rewards, code_of_rewards
from groundeval.trainers.sft import sft_trainer
from groundeval.trainers.steps import never_reached, optimizer_steps
from groundeval.trainers.trl_config import StageConfig, stage_config
from groundeval.trainers.watching import (
    AllStepsMade,
    CompletionLog,
    counting_callback,
    stopping_callback,
    watching_callback,
    write_history,
)


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A stage whose settings and data have passed all checks."""

    stage: Stage
    config: StageConfig
    selected: Sequence[Selected]
    rows: Rows

    @property
    def steps(self) -> int:
        """Number of optimizer steps."""
        return optimizer_steps(self.config.config, len(self.rows.rows))


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """A training run that has passed all checks; no model is loaded yet."""

    recipe: Recipe
    policy: Policy
    stages: tuple[PlannedStage, ...]
    hygiene: Hygiene
    run: RunFolder

    @property
    def warnings(self) -> list[str]:
        """Warnings for the user before the run starts."""
        notes = [note for planned in self.stages for note in (*planned.config.warnings, *planned.rows.notes)]
        for planned in self.stages:
            notes += never_reached(self.recipe, planned.stage, planned.config.config, planned.steps)
        report = self.hygiene.report
        if report.not_checked:
            named = ", ".join(sorted(report.not_checked))
            notes.append(f"evaluation data that was unavailable and not compared with: {named}")
        for source, count in report.dropped.items():
            notes.append(f"{source}: {count} examples were left out because they overlap with evaluation data")
        if self.recipe.evaluate.tasks and self.recipe.evaluate.every and sharded_by_fsdp():
            notes.append("evaluate.every: under FSDP there is no evaluation within a stage, only before and after it")
        kept = {source: len(hits) for source, hits in report.hits.items() if source not in report.dropped}
        for source, count in kept.items():
            notes.append(f"{source}: {count} texts overlap with evaluation data and are trained on (overlap.json)")
        return list(dict.fromkeys(notes))


def plan_training(recipe: Recipe, output_path: Path, *, folder: Path | None = None) -> TrainingPlan:
    """Check everything that can be checked without loading the model. Raises UserError.

    `folder`: resume in this run folder; by default one below `output_path`, given by recipe, model and data.
    """
    placeholder = output_path / "training" / recipe.name
    for stage in recipe.stages:
        stage_config(recipe, stage, placeholder)
        check_rewards(recipe, stage)
    check_verifiers(recipe)
    policy = Policy(recipe.model)
    policy.local  # noqa: B018  finds the model and its chat template
    hygiene = Hygiene(recipe)
    selected = {stage.name: select(recipe, stage, hygiene) for stage in recipe.stages}
    for stage in recipe.stages:
        check_fields(recipe, stage, selected[stage.name])
    model = {**policy.local.source.identity(), **policy.format.identity()}
    identity = training_identity(recipe, model, _data_identity(recipe, selected), served(recipe), plugin_code(recipe))
    run = RunFolder.place(output_path, recipe, identity) if folder is None else RunFolder(folder, identity)
    run.inspect(recipe, policy.parameters)
    run.check_same()
    run.check_evaluations(recipe)
    check_writable(run.path)
    planned = tuple(_planned(recipe, stage, selected[stage.name], policy, hygiene, run) for stage in recipe.stages)
    check_disk(
        run.path, disk_needed(recipe, policy, {p.stage.name: p.config.config.save_total_limit or 10 for p in planned})
    )
    if recipe.evaluate.tasks:
        Evaluator(recipe, policy, run.path, run.id).check()
    return TrainingPlan(recipe, policy, planned, hygiene, run)


def check_verifiers(recipe: Recipe) -> None:
    """Check that the recipe's verifiers are reachable. Raises UserError or BackendError.

    Evaluations without verifiers use the rewards' verifier, if they need one; `Evaluator.check` handles that.
    """
    named = [recipe.nli] if any(stage.rewards for stage in recipe.stages) else []
    named += recipe.evaluate.nli if recipe.evaluate.tasks else []
    for spec in dict.fromkeys(named):
        connect(spec, **verifier_options(recipe, spec)).check()


def served(recipe: Recipe) -> dict[str, Any] | None:
    """The identity of a verifier at an address; None for a named one. A server restarted on another port or machine is
    the same verifier."""
    named = (recipe.nli, recipe.nli_options.get("model"), recipe.nli_options.get("address"))
    if not any("://" in each for each in named if isinstance(each, str)):
        return None
    return connect(recipe.nli, **recipe.nli_options).identity()


def plugin_code(recipe: Recipe) -> dict[str, str]:
    """By name, the hash of the code of all plugins among a recipe's rewards, their metrics, and the verifier."""
    verifier = connect(recipe.nli, **recipe.nli_options).code if any(stage.rewards for stage in recipe.stages) else None
    found = {} if verifier is None else {f"verifier {recipe.nli}": verifier}
    for stage in recipe.stages:
        found |= code_of_rewards(recipe, stage)
    return found


def _data_identity(recipe: Recipe, selected: dict[str, list[Selected]]) -> dict[str, Any]:
    """The data of each stage by content: examples, and the template of their prompts."""
    found: dict[str, Any] = {}
    for stage in recipe.stages:
        tasks = [
            {"examples": content_hash(each.dataset.examples), "prompt": each.task.prompt.sha256}
            for each in selected[stage.name]
        ]
        files = [
            {"file": file_hash(Path(data.conversations)), "count": data.count}
            for data in stage.data
            if data.conversations is not None
        ]
        found[stage.name] = {"tasks": tasks, "conversations": files}
    return found


def _planned(
    recipe: Recipe, stage: Stage, selected: Sequence[Selected], policy: Policy, hygiene: Hygiene, run: RunFolder
) -> PlannedStage:
    config = stage_config(recipe, stage, run.stage_folder(recipe, stage))
    if stage.trainer == "grpo":
        rows = grpo_rows(recipe, stage, selected, policy, config.config.max_completion_length)
    else:
        rows = (sft_rows if stage.trainer == "sft" else dpo_rows)(recipe, stage, selected, policy, hygiene)
        check_lengths(stage, rows.rows, config.config.max_length, policy.local.context_length)
    return PlannedStage(stage, config, selected, rows)


def train(plan: TrainingPlan, *, quiet: bool = False) -> Path:
    """Train all stages that are not done yet, evaluate, and write the report. Returns the run's folder.

    Raises Interrupted after SIGTERM or Ctrl-C: the files written are complete, and the same call resumes.
    """
    from accelerate import PartialState

    state = PartialState()
    _quiet_libraries()
    recipe, run = plan.recipe, plan.run
    main = state.is_main_process
    if main:
        run.open(recipe, plan.hygiene.report.as_dict())
    state.wait_for_everyone()
    evaluator = Evaluator(recipe, plan.policy, run.path, run.id, quiet=quiet)
    try:
        _evaluate_weights(plan, evaluator, None, START, 0)
        for number, planned in enumerate(plan.stages):
            if number >= len(run.finished()):
                _train_stage(plan, planned, evaluator, main=main, quiet=quiet)
            state.wait_for_everyone()
            step = run.evaluated_step(number)
            _evaluate_weights(plan, evaluator, run.model_of(recipe, planned.stage), planned.stage.name, step)
        if main:
            write_report(recipe, run, plan.warnings)
    finally:
        if main:
            run.close()
    state.wait_for_everyone()
    return run.path


def _quiet_libraries() -> None:
    """Silence progress bars of libraries, deprecation notes about their own code, and what needs no attention."""
    import datasets
    import transformers

    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    datasets.disable_progress_bars()
    # File systems whose times are coarse, when old checkpoints are removed; spaces that are rightly left as they are.
    for module in ("trainer_utils", "tokenization_utils_tokenizers"):
        logging.getLogger(f"transformers.{module}").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module="transformers")
    # Its new name is not known to the oldest transformers supported.
    warnings.filterwarnings("ignore", category=FutureWarning, message="`past_key_values` is deprecated")


def _train_stage(plan: TrainingPlan, planned: PlannedStage, evaluator: Evaluator, *, main: bool, quiet: bool) -> None:
    """Train one stage, from its last checkpoint if it has one, and write its model."""
    from accelerate import PartialState
    from transformers import PrinterCallback, ProgressCallback

    recipe, run, stage = plan.recipe, plan.run, planned.stage
    folder = run.stage_folder(recipe, stage)
    checkpoint = run.last_checkpoint(recipe, stage)
    resumed = 0 if checkpoint is None else step_of(checkpoint)
    if main:
        run.forget_after(recipe, stage, resumed)
    PartialState().wait_for_everyone()
    started = now()
    finished = run.finished()
    if main and not quiet:
        where = f"from step {resumed}" if resumed else f"{len(planned.rows.rows)} rows"
        say(f"stage {len(finished) + 1} of {len(recipe.stages)}, {stage.name} ({stage.trainer}): {where}")
    lora = recipe.lora_of(stage)
    before = _weights_before(plan, stage)
    # Created again: DeepSpeed's settings are global, set by the latest config, and affect how a model is loaded.
    config = stage_config(recipe, stage, folder).config
    asynchronous = stage.trainer == "grpo" and not hasattr(config, "use_vllm")
    if stage.trainer == "grpo" and not asynchronous and config.use_vllm:
        import_engine(config)
    with doing(f"{stage.name}: loading {recipe.model.path}", quiet=quiet or not main):
        model = None if asynchronous else plan.policy.load(before, lora)
    held_out = evaluation_callback(evaluator, stage)
    watching = watching_callback(run, stage, sum(each["steps"] for each in finished), quiet=quiet)
    ending = ending_callback(stage, evaluator)
    # What is chosen by a held-out evaluation comes behind it.
    callbacks = [watching, held_out, ending, bounding_callback()]
    if asynchronous:
        trainer = async_grpo_trainer(recipe, stage, plan.policy, before, config, planned.rows, lora, callbacks)
    elif stage.trainer == "grpo":
        tasks = [each.reference for each in planned.selected]
        log = CompletionLog(folder / "completions", stage.name, recipe.log_completions, tasks)
        trainer = grpo_trainer(recipe, stage, plan.policy, model, config, planned.rows, lora, callbacks, log)
        trainer.add_callback(timing_callback(trainer))
    else:
        make = sft_trainer if stage.trainer == "sft" else dpo_trainer
        trainer = make(plan.policy, model, config, planned.rows, lora, callbacks)
    held_out.trainer = trainer
    for their in (ProgressCallback, PrinterCallback):  # stdout is for results
        trainer.remove_callback(their)
    # The ranks of a larger job would not stop at the same step: they end at once, as their launcher expects.
    alone = PartialState().num_processes == 1
    requests: AbstractContextManager[Callable[[], bool]] = (
        stop_requests("this step and a checkpoint") if alone else nullcontext(bool)
    )
    counted = progress(f"{stage.name}: steps", total=planned.steps, done=resumed, quiet=quiet or not main)
    with requests as stop_requested, engine_ended(trainer), counted as advance:
        held_out.stop_requested = stop_requested
        trainer.add_callback(stopping_callback(stop_requested))
        trainer.add_callback(counting_callback(advance))
        with suppress(AllStepsMade):
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        if stop_requested() or held_out.stopped:
            raise Interrupted(
                f"stage {stage.name}: stopped on request after step {trainer.state.global_step}; a checkpoint was "
                "written. The same command resumes from there."
            )
    kept = load_best(trainer) if stage.keep == "best" else None
    _save(plan, stage, trainer, before, main=main)
    if main:
        state = trainer.state
        write_page(folder / "completions", f"{recipe.name}: completions of {stage.name}", folder / "completions.html")
        checkpoints = [path.name for path in checkpoints_in(folder)]
        run.finish(
            {
                "name": stage.name,
                "trainer": stage.trainer,
                "steps": state.global_step,
                **({} if kept is None else {"kept": kept}),
                **({} if ending.reason is None else {"ended": ending.reason}),
                "rows": len(planned.rows.rows),
                "examples": {
                    each.reference: {"count": len(each.dataset.examples), "answerable": each.answerable}
                    for each in planned.selected
                },
                "checkpoints": checkpoints,
                "model": str(run.model_of(recipe, stage).relative_to(run.path)),
                "started": started,
            }
        )
        write_history(run)
    # Drop all references to the model.
    del trainer, model, callbacks, held_out, ending
    free()


def _weights_before(plan: TrainingPlan, stage: Stage) -> Path | None:
    """The folder of the weights that a stage starts from; None: the recipe's model itself."""
    before = plan.recipe.before(stage)
    return None if before is None else plan.run.model_of(plan.recipe, before)


def _save(plan: TrainingPlan, stage: Stage, trainer: Any, before: Path | None, *, main: bool) -> None:
    """Write the weights of a finished stage; an adapter is saved and merged into the weights it was trained on."""
    target = plan.run.model_of(plan.recipe, stage)
    lora = plan.recipe.lora_of(stage)
    if lora is None:
        trainer.save_model(str(target))
        return
    adapter = target.parent / "adapter"
    trainer.save_model(str(adapter))
    if main:
        _one_process_loads()
        plan.policy.merge(before, adapter, target)


def _evaluate_weights(plan: TrainingPlan, evaluator: Evaluator, weights: Path | None, stage: str, step: int) -> None:
    """Evaluate saved weights in the main process; the others wait."""
    from accelerate import PartialState

    state = PartialState()
    if plan.recipe.evaluate.tasks and state.is_main_process and not evaluator.done(stage, step, evaluator.verifiers):
        _one_process_loads()
        if not evaluator.quiet:
            say(f"{stage}: held-out evaluation" + (f" after step {step}" if step else ""))
        model = plan.policy.load(weights, None).to(state.device).eval()
        evaluator.evaluate(model, stage, step, limit=plan.recipe.evaluate.limit, verifiers=evaluator.verifiers)
        del model
        free()
    state.wait_for_everyone()


def _one_process_loads() -> None:
    """Context in which one process loads a whole model, which DeepSpeed's settings would shard over all processes."""
    from transformers.integrations.deepspeed import unset_hf_deepspeed_config

    unset_hf_deepspeed_config()  # type: ignore[no-untyped-call]
