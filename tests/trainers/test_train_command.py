"""`groundeval train` before any model is loaded: its output and its errors."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from recipe_cases import recipe_file, small_recipe

from groundeval.cli.app import main
from groundeval.errors import UsageError
from groundeval.trainers.folder import RunFolder
from groundeval.trainers.policy import Policy
from groundeval.trainers.training import check_verifiers

pytest.importorskip("trl")


SFT: dict[str, Any] = {"trainer": "sft", "rewards": None, "batch": None, "trl": {}}


def evaluating(**fields: Any) -> dict[str, Any]:
    """A held-out evaluation as a change of a recipe."""
    return {"evaluate": {"tasks": {"trust_asqa": "embedded"}, "limit": 2, **fields}}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Tiny models with and without a chat template."""
    from tiny_models import CHATML, make_model, make_tokenizer

    folders = {}
    for name, template in (("chat", CHATML), ("base", None)):
        folder = tmp_path_factory.mktemp(name)
        make_model(folder, positions=8_192)
        make_tokenizer(folder, template)
        folders[name] = str(folder)
    return folders


@pytest.fixture(autouse=True)
def no_model_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*arguments: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(Policy, "load", load)


def check(folder: Path, *flags: str, **changes: Any) -> int:
    recipe = recipe_file(folder, changes.get("top"), changes.get("stage"))
    return main(["train", str(recipe), "--check", "--output-path", str(folder / "runs"), *flags])


def test_a_verifier_in_every_rank_is_refused_with_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    recipe = small_recipe(tmp_path, {"nli": "true"})
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match=r"this is a job of 2 ranks(.|\n)*groundeval serve-nli"):
        check_verifiers(recipe)


def test_print_config_writes_the_whole_recipe_as_yaml(capsys: pytest.CaptureFixture[str]):
    assert main(["train", "smoke", "--print-config", "--nli", "http://localhost:1"]) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["nli"] == "http://localhost:1"
    assert [stage["name"] for stage in printed["stages"]] == ["sft", "dpo", "stage1", "stage2"]


def test_check_shows_the_plan_and_writes_nothing(tmp_path: Path, tiny: dict[str, str], capsys):
    assert check(tmp_path, "--model", tiny["chat"]) == 0
    said = capsys.readouterr().out
    assert "stage only (grpo) from start: " in said
    assert "of 8 sequences over 4 rows" in said
    for line in (
        "model: ",
        "  data: trust_asqa, 4 examples",
        "  rewards: ",
        "  rollouts: ",
        "  memory: ",
        "disk: up to",
    ):
        assert f"\n{line}" in said, said
    assert said.splitlines()[-1].startswith("all checks passed: ")
    assert not list((tmp_path / "runs").rglob("*.json"))


@pytest.mark.parametrize(
    ("changes", "flags", "code", "message"),
    [
        ({"top": {"stagse": 1}}, (), 1, 'unknown field "stagse". Did you mean "stages"'),
        ({"stage": {"rewards": "ground_grop"}}, (), 2, 'unknown reward "ground_grop". Did you mean'),
        ({"stage": {"rewards": {"trust": {"options": {"wieght": 1}}}}}, (), 2, "unknown parameter"),
        ({"stage": {"trl": {"num_generations": 3}}}, (), 2, "does not divide by num_generations 3"),
        ({"stage": {"data": [{"task": "trust_asq", "source": "embedded"}]}}, (), 2, 'Did you mean "trust_asqa"'),
        ({"stage": {"data": [{"task": "trust_asqa", "source": "embedded", "count": 99}]}}, (), 1, "99 are needed"),
        ({"top": {"report_to": "trackio"}}, (), 2, "trackio is not installed"),
        ({}, ("--nli", "lexcial"), 2, 'unknown NLI model "lexcial". Did you mean "lexical"'),
        ({}, ("--overlap", "ignore"), 2, "--overlap ignore: allowed are refuse, drop, report"),
        ({}, ("--model", "./gone"), 2, "no such file or folder"),
        ({"top": evaluating(profile="strickt")}, (), 2, 'unknown profile "strickt". Did you mean "strict"'),
        ({"top": evaluating(metrics=["citaton_rec"])}, (), 2, 'unknown metric "citaton_rec"'),
        ({"top": evaluating(nli="lexcial")}, (), 2, 'unknown NLI model "lexcial"'),
        ({"top": evaluating(), "stage": SFT}, ("--nli", "lexcial"), 2, 'unknown NLI model "lexcial"'),
        ({"top": evaluating(nli="lexical"), "stage": SFT}, ("--nli-args", "lable=a"), 2, 'unknown NLI option "lable"'),
        ({"top": {"nli_options": {"token": "hush"}}}, (), 2, "environment variable instead: GROUNDEVAL_NLI_TOKEN"),
        ({}, ("--nli-args", "token=hush"), 2, "environment variable instead: GROUNDEVAL_NLI_TOKEN"),
    ],
)
def test_what_is_wrong_stops_before_the_model_is_loaded(
    tmp_path: Path, tiny: dict[str, str], capsys, changes: dict, flags: tuple, code: int, message: str
):
    model = () if "--model" in flags else ("--model", tiny["chat"])
    if "report_to" in changes.get("top", {}) and importlib.util.find_spec("trackio"):
        pytest.skip("trackio is installed")
    assert check(tmp_path, *model, *flags, **changes) == code
    said = capsys.readouterr().err
    assert message in said
    assert "hush" not in said


def test_tasks_of_evaluation_that_are_called_alike_stop_before_the_model_is_loaded(tmp_path: Path, tiny: dict, capsys):
    task = {"kind": "em", "data": "qa.json", "fields": {"question": "q", "documents": "d", "answers": "a"}}
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "qa.yaml").write_text(yaml.safe_dump({"name": "qa", **task}))
        (tmp_path / folder / "qa.json").write_text(json.dumps([{"q": f"In {folder}?", "d": ["Yes."], "a": ["yes"]}]))
    evaluate = {"tasks": {"one/qa.yaml": None, "other/qa.yaml": None}}
    assert check(tmp_path, "--model", tiny["chat"], top={"evaluate": evaluate}) == 2
    assert "evaluate.tasks: two of them are called qa" in capsys.readouterr().err


def test_a_verifier_that_nothing_asks_need_not_be_there(tmp_path: Path, tiny: dict[str, str]):
    top = {"nli": str(tmp_path / "no" / "model"), **evaluating(metrics=["regular_length"])}
    assert check(tmp_path, "--model", tiny["chat"], top=top, stage=SFT) == 0


def test_data_without_what_a_reward_reads_stop_before_the_model_is_loaded(tmp_path: Path, tiny: dict[str, str], capsys):
    records = [
        {"question": f"Who wrote book {number}?", "answers": [["Ann"]], "docs": [{"title": "Books", "text": "By Ann."}]}
        for number in range(4)
    ]
    (tmp_path / "train.json").write_text(json.dumps(records))
    stage = {"data": [{"task": "asqa", "source": "train.json"}], "rewards": "alce"}
    assert check(tmp_path, "--model", tiny["chat"], stage=stage) == 1
    assert re.search(r'stage only, task asqa, example \w+: reward "alce": .* "qa_pairs"', capsys.readouterr().err)


def test_a_model_without_chat_template_stops_before_it_is_loaded(tmp_path: Path, tiny: dict[str, str], capsys):
    assert check(tmp_path, "--model", tiny["base"]) == 2
    assert "its tokenizer has no chat template" in capsys.readouterr().err


def test_too_little_disk_stops_before_the_model_is_loaded(tmp_path: Path, tiny: dict[str, str], capsys, monkeypatch):
    from groundeval.trainers import policy

    monkeypatch.setattr(policy.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1_000})())
    assert check(tmp_path, "--model", tiny["chat"]) == 1
    assert "GB are free" in capsys.readouterr().err


def test_a_folder_of_another_recipe_stops_before_the_model_is_loaded(tmp_path: Path, tiny: dict[str, str], capsys):
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"kind": "training", "identity": {"recipe": {"seed": 1}}}))
    assert check(tmp_path, "--model", tiny["chat"], "--resume", str(folder)) == 1
    assert "holds checkpoints of another recipe" in capsys.readouterr().err


def test_other_evaluations_than_the_folders_stop_before_the_model_is_loaded(
    tmp_path: Path, tiny: dict[str, str], capsys, monkeypatch
):
    monkeypatch.setattr(RunFolder, "check_same", lambda run: None)
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"kind": "training", "recipe": {"evaluate": {"limit": 1}}}))
    (folder / "evaluations.jsonl").write_text('{"stage": "start", "step": 0}\n')
    evaluate = {"tasks": {"trust_asqa": "embedded"}, "limit": 2}
    assert check(tmp_path, "--model", tiny["chat"], "--resume", str(folder), top={"evaluate": evaluate}) == 1
    assert "evaluate.limit was 1, is 2" in capsys.readouterr().err
