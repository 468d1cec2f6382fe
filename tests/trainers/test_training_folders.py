"""The folder of a training run: identity, complete checkpoints, disk space."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import pytest
from recipe_cases import small_recipe

from groundeval.errors import DataError
from groundeval.registry import load_plugin
from groundeval.rewards.registry import REWARDS
from groundeval.storage.folder import Lines
from groundeval.trainers import policy, training
from groundeval.trainers.folder import RunFolder, drop_lines_after, training_identity
from groundeval.trainers.recipe import Recipe

MODEL = {"model": "tiny", "content_sha256": "1"}
DATA = {"only": {"tasks": ["2"], "conversations": []}}


def run_of(folder: Path, recipe: Recipe, data: dict | None = None) -> RunFolder:
    return RunFolder.place(folder, recipe, training_identity(recipe, MODEL, data or DATA))


def opened(folder: Path, recipe: Recipe) -> RunFolder:
    run = run_of(folder, recipe)
    run.open(recipe, {})
    run.close()
    return run


def checkpoint(run: RunFolder, recipe: Recipe, step: int, *, whole: bool) -> Path:
    path = run.stage_folder(recipe, recipe.stages[0]) / f"checkpoint-{step}"
    path.mkdir(parents=True)
    if whole:
        run.mark(path, recipe.stages[0])
    return path


def test_the_same_recipe_and_data_find_the_same_folder_and_other_data_another(tmp_path: Path):
    recipe = small_recipe(tmp_path)
    assert run_of(tmp_path, recipe).path == run_of(tmp_path, recipe).path
    assert (
        run_of(tmp_path, recipe, {"only": {"tasks": ["3"], "conversations": []}}).path != run_of(tmp_path, recipe).path
    )


def test_what_does_not_change_the_weights_does_not_change_the_folder(tmp_path: Path):
    plain, watched = small_recipe(tmp_path), small_recipe(tmp_path, {"log_completions": 3, "evaluate": {"every": 5}})
    assert run_of(tmp_path, plain).path == run_of(tmp_path, watched).path


def test_a_reward_in_a_file_counts_by_what_is_in_it_and_not_by_where_it_lies(tmp_path: Path):
    found = []
    for place, text in (("one", "weight 1"), ("two", "weight 1"), ("three", "weight 2")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "mine.yaml").write_text(text)
        recipe = small_recipe(tmp_path / place, stage={"rewards": {"mine.yaml": 1.0}})
        found.append(run_of(tmp_path, recipe).path)
    assert found[0] == found[1] != found[2]


REWARD = """
from groundeval import Reward, register_reward

def parts(values, line):
    return {"part": WEIGHT}

@register_reward("mine")
def mine(task):
    return Reward(metrics=("answering",), formula=parts, profile="trust")
"""


def test_a_reward_of_a_plugin_counts_by_its_code_and_others_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def path(weight: int, place: str, rewards: str = "mine") -> Path:
        recipe = small_recipe(tmp_path, stage={"rewards": rewards})
        with monkeypatch.context() as patched:
            REWARDS.names()
            patched.setattr(REWARDS, "_entries", dict(REWARDS._entries))
            file = tmp_path / place
            file.write_text(REWARD.replace("WEIGHT", str(weight)))
            load_plugin(file)
            code = training.plugin_code(recipe)
        assert (code == {}) == (rewards == "trust")
        return RunFolder.place(tmp_path, recipe, training_identity(recipe, MODEL, DATA, code=code)).path

    assert path(1, "one.py") == path(1, "same.py") != path(2, "other.py")
    assert path(1, "shipped.py", "trust") == run_of(tmp_path, small_recipe(tmp_path, stage={"rewards": "trust"})).path


def test_a_served_verifier_counts_by_what_it_is_and_not_by_its_address(tmp_path: Path):
    served = {"name": "true", "revision": "1"}
    found = [
        training_identity(small_recipe(tmp_path, {"nli": f"http://localhost:{port}"}), MODEL, DATA, answer)
        for port, answer in ((8001, served), (8002, served), (8002, {**served, "revision": "2"}))
    ]
    assert found[0] == found[1] != found[2]


def test_a_chat_model_at_a_server_counts_by_what_it_is_and_not_by_its_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked = []

    def served(spec: str, **options: object) -> SimpleNamespace:
        asked.append(spec)
        return SimpleNamespace(identity=lambda: {"model": "judge"})

    monkeypatch.setattr(training, "connect", served)
    for spec in ("causal:judge@http://host:8001/v1", "causal:judge@http://host:8002/v1"):
        assert training.served(small_recipe(tmp_path, {"nli": spec})) == {"model": "judge"}
    assert training.served(small_recipe(tmp_path, {"nli": "true"})) is None
    assert len(asked) == 2


VLLM = {"engine": "vllm", "mode": "server", "server_url": "http://one:8000"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"rollouts": VLLM}, {"rollouts": {**VLLM, "server_url": "http://other:8001"}}),
        ({"rollouts": VLLM}, {"rollouts": {"engine": "vllm", "mode": "colocate", "sleep": True}}),
        ({"rollouts": {"engine": "vllm"}}, {"rollouts": {"engine": "vllm", "gpu_memory_utilization": 0.4}}),
        ({"rollouts": {"engine": "vllm"}}, {"rollouts": {"engine": "vllm", "tensor_parallel_size": 2}}),
        ({}, {"nli_options": {"timeout": 5.0, "patience": 9.0, "cache": False, "in_process": True}}),
        ({"nli_options": {"device": "cpu"}}, {"nli_options": {"device": "cuda", "token_budget": 4096}}),
    ],
)
def test_how_rollouts_and_the_verifier_are_reached_does_not_change_the_folder(
    tmp_path: Path, before: dict, after: dict
):
    assert run_of(tmp_path, small_recipe(tmp_path, before)).path == run_of(tmp_path, small_recipe(tmp_path, after)).path


def test_ports_and_timeouts_of_a_rollout_server_do_not_change_the_folder(tmp_path: Path):
    found = [
        run_of(tmp_path, small_recipe(tmp_path, stage={"trl": {"num_generations": 4, **trl}})).path
        for trl in ({}, {"vllm_server_port": 1, "vllm_group_port": 2, "vllm_server_timeout": 3.0}, {"top_p": 0.9})
    ]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    "changes",
    [
        {"rollouts": {"engine": "vllm"}},
        {"rollouts": {"max_model_length": 900}},
        {"nli": "other"},
        {"nli_options": {"threshold": 0.7}},
        *({"nli_options": {name: "x"}} for name in ("model", "revision", "dtype", "exact", "label")),
    ],
)
def test_what_changes_rollouts_or_verdicts_changes_the_folder(tmp_path: Path, changes: dict):
    plain, changed = small_recipe(tmp_path), small_recipe(tmp_path, changes)
    assert run_of(tmp_path, plain).path != run_of(tmp_path, changed).path


def test_a_folder_of_another_recipe_is_refused_with_what_differs(tmp_path: Path):
    first = opened(tmp_path, small_recipe(tmp_path))
    other = small_recipe(tmp_path, {"seed": 7}, {"batch": 16})
    run = RunFolder(first.path, training_identity(other, MODEL, DATA))
    with pytest.raises(DataError, match=r"checkpoints of another recipe: recipe.seed, stages\[0\].batch differ"):
        run.check_same()


def evaluating(folder: Path, **fields: object) -> Recipe:
    return small_recipe(folder, {"evaluate": {"tasks": {"asqa": "embedded"}, "limit": 5, **fields}})


def test_evaluations_of_other_samples_than_those_in_the_folder_are_refused(tmp_path: Path):
    run = opened(tmp_path, evaluating(tmp_path))
    changed = evaluating(tmp_path, limit=10, tasks={"asqa": "mine.json"})
    run.check_evaluations(changed)  # none was made yet
    run.lines("evaluations.jsonl").append([{"stage": "start", "step": 0}])
    with pytest.raises(DataError, match=r"evaluate.limit was 5, is 10; evaluate.tasks.asqa was embedded, is mine.json"):
        run.check_evaluations(changed)


@pytest.mark.parametrize(
    "fields",
    [{}, {"nli": ["lexical"]}, {"every": 3}, {"tasks": {"asqa": "embedded", "eli5": "embedded"}}, {"tasks": {}}],
)
def test_what_an_evaluation_may_gain_between_sessions_is_not_refused(tmp_path: Path, fields: dict):
    run = opened(tmp_path, evaluating(tmp_path))
    run.lines("evaluations.jsonl").append([{"stage": "start", "step": 0}])
    run.check_evaluations(evaluating(tmp_path, **fields))


def test_a_run_goes_on_from_its_last_whole_checkpoint(tmp_path: Path):
    recipe = small_recipe(tmp_path)
    run = opened(tmp_path, recipe)
    checkpoint(run, recipe, 2, whole=True)
    expected = checkpoint(run, recipe, 10, whole=True)
    torn = checkpoint(run, recipe, 12, whole=False)
    assert run.last_checkpoint(recipe, recipe.stages[0]) == expected
    assert run.position(recipe) == {"stage": "only", "step": 10}
    evaluated = [tmp_path / run.path / "evaluations" / name for name in ("only-10", "only-11", "start-0")]
    for path in evaluated:
        path.mkdir(parents=True)
    run.forget_after(recipe, recipe.stages[0], 10)
    assert not torn.exists()
    assert [path.exists() for path in evaluated] == [True, False, True]


def test_what_a_killed_run_left_half_written_is_removed_in_every_folder(tmp_path: Path):
    recipe = small_recipe(tmp_path)
    run = opened(tmp_path, recipe)
    model = run.model_of(recipe, recipe.stages[0])
    model.mkdir(parents=True)
    left = [place / f".{name}.0123abcd.part" for place, name in ((run.path, "report.md"), (model, "README.md"))]
    for path in left:
        path.write_text("half")
    opened(tmp_path, recipe)
    assert not any(path.exists() for path in left)


def test_a_checkpoint_that_another_run_wrote_is_refused(tmp_path: Path):
    recipe = small_recipe(tmp_path)
    mine, other = opened(tmp_path, recipe), opened(tmp_path, small_recipe(tmp_path, {"seed": 7}))
    moved = checkpoint(other, recipe, 2, whole=True)
    target = mine.stage_folder(recipe, recipe.stages[0])
    target.mkdir(parents=True)
    moved.rename(target / "checkpoint-2")
    with pytest.raises(DataError, match="checkpoint-2 is a checkpoint of another recipe"):
        mine.last_checkpoint(recipe, recipe.stages[0])


def test_what_was_logged_after_the_checkpoint_is_logged_again(tmp_path: Path):
    lines = Lines(tmp_path / "metrics.jsonl")
    lines.append([{"stage": "a", "step": 9}, {"stage": "b", "step": 2}, {"stage": "b", "step": 3}])
    drop_lines_after(tmp_path / "metrics.jsonl", "b", 2)
    assert list(lines.read()) == [{"stage": "a", "step": 9}, {"stage": "b", "step": 2}]


def test_a_run_that_does_not_fit_onto_the_disk_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    usage = namedtuple("usage", "total used free")(10, 9, 1_000_000_000)
    monkeypatch.setattr(policy.shutil, "disk_usage", lambda path: usage)
    policy.check_disk(tmp_path / "new" / "folder", 1_000_000_000)
    with pytest.raises(DataError, match=r"writes up to 5.0 GB .*, but only 1.0 GB are free.\n.*--output-path.*LoRA"):
        policy.check_disk(tmp_path / "new" / "folder", 5_000_000_000)


def test_what_a_run_has_written_already_is_not_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(policy.shutil, "disk_usage", lambda path: namedtuple("usage", "free")(free=1_000))
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages" / "model.safetensors").write_bytes(b"x" * 500)
    policy.check_disk(tmp_path, 1_500)
    with pytest.raises(DataError, match="are free"):
        policy.check_disk(tmp_path, 1_501)
