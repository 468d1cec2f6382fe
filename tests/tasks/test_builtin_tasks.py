"""The built-in tasks: their data, demonstrations, prompts, and where the data comes from."""

from __future__ import annotations

import importlib.util
import json
import pickle
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from groundeval.errors import DataError, UsageError
from groundeval.generation.prompts import render_prompt
from groundeval.parsing.refusal import REFUSAL
from groundeval.tasks import TASKS, load_task
from groundeval.tasks.formats.sources import embedded

ALCE = ("asqa", "eli5", "qampari")
TRUST = ("trust_asqa", "trust_eli5", "trust_expertqa", "trust_qampari")


def test_the_seven_tasks_are_there() -> None:
    assert {*ALCE, *TRUST} <= set(TASKS.names())


@pytest.mark.parametrize("name", [*ALCE, *TRUST])
def test_a_task_loads_its_embedded_data(name: str) -> None:
    task = load_task(name)
    test, train = task.load("embedded"), task.load("embedded", "train")
    assert (task.name, test.source) == (name, "embedded")
    assert len(test.examples) >= 12
    assert len(train.examples) >= 8
    assert test.sha256 == task.load("embedded").sha256 != train.sha256
    assert all(example.response for example in test.examples)


@pytest.mark.parametrize("name", ALCE)
def test_alce_tasks_demonstrate_answers_only(name: str) -> None:
    demonstrations = load_task(name).demonstrations()
    assert len(demonstrations) >= 4
    assert all(d.answerable and d.response and d.response != REFUSAL for d in demonstrations)


@pytest.mark.parametrize("name", TRUST)
def test_trust_tasks_demonstrate_refusals_too(name: str) -> None:
    demonstrations = load_task(name).demonstrations()
    refusals = [d for d in demonstrations if d.response == REFUSAL]
    assert len(demonstrations) >= 6
    assert len(refusals) >= 2
    assert not any(d.answerable for d in refusals)


@pytest.mark.parametrize("name", [*ALCE, *TRUST])
def test_a_prompt_shows_documents_question_and_protocol(name: str) -> None:
    task = load_task(name)
    example = task.load("embedded").examples[0]
    demonstrations = task.demonstrations()
    prompt = render_prompt(
        example, task.prompt, num_docs=2, demonstrations=demonstrations, num_fewshot=len(demonstrations)
    ).user
    assert example.question in prompt
    assert example.docs is not None
    assert example.docs[1].text in prompt
    assert example.docs[2].text not in prompt
    assert (REFUSAL in prompt) == name.startswith("trust_")
    assert ("separated by commas" in prompt) == name.endswith("qampari")


@pytest.mark.parametrize("name", [*ALCE, *TRUST])
def test_a_task_can_be_sent_to_another_process(name: str) -> None:
    task = load_task(name)
    again = pickle.loads(pickle.dumps(task))
    assert again.load("embedded").sha256 == task.load("embedded").sha256


def test_a_file_is_the_data_whatever_the_split(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"question": "Why?", "docs": [], "answers": []}))
    dataset = load_task("trust_qampari").load(str(path))
    assert dataset.source == "mine.jsonl"
    assert [example.question for example in dataset.examples] == ["Why?"]
    assert load_task("trust_qampari").load(str(path), "train").sha256 == dataset.sha256


def test_unknown_splits_and_missing_files_are_errors() -> None:
    with pytest.raises(UsageError, match='split "dev": must be "test" or "train"'):
        load_task("asqa").load("embedded", "dev")
    with pytest.raises(UsageError, match="no such file"):
        load_task("asqa").load("nothing.json")


@pytest.mark.parametrize("name", [*ALCE, *TRUST])
def test_what_the_hub_does_not_have_is_said_with_what_to_use_instead(name: str) -> None:
    with pytest.raises(UsageError) as raised:
        load_task(name).load(split="train")
    assert "data='FILE'" in str(raised.value)
    assert "data='embedded'" in str(raised.value)


class Hub:
    """Stands in for the hub's client: files in a folder, by `owner/name/file`."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.asked: list[str] = []
        self.reachable = True
        monkeypatch.setattr("huggingface_hub.HfApi", lambda: self)
        monkeypatch.setattr("huggingface_hub.hf_hub_download", self.download)
        monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", self.cached)
        monkeypatch.setenv("GROUNDEVAL_CACHE", str(folder / "cache"))

    def put(self, repository: str, file: str, content: bytes) -> None:
        path = self.folder / repository / "snapshots" / "abcdef1234567890" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def dataset_info(self, repository: str, timeout: float) -> Any:
        from huggingface_hub.errors import RepositoryNotFoundError

        if not self.reachable:
            raise ConnectionError("no route to host")
        if not (self.folder / repository).is_dir():
            raise RepositoryNotFoundError.__new__(RepositoryNotFoundError)
        return type("Info", (), {"sha": "abcdef1234567890"})

    def download(self, repository: str, file: str, *, repo_type: str, revision: str) -> str:
        self.asked.append(f"{repository}/{file}")
        return str(self.folder / repository / "snapshots" / revision / file)

    def cached(self, repository: str, file: str, *, repo_type: str) -> str | None:
        path = self.folder / repository / "snapshots" / "abcdef1234567890" / file
        return str(path) if path.is_file() else None


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    pytest.importorskip("huggingface_hub")
    return Hub(tmp_path, monkeypatch)


RECORDS = json.dumps([{"question": "Why?", "docs": [], "answers": [["x"]]}]).encode()


def archive(folder: Path, **members: bytes) -> bytes:
    path = folder / "made.tar"
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            file = folder / "member"
            file.write_bytes(content)
            tar.add(file, name)
    return path.read_bytes()


def test_alce_data_comes_out_of_the_archive_once(hub: Hub, tmp_path: Path) -> None:
    members = {"ALCE-data/other.json": b"[]", "ALCE-data/asqa_eval_gtr_top100.json": RECORDS}
    hub.put("princeton-nlp/ALCE-data", "ALCE-data.tar", archive(tmp_path, **members))
    dataset = load_task("asqa").load()
    assert [example.question for example in dataset.examples] == ["Why?"]
    assert dataset.source == "princeton-nlp/ALCE-data@abcdef123456/ALCE-data.tar:asqa_eval_gtr_top100.json"
    written = list((tmp_path / "cache").rglob("*.json"))
    assert len(written) == 1
    stamp = written[0].stat().st_mtime_ns
    assert load_task("asqa").load().sha256 == dataset.sha256
    assert written[0].stat().st_mtime_ns == stamp


def test_a_member_that_would_leave_the_cache_folder_stays_in_it(hub: Hub, tmp_path: Path) -> None:
    hub.put(
        "princeton-nlp/ALCE-data", "ALCE-data.tar", archive(tmp_path, **{"../../asqa_eval_gtr_top100.json": RECORDS})
    )
    load_task("asqa").load()
    [written] = tmp_path.rglob("asqa_eval_gtr_top100.json")
    assert tmp_path / "cache" in written.parents


def test_an_archive_without_the_file_or_damaged_says_so(hub: Hub, tmp_path: Path) -> None:
    hub.put("princeton-nlp/ALCE-data", "ALCE-data.tar", archive(tmp_path, **{"a/other.json": b"[]"}))
    with pytest.raises(DataError, match=r"has no file asqa_eval_gtr_top100.json; it has: a/other.json"):
        load_task("asqa").load()
    hub.put("princeton-nlp/ALCE-data", "ALCE-data.tar", b"no archive at all")
    with pytest.raises(DataError, match="is a damaged archive"):
        load_task("asqa").load()


def test_trust_data_is_found_under_either_of_its_names(hub: Hub) -> None:
    hub.put("declare-lab/Trust-Data", "Trust-Score/eli5_eval_top100_calibrated.json", RECORDS)
    dataset = load_task("trust_eli5").load()
    assert dataset.source == "declare-lab/Trust-Data@abcdef123456/Trust-Score/eli5_eval_top100_calibrated.json"


def test_without_a_connection_the_copy_from_last_time_serves(hub: Hub) -> None:
    hub.put("declare-lab/Trust-Score", "Trust-Score/eli5_eval_top100_calibrated.json", RECORDS)
    hub.reachable = False
    assert load_task("trust_eli5").load().source.startswith("declare-lab/Trust-Score@abcdef123456/")
    assert hub.asked == []


def test_a_hub_that_cannot_be_reached_is_an_error_that_names_the_ways_out(hub: Hub) -> None:
    hub.reachable = False
    with pytest.raises(
        DataError, match=r"princeton-nlp/ALCE-data/ALCE-data\.tar cannot be fetched .*no route to host"
    ) as raised:
        load_task("eli5").load()
    assert "data='FILE'" in str(raised.value)
    assert "data='embedded'" in str(raised.value)


def test_the_folder_cannot_be_imported_as_a_package_of_its_own() -> None:
    place = Path(sys.modules["groundeval.tasks"].__file__ or "")
    spec = importlib.util.spec_from_file_location("tasks", place)
    assert spec is not None
    assert spec.loader is not None
    with pytest.raises(ImportError, match='cannot be imported as "tasks"'):
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


@pytest.mark.parametrize("dataset", ["asqa", "qampari", "eli5", "expertqa"])
def test_no_embedded_example_is_in_two_splits(dataset: str) -> None:
    splits = [embedded(dataset, split).examples for split in ("test", "train", "demos")]
    questions = [example.question.lower() for split in splits for example in split]
    assert len(set(questions)) == len(questions)
