"""GRPO: TRL's GRPOTrainer with the rewards of the reward library."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from groundeval.generation.backends.engine_log import EngineLog
from groundeval.models.chat import ChatFormat
from groundeval.rewards.adapters.trl import TRLReward
from groundeval.rewards.adapters.trl_parts import SharedBatch
from groundeval.rewards.reward import Rewarded
from groundeval.rewards.rollouts import Rollout
from groundeval.trainers.data.datasets import Rows
from groundeval.trainers.policy import Policy, peft_config
from groundeval.trainers.precision import computed_in
from groundeval.trainers.recipe import Recipe
from groundeval.trainers.recipe_stage import Lora, Stage
from groundeval.trainers.rollouts.guard import DriftGuard
from groundeval.trainers.scoring import rewarder
from groundeval.trainers.trl_config import reshaped
from groundeval.trainers.watching import HELD_OUT, CompletionLog


def judged_completions(recipe: Recipe, stage: Stage, format: ChatFormat, log: CompletionLog) -> TRLReward:
    """The reward function that TRL calls for a stage; some of the judged completions are logged."""

    def keep(step: int, rollouts: Sequence[Rollout], rewarded: Sequence[Rewarded]) -> None:
        if log.wanted(step):
            log.add(step, rollouts, rewarded)

    return TRLReward(rewarder(recipe, stage), format=format, held_out=HELD_OUT, on_rewards=keep)


def grpo_trainer(
    recipe: Recipe,
    stage: Stage,
    policy: Policy,
    model: Any,
    config: Any,
    rows: Rows,
    lora: Lora | None,
    callbacks: Sequence[Any],
    log: CompletionLog,
) -> Any:
    """A trainer that samples several answers to every prompt of the rows (`grpo_rows`) and learns from their rewards.

    If vLLM samples them it is a `RolloutTrainer`, whose engine ends when it is closed.
    """
    judged = judged_completions(recipe, stage, policy.format, log)
    functions: list[Any] = [judged]
    if stage.normalize == "parts":
        batch = SharedBatch(judged, [each.task for each in stage.data if each.task is not None])
        functions, config.reward_weights = [*batch.functions], batch.weights
    settings = {
        "model": model,
        "reward_funcs": functions,
        "args": config,
        "train_dataset": rows.dataset(),
        "processing_class": policy.tokenizer,
        "peft_config": peft_config(lora),
        "callbacks": list(callbacks),
    }
    if not config.use_vllm:
        from trl import GRPOTrainer

        return made_of(GRPOTrainer, stage)(**settings)
    printed = import_engine(config)
    from groundeval.trainers.rollouts.trainer import RolloutTrainer

    config.generation_kwargs = with_ends(config.generation_kwargs, policy.format.end_tokens)
    dtype = computed_in(config, policy.dtype(lora))
    guard = None
    if not reshaped(config):
        wanted = recipe.rollouts
        guard = DriftGuard(
            stage.name, dtype, every=wanted.check_every, tolerance=wanted.tolerance, lora=lora is not None
        )
    return made_of(RolloutTrainer, stage)(guard=guard, dtype=dtype, log=printed, **settings)


def made_of(trainer: Any, stage: Stage) -> Any:
    """The trainer's class for a stage: with `share_prompts` one that computes every prompt once."""
    if not stage.share_prompts:
        return trainer
    from groundeval.trainers.shared_prompts import SharedPrompts

    return type(trainer.__name__, (SharedPrompts, trainer), {})


def import_engine(config: Any) -> EngineLog:
    """Import vLLM, whose output goes to the stage's `engine.log`; return the log.

    Call it before a model is loaded: the errors that vLLM catches and keeps on import keep the variables of all their
    stack frames alive.
    """
    printed = EngineLog(Path(config.output_dir) / "engine.log")
    with printed.captured():
        import groundeval.trainers.rollouts.trainer  # noqa: F401
    return printed


@contextmanager
def engine_ended(trainer: Any) -> Iterator[None]:
    """Context that always ends a trainer's engine: two do not fit into memory, and its ports would stay bound."""
    try:
        yield
    finally:
        if hasattr(trainer, "rollouts"):
            trainer.close()


def with_ends(generation_kwargs: Mapping[str, Any] | None, ends: Iterable[int]) -> dict[str, Any]:
    """Generation arguments for vLLM, with the tokens that end an answer added to TRL's, which has none.

    Without them a base model with its own chat template generates up to the limit.
    """
    given = dict(generation_kwargs or {})
    return {**given, "stop_token_ids": sorted({*(given.get("stop_token_ids") or ()), *ends})}
