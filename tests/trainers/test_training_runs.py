"""Whole runs on a tiny model: all stages, kill and resume, rewards that equal scores."""

from __future__ import annotations

import json
import pickle
import shutil
import signal
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
import yaml
from training_runs import history, last_stage, lines, run_folder, smoke_recipe, started, tiny_model, train, until

from groundeval.rewards.registry import load_reward

pytest.importorskip("trl")
pytestmark = pytest.mark.slow

VERIFIER = """
from groundeval.nli.model import register_nli
from groundeval.records import Verdict


class Never:
    name, revision, in_process = "never", None, False

    def score(self, pairs):
        return [Verdict(entailed=False, score=0.0) for _ in pairs]


@register_nli("never")
def never(options):
    return Never()
"""
STAGES = [("sft", "sft", 3), ("dpo", "dpo", 3), ("stage1", "grpo", 3), ("stage2", "grpo", 3)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undisturbed run with evaluations within its stages."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "verifier.py").write_text(VERIFIER)
    judges = ["lexical", "never"]
    evaluate = {"tasks": {"trust_asqa": "embedded"}, "limit": 2, "every": 2, "max_new_tokens": 8, "nli": judges}
    recipe = smoke_recipe(folder, tiny_model(folder / "tiny"), evaluate=evaluate)
    done = train(recipe, "--output-path", folder, "--include-path", folder / "verifier.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(run_folder(folder))
    said = done.stderr.splitlines()
    assert "trust_asqa: generating: 2/2" in said[said.index("start: held-out evaluation") + 1]
    return run_folder(folder)


def test_every_stage_makes_its_steps_and_leaves_a_model_that_loads(whole: Path):
    from transformers import AutoModelForCausalLM

    assert history(whole) == STAGES
    AutoModelForCausalLM.from_pretrained(whole / "stages" / "4-stage2" / "model")


def test_each_stage_starts_from_the_weights_of_the_one_before(whole: Path):
    from safetensors.torch import load_file

    weights = [load_file(whole / "stages" / name / "model" / "model.safetensors") for name in ("1-sft", "2-dpo")]
    start = load_file(whole.parents[2] / "tiny" / "model.safetensors")
    apart = [
        max(float((one[key] - other[key]).abs().max()) for key in one) for one, other in ((start, weights[0]), weights)
    ]
    assert 0 < apart[0] < 1e-2
    assert 0 < apart[1] < 1e-2


def test_the_harness_evaluates_before_within_and_after_the_stages(whole: Path):
    places = [(each["stage"], each["step"], each["nli"]) for each in lines(whole / "evaluations.jsonl")]
    ends = [[(name, 2, "lexical"), (name, 3, "lexical"), (name, 3, "never")] for name, _, _ in STAGES]
    assert places == [("start", 0, "lexical"), ("start", 0, "never"), *(place for stage in ends for place in stage)]
    for each in lines(whole / "evaluations.jsonl"):
        assert (whole / each["scores"] / "results.json").is_file()


def test_the_report_compares_every_stage_with_the_start(whole: Path):
    report = (whole / "report.md").read_text()
    for name, _, _ in STAGES:
        assert f"| start | {name} |" in report
    assert "| stage1 | stage2 |" in report
    for verifier in ("lexical", "never"):
        assert f"judged by {verifier} (n = 2)" in report
    assert (whole / "plots" / "rewards.png").stat().st_size > 0
    card = (whole / "stages" / "4-stage2" / "model" / "README.md").read_text()
    assert "1 x ground_grpo_instruct (stage=2); NLI model `lexical`" in card


def test_metrics_of_every_step_are_written_with_the_parts_of_the_reward(whole: Path):
    rows = [row for row in lines(whole / "metrics.jsonl") if row["stage"] == "stage2" and "reward" in row]
    assert [row["step"] for row in rows] == [1, 2, 3]
    for name in (
        "component/refusal",
        "refusal_rate",
        "flat_groups",
        "citations_per_statement",
        "nli/asked",
        "seconds",
        "words",
    ):
        assert f"ground_grpo_instruct/{name}" in rows[0], sorted(rows[0])
    totals = [row["step"] for row in json.loads((whole / "history.json").read_text()) if "reward" in row]
    assert totals == [7, 8, 9, 10, 11, 12]


def test_rewards_that_the_trainer_saw_equal_those_of_score_on_the_logged_completions(whole: Path, tmp_path: Path):
    from groundeval import score

    compared: dict[tuple[str, int], list[float]] = {}
    for file in whole.glob("stages/*/completions/*.jsonl"):
        stage = file.parts[-3]
        reward = load_reward("ground_grpo_instruct", file.stem, nli="lexical", stage=int(stage[-1]))
        [result] = score(
            file, file.stem, profiles=[reward.profile], metrics=reward.metrics, nli="lexical",
            output_path=tmp_path / stage / file.stem,
        )  # fmt: skip
        assert result.folder is not None
        scored = {line["id"]: reward.of(line) for line in lines(result.folder / "scores.jsonl")}
        for each in lines(file):
            assert (each["reward"], each["components"]) == (scored[each["id"]].total, scored[each["id"]].components)
            compared.setdefault((each["stage"], each["step"]), []).append(each["reward"])
    assert {place: len(rewards) for place, rewards in compared.items()} == {
        (stage, step): 4 for stage in ("stage1", "stage2") for step in (1, 2, 3)
    }
    for row in lines(whole / "metrics.jsonl"):
        if "reward" in row:
            there = [reward for reward in compared[row["stage"], row["step"]] if reward is not None]
            assert row["reward"] == pytest.approx(fmean(there), rel=1e-6)  # TRL averages in float32


def test_the_completions_page_shows_texts_and_verdicts(whole: Path):
    page = (whole / "stages" / "4-stage2" / "completions.html").read_text()
    record = lines(whole / "stages" / "4-stage2" / "completions" / "trust_asqa.jsonl")[0]
    assert record["question"] in page
    assert f'<span class="reward">reward {record["reward"]:g}</span>' in page


def test_the_same_command_again_trains_nothing(whole: Path):
    before = (whole / "stages.json").read_bytes()
    folder = whole.parents[2]
    done = train(folder / "smoke.yaml", "--output-path", folder, "--include-path", folder / "verifier.py")
    assert done.returncode == 0, done.stderr
    assert "stage 1" not in done.stderr
    assert (whole / "stages.json").read_bytes() == before


@pytest.fixture(scope="module")
def killed(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """The folder of an undisturbed run of one stage, that of a run that was killed and resumed in a process of its own,
    and what this process said."""
    tiny, folders = whole.parents[2] / "tiny", [tmp_path_factory.mktemp(name) for name in ("undisturbed", "killed")]
    undisturbed, recipe = (last_stage(each, tiny, max_steps=3, save_steps=1, learning_rate=1e-3) for each in folders)
    done = train(undisturbed, "--output-path", folders[0])
    assert done.returncode == 0, done.stderr
    with started(recipe) as running:
        until(lambda: list(folders[1].glob("training/**/checkpoint-1/groundeval.json")), running)
    with started(recipe) as running:
        code = running.wait(timeout=240)
    said = (folders[1] / "log").read_text()
    assert code == 0, said
    return run_folder(folders[0]), run_folder(folders[1]), said


def test_grpo_changes_the_weights_and_a_killed_run_changes_them_alike(whole: Path, killed: tuple[Path, Path, str]):
    from safetensors.torch import load_file

    *runs, _ = killed
    sessions = json.loads((runs[1] / "manifest.json").read_text())["sessions"]
    assert sessions[1]["at"]["stage"] == "stage2"
    assert sessions[1]["at"]["step"] >= 1
    rewards = [
        [(row["step"], row["reward"]) for row in lines(run / "metrics.jsonl") if "reward" in row] for run in runs
    ]
    assert [step for step, _ in rewards[0]] == [1, 2, 3]
    assert rewards[0] == rewards[1]
    assert len({reward for _, reward in rewards[0]}) > 1
    trained, resumed = (load_file(run / "stages" / "1-stage2" / "model" / "model.safetensors") for run in runs)
    start = load_file(whole.parents[2] / "tiny" / "model.safetensors")
    assert any(not start[name].equal(trained[name]) for name in start)
    assert all(trained[name].equal(resumed[name]) for name in trained)


def test_a_resumed_run_says_where_it_goes_on_and_no_library_says_anything(killed: tuple[Path, Path, str]):
    *_, folder, said = killed
    assert "stage 1 of 1, stage2 (grpo): from step" in said
    own = ("smoke: ", "stage 1 of 1, ", "stage2: ", "report: ", "model: ", "next:", "  groundeval view", str(folder))
    assert [line for line in said.splitlines() if not line.startswith(own)] == []


class Evil:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return sys.exit, ("ran",)


def test_a_run_killed_behind_its_last_step_makes_no_further_one(whole: Path, tmp_path: Path):
    late = tmp_path / "late"
    shutil.copytree(whole, late)
    stages = json.loads((late / "stages.json").read_text())
    (late / "stages.json").write_text(json.dumps(stages[:-1]))
    shutil.rmtree(late / "stages" / "4-stage2" / "model")
    # What a stranger may add to the folder: a pickle that nothing loads, a config that names code.
    (late / "stages" / "4-stage2" / "checkpoint-3" / "training_args.bin").write_bytes(pickle.dumps(Evil()))
    config = {"auto_map": {"AutoModelForCausalLM": "evil.Model"}, "model_type": "evil"}
    (late / "stages" / "3-stage1" / "model" / "config.json").write_text(json.dumps(config))
    (late / "stages" / "3-stage1" / "model" / "evil.py").write_text("raise SystemExit('ran')")
    folder = whole.parents[2]
    done = train(folder / "smoke.yaml", "--resume", late, "--include-path", folder / "verifier.py")
    assert done.returncode == 0, done.stderr
    assert "stage 4 of 4, stage2 (grpo): from step 3" in done.stderr
    assert history(late) == STAGES
    rows = [row for row in lines(late / "metrics.jsonl") if row["stage"] == "stage2" and "reward" in row]
    assert [row["step"] for row in rows] == [1, 2, 3]
    weights = Path("stages", "4-stage2", "model", "model.safetensors")
    assert (late / weights).read_bytes() == (whole / weights).read_bytes()


def test_the_report_names_a_command_that_loads_the_same_plugins(whole: Path):
    plugin = whole.parents[2] / "verifier.py"
    assert f"recipe.yaml --include-path {plugin} --output-path again" in (whole / "report.md").read_text()


def test_a_run_that_is_asked_to_stop_leaves_a_checkpoint_and_says_how_to_go_on(whole: Path, tmp_path: Path):
    recipe = smoke_recipe(tmp_path, whole.parents[2] / "tiny", evaluate={})
    recipe.write_text(
        recipe.read_text().replace("max_steps: 3", "max_steps: 500").replace("save_steps: 1", "save_steps: 500")
    )
    with started(recipe) as running:
        until(lambda: list(tmp_path.glob("training/*/*/metrics.jsonl")), running)
        running.send_signal(signal.SIGINT)
        until(lambda: "stopping after this step and a checkpoint" in (tmp_path / "log").read_text(), running)
        code = running.wait(timeout=120)
    said = (tmp_path / "log").read_text()
    assert code == 3, said
    assert "stopped on request after step" in said
    assert list(run_folder(tmp_path).glob("stages/1-sft/checkpoint-*/groundeval.json"))


def test_a_checkpoint_of_another_recipe_is_refused(whole: Path, tmp_path: Path):
    other = smoke_recipe(tmp_path, whole.parents[2] / "tiny", num_docs=2, evaluate={})
    done = train(other, "--resume", whole)
    assert done.returncode == 1
    assert "holds checkpoints of another recipe: " in done.stderr
    assert "recipe.num_docs" in done.stderr


def test_lora_stages_end_with_merged_weights_that_differ_from_the_start(whole: Path, tmp_path: Path):
    from safetensors.torch import load_file

    tiny = whole.parents[2] / "tiny"
    recipe = smoke_recipe(tmp_path, {}, evaluate={}, lora={"r": 4})
    text = recipe.read_text().replace("model: '{}'", f"model: {{path: {tiny}, dtype: float32}}")
    # In the same run: a reward whose parts TRL normalises.
    content = yaml.safe_load(text.replace("max_steps: 3", "max_steps: 1"))
    content["stages"][-1]["normalize"] = "parts"
    recipe.write_text(yaml.safe_dump(content))
    done = train(recipe, "--output-path", tmp_path)
    assert done.returncode == 0, done.stderr
    folder = run_folder(tmp_path)
    assert history(folder) == [(name, trainer, 1) for name, trainer, _ in STAGES]
    assert (folder / "stages" / "1-sft" / "adapter" / "adapter_config.json").is_file()
    [row] = [row for row in lines(folder / "metrics.jsonl") if row["stage"] == "stage2" and "reward" in row]
    assert {name for name in row if name.startswith("rewards/") and name.endswith("/mean")} >= {
        f"rewards/ground_grpo_instruct/{part}/mean" for part in ("refusal", "em", "citation")
    }
    judged = [each for file in folder.glob("stages/4-stage2/completions/*.jsonl") for each in lines(file)]
    assert row["reward"] == pytest.approx(fmean(each["reward"] for each in judged))
    start, end = (
        load_file(tiny / "model.safetensors"),
        load_file(folder / "stages" / "1-sft" / "model" / "model.safetensors"),
    )
    assert start.keys() == end.keys()
    assert any(float((start[key] - end[key]).abs().max()) > 0 for key in start)
