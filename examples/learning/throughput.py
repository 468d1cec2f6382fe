"""Rollouts by vLLM and by transformers in one run: seconds of a GRPO step by phase, tokens a second, by batch.

    python examples/learning/throughput.py examples/learning/smollm2.yaml stage2_alone --batches 8,16,32,64

Trains the named stage of a recipe for a few steps from the recipe's model and writes no weights. The first step of each
engine is left out: it builds caches. Seconds are CPU seconds of the process where there is no GPU.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import fmean
from time import perf_counter, process_time
from typing import Any

from groundeval.registry import load_plugin
from groundeval.trainers.grpo import engine_ended, grpo_trainer, import_engine
from groundeval.trainers.memory import free
from groundeval.trainers.phases import timing_callback
from groundeval.trainers.recipe import Recipe, Rollouts
from groundeval.trainers.recipe_file import read_recipe
from groundeval.trainers.training import plan_training
from groundeval.trainers.watching import CompletionLog


def measure(recipe: Recipe, engine: str, batch: int, steps: int) -> dict[str, Any]:
    """Seconds a step by phase and tokens a second of rollouts, means of all steps but the first."""
    import torch

    [stage] = recipe.stages
    together = batch if stage.share_prompts else min(8, batch)
    trl = {**stage.trl, "max_steps": steps + 1, "per_device_train_batch_size": together, "save_strategy": "no"}
    stage = stage.model_copy(update={"batch": batch, "trl": trl, "after": None})
    changed = recipe.model_copy(
        update={"stages": [stage], "rollouts": Rollouts(**{**dict(recipe.rollouts), "engine": engine})}
    )
    with tempfile.TemporaryDirectory() as folder:
        plan = plan_training(changed, Path(folder))
        [planned] = plan.stages
        config, lora = planned.config.config, changed.lora_of(stage)
        if engine == "vllm" and not config.use_vllm:
            raise SystemExit("; ".join(plan.warnings))
        if config.use_vllm:
            import_engine(config)
        log = CompletionLog(
            Path(folder) / "completions", stage.name, 1000, [each.reference for each in planned.selected]
        )
        trainer = grpo_trainer(
            changed, stage, plan.policy, plan.policy.load(None, lora), config, planned.rows, lora, [], log
        )
        clock = perf_counter if torch.cuda.is_available() else process_time
        trainer.add_callback(timing_callback(trainer, clock))
        with engine_ended(trainer):
            trainer.train()
        history = [each for each in trainer.state.log_history if "seconds/rollouts" in each][1:]
    seconds = {
        phase: fmean(each.get(f"seconds/{phase}", 0.0) for each in history)
        for phase in ("rollouts", "rewards", "forward", "backward", "sync")
    }
    tokens = batch * fmean(each["completions/mean_length"] for each in history)
    del trainer
    free()
    return {
        "engine": engine,
        "batch": batch,
        "steps": len(history),
        "tokens": round(tokens, 1),
        "tokens_a_second": round(tokens / seconds["rollouts"], 1),
        **{phase: round(value, 2) for phase, value in seconds.items()},
        "step": round(sum(seconds.values()), 2),
    }


def main() -> None:
    """Measure every engine and batch, and print a line of JSON for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recipe")
    parser.add_argument("stage")
    parser.add_argument("--batches", default="8,16,32,64")
    parser.add_argument("--engines", default="vllm,transformers")
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--include-path", type=Path, action="append", default=[])
    given = parser.parse_args()
    for path in given.include_path:
        load_plugin(path)
    recipe = read_recipe(given.recipe)
    stage = next(each for each in recipe.stages if each.name == given.stage)
    recipe = recipe.model_copy(update={"stages": [stage], "evaluate": recipe.evaluate.model_copy(update={"tasks": {}})})
    for batch in map(int, given.batches.split(",")):
        for engine in given.engines.split(","):
            print(json.dumps(measure(recipe, engine, batch, given.steps)), flush=True)


if __name__ == "__main__":
    main()
