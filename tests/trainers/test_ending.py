"""Stages that end before their last step, and those that end with other weights than those of their last step."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from recipe_cases import small_recipe
from training_runs import lines, run_folder, small_stage, train

from groundeval.errors import DataError
from groundeval.trainers.ending import ending_callback, out_of_bounds
from groundeval.trainers.folder import training_identity
from groundeval.trainers.recipe_stage import Bounds
from groundeval.trainers.watching import AllStepsMade

EVALUATE = {"tasks": {"trust_asqa": "embedded"}, "every": 2}


def test_a_mean_outside_of_its_bounds_is_a_reason_once_enough_values_were_logged():
    rows = [{"entropy": value, "loss": 1.0} for value in (0.5, 0.2, 0.02, 0.03)]
    assert list(out_of_bounds(rows, {"entropy": Bounds(below=0.05, over=5)})) == []
    assert list(out_of_bounds(rows, {"entropy": Bounds(below=0.05, over=3)})) == []
    [reason] = out_of_bounds(rows, {"entropy": Bounds(below=0.05, over=2)})
    assert reason == "the mean of entropy over 2 logged steps is 0.025, below 0.05"
    [reason] = out_of_bounds(rows, {"loss": Bounds(above=0.9, over=4)})
    assert "above 0.9" in reason
    assert list(out_of_bounds(rows, {"length": Bounds(above=0.9, over=1)})) == []


@pytest.mark.parametrize(
    ("changes", "stage", "said"),
    [
        ({}, {"keep": "best"}, "`keep: best` needs `evaluate`"),
        ({}, {"patience": 2}, "`patience` needs `evaluate`"),
        ({"evaluate": {**EVALUATE, "every_limit": 3}}, {"keep": "best"}, "every_limit"),
        ({}, {"stop_when": {"entropy": {"over": 3}}}, "name a bound"),
    ],
)
def test_what_a_stage_cannot_choose_by_is_refused(
    tmp_path: Path, changes: dict[str, Any], stage: dict[str, Any], said: str
):
    with pytest.raises(DataError, match=said):
        small_recipe(tmp_path, changes, stage)


def test_a_recipe_without_the_new_fields_keeps_its_run_folder(tmp_path: Path):
    recipe = small_recipe(tmp_path)
    identity = training_identity(recipe, {}, {"only": []})
    assert not {"keep", "patience", "stop_when"} & set(identity["stages"][0])
    changed = small_recipe(tmp_path, {}, {"stop_when": {"entropy": {"below": 0.1}}})
    assert training_identity(changed, {}, {"only": []}) != identity


def states(callback: Any, scores: dict[int, float], steps: int) -> Any:
    """The trainer's state after so many steps, of which some were evaluated."""
    state = SimpleNamespace(max_steps=20, best_metric=None, best_global_step=None, best_model_checkpoint=None)
    control = SimpleNamespace(should_save=False, should_training_stop=False)
    for step in range(1, steps + 1):
        state.global_step = step
        callback.on_step_end(SimpleNamespace(output_dir="out"), state, control)
    state.stopped = control.should_training_stop
    return state


def callback_of(tmp_path: Path, scores: dict[int, float], **stage: Any) -> Any:
    recipe = small_recipe(tmp_path, {"evaluate": EVALUATE}, stage)
    evaluator: Any = SimpleNamespace(
        recipe=recipe, headlines=lambda stage, step: {"held_out": scores[step]} if step in scores else {}
    )
    return ending_callback(recipe.stages[0], evaluator)


def test_the_first_of_the_best_evaluations_is_kept(tmp_path: Path):
    pytest.importorskip("transformers")
    scores = {2: 0.1, 4: 0.3, 6: 0.3, 8: 0.2}
    state = states(callback_of(tmp_path, scores, keep="best"), scores, 8)
    assert (state.best_global_step, state.best_model_checkpoint, state.stopped) == (4, "out/checkpoint-4", False)


def test_patience_counts_evaluations_since_the_best(tmp_path: Path):
    pytest.importorskip("transformers")
    scores = {2: 0.1, 4: 0.3, 6: 0.3, 8: 0.2}
    assert not states(callback_of(tmp_path, scores, patience=2), scores, 6).stopped
    callback = callback_of(tmp_path, scores, patience=2)
    assert states(callback, scores, 8).stopped
    assert "2 evaluations without a higher held-out score than that of step 4" in callback.reason


def resumed(callback: Any, scores: dict[int, float], step: int, best: int | None) -> bool:
    """Whether a run that resumes from this step makes no further one."""
    state = states(callback, scores, 0)
    state.global_step, state.best_global_step, state.log_history = step, best, [{"loss": 2.0, "step": step}]
    state.best_metric, state.best_model_checkpoint = (None, None) if best is None else (scores[best], "/elsewhere")
    control, arguments = SimpleNamespace(should_save=False), SimpleNamespace(output_dir="out")
    callback.on_train_begin(arguments, state, control)
    assert state.best_model_checkpoint == (None if best is None else f"out/checkpoint-{best}")
    try:
        callback.on_epoch_begin(arguments, state, control)
    except AllStepsMade:
        return True
    return False


def test_a_run_killed_after_the_checkpoint_at_which_patience_ran_out_makes_no_further_step(tmp_path: Path):
    pytest.importorskip("transformers")
    scores = {2: 0.1, 4: 0.3, 6: 0.3, 8: 0.2}
    assert not resumed(callback_of(tmp_path, scores, patience=2), scores, 6, best=4)
    callback = callback_of(tmp_path, scores, patience=2)
    assert resumed(callback, scores, 8, best=4)
    assert "2 evaluations without a higher held-out score than that of step 4" in callback.reason


def test_a_run_killed_after_the_checkpoint_at_which_a_bound_was_crossed_makes_no_further_step(tmp_path: Path):
    pytest.importorskip("transformers")
    for bound, ended in ((1.0, True), (3.0, False)):
        callback = callback_of(tmp_path, {}, stop_when={"loss": {"above": bound, "over": 1}})
        assert resumed(callback, {}, 3, best=None) is ended


@pytest.mark.slow
@pytest.mark.parametrize("lora", [None, {"r": 2}])
def test_a_stage_ends_with_the_weights_of_its_best_evaluation(tmp_path: Path, lora: dict[str, int] | None):
    pytest.importorskip("trl")
    from safetensors.torch import load_file

    evaluate = {"tasks": {"trust_asqa": "embedded"}, "limit": 2, "every": 1, "max_new_tokens": 4}
    content = small_stage(tmp_path, evaluate, keep="best", stop_when={"loss": {"above": 0, "over": 3}}, lora=lora)
    done = train(content, "--output-path", tmp_path)
    assert done.returncode == 0, done.stderr
    folder = run_folder(tmp_path)
    [stage] = json.loads((folder / "stages.json").read_text())
    assert stage["steps"] == 3, "of five: the loss is above 0"
    assert "the mean of loss over 3 logged steps" in stage["ended"]
    scores = {row["step"]: row["held_out"] for row in lines(folder / "metrics.jsonl") if "held_out" in row}
    assert sorted(scores) == [1, 2, 3]
    assert stage["kept"] == max(scores, key=lambda step: (scores[step], -step))
    name, file = ("model", "model.safetensors") if lora is None else ("adapter", "adapter_model.safetensors")
    parts = folder / "stages" / "1-sft"
    kept, last = load_file(parts / name / file), load_file(parts / "checkpoint-3" / file)
    best = load_file(parts / f"checkpoint-{stage['kept']}" / file)
    assert all(kept[key].equal(best[key]) for key in kept)
    assert stage["kept"] == 3 or any(not kept[key].equal(last[key]) for key in kept)
    places = [(each["stage"], each["step"]) for each in lines(folder / "evaluations.jsonl")]
    assert places == [("start", 0), ("sft", 1), ("sft", 2), ("sft", 3)]
