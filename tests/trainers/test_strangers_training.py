"""A training run's folder that comes from somebody else: nothing that it holds or names is run, or read elsewhere."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from recipe_cases import small_recipe

from groundeval.errors import DataError
from groundeval.trainers import inspection
from groundeval.trainers.folder import RunFolder, training_identity

torch = pytest.importorskip("torch")
pytest.importorskip("trl")


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, made: Path) -> None:
        self.made = made

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.made),)


class Checkpointed:
    """A run folder with one complete checkpoint, as a trainer writes it."""

    def __init__(self, folder: Path) -> None:
        self.recipe = small_recipe(folder)
        identity = training_identity(self.recipe, {"model": "tiny"}, {"only": {}})
        self.run = RunFolder.place(folder, self.recipe, identity)
        self.run.open(self.recipe, {})
        self.run.close()
        self.checkpoint = self.run.stage_folder(self.recipe, self.recipe.stages[0]) / "checkpoint-2"
        self.checkpoint.mkdir(parents=True)
        parameter = torch.nn.Parameter(torch.ones(2))
        optimizer = torch.optim.AdamW([parameter])
        parameter.sum().backward()
        optimizer.step()
        torch.save(optimizer.state_dict(), self.checkpoint / "optimizer.pt")
        random = {"python": __import__("random").getstate(), "numpy": __import__("numpy").random.get_state()}
        torch.save({**random, "cpu": torch.get_rng_state()}, self.checkpoint / "rng_state.pth")
        self.write("trainer_state.json", {"global_step": 2, "log_history": []})
        self.run.mark(self.checkpoint, self.recipe.stages[0])

    def write(self, name: str, content: Any) -> None:
        (self.checkpoint / name).write_text(json.dumps(content))

    def inspect(self) -> None:
        self.run.inspect(self.recipe, 1_000)


@pytest.fixture
def mine(tmp_path: Path) -> Checkpointed:
    made = Checkpointed(tmp_path)
    made.inspect()
    return made


@pytest.mark.parametrize("name", ["optimizer.pt", "scheduler.pt", "rng_state.pth", "scaler.pt", "pytorch_model.bin"])
def test_a_checkpoint_that_would_run_code_is_refused_and_does_not_run_it(mine: Checkpointed, tmp_path: Path, name: str):
    torch.save({"state": Evil(tmp_path / "ran")}, mine.checkpoint / name)
    with pytest.raises(DataError, match=rf"{name} is not only data: loading it would call \w+.mkdir"):
        mine.inspect()
    (mine.checkpoint / name).write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    with pytest.raises(DataError, match=rf"{name} is damaged"):
        mine.inspect()
    assert not (tmp_path / "ran").exists()


def linked(mine: Checkpointed) -> None:
    (mine.checkpoint / "model.safetensors").symlink_to("/etc/hostname")


def linked_folder(mine: Checkpointed) -> None:
    (mine.run.path / "evaluations").symlink_to("/etc")


def pipe(mine: Checkpointed) -> None:
    os.mkfifo(mine.checkpoint / "scheduler.pt")


def oversized(mine: Checkpointed) -> None:
    with (mine.checkpoint / "optimizer.pt").open("ab") as file:
        file.truncate(1 << 40)


def other_step(mine: Checkpointed) -> None:
    mine.write("trainer_state.json", {"global_step": 1_000_000})


def no_state(mine: Checkpointed) -> None:
    mine.write("trainer_state.json", [])


def index_elsewhere(mine: Checkpointed) -> None:
    mine.write("model.safetensors.index.json", {"weight_map": {"a": "../../../../secret.safetensors"}})


def adapter_in_a_model(mine: Checkpointed) -> None:
    model = mine.run.model_of(mine.recipe, mine.recipe.stages[0])
    model.mkdir()
    (model / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "somebody/else"}))
    (mine.run.path / "stages.json").write_text(json.dumps([{"name": "only", "steps": 2}]))


def stages_of_another_kind(mine: Checkpointed) -> None:
    (mine.run.path / "stages.json").write_text(json.dumps([{"name": "only", "steps": "many"}]))


def evaluation_elsewhere(mine: Checkpointed) -> None:
    mine.run.lines("evaluations.jsonl").append([{"stage": "only", "step": 2, "scores": "evaluations/../../../x"}])


def log_without_steps(mine: Checkpointed) -> None:
    mine.run.lines("metrics.jsonl").append([{"stage": "only", "step": "2"}])


def marker_of_another_kind(mine: Checkpointed) -> None:
    mine.write("groundeval.json", ["run"])


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (linked, "model.safetensors is a symbolic link"),
        (linked_folder, "evaluations is a symbolic link"),
        (pipe, "scheduler.pt is neither a file nor a folder"),
        (oversized, r"optimizer.pt has 1,099,511,627,776 bytes"),
        (other_step, "trainer_state.json is not the state of step 2"),
        (no_state, "trainer_state.json is not the state of step 2"),
        (index_elsewhere, "weight_map names '../../../../secret.safetensors'"),
        (adapter_in_a_model, "adapter_config.json: the weights of a finished stage hold no adapter"),
        (stages_of_another_kind, "stages.json is damaged"),
        (evaluation_elsewhere, "line 1: `scores` is 'evaluations/../../../x'"),
        (log_without_steps, "metrics.jsonl, line 1: `stage` is 'only', `step` is '2'"),
        (marker_of_another_kind, "groundeval.json is damaged"),
    ],
)
def test_what_a_run_does_not_write_is_refused(mine: Checkpointed, plant: Callable[[Checkpointed], None], said: str):
    plant(mine)
    with pytest.raises(DataError, match=said):
        mine.inspect()


def test_folders_with_other_names_are_no_checkpoints(mine: Checkpointed):
    for name in ("checkpoint-last", "checkpoint-2-copy"):
        (mine.checkpoint.parent / name).mkdir()
    mine.inspect()
    assert mine.run.last_checkpoint(mine.recipe, mine.recipe.stages[0]) == mine.checkpoint


def test_a_sharded_checkpoint_is_loaded_only_where_this_account_wrote_it(
    mine: Checkpointed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(inspection, "user_state_path", lambda name: tmp_path / "state")
    (mine.checkpoint / "global_step2").mkdir()
    with pytest.raises(DataError, match="was not written here by this account"):
        mine.inspect()
    mine.run.mark(mine.checkpoint, mine.recipe.stages[0])
    mine.inspect()
    monkeypatch.setattr(inspection, "user_state_path", lambda name: tmp_path / "of another account")
    with pytest.raises(DataError, match="was not written here by this account"):
        mine.inspect()
