"""How much will be downloaded is said before, and only where something will be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from groundeval.models import downloads
from groundeval.models.downloads import announce_file, announce_model, loaded_files, will_be_downloaded

SIZES = {
    "config.json": 1_000,
    "model-00001-of-00002.safetensors": 4_000_000_000,
    "model-00002-of-00002.safetensors": 1_000_000_000,
    "pytorch_model.bin": 5_000_000_000,
    "original/consolidated.pth": 5_000_000_000,
    "data.jsonl": 300_000_000,
    "small.jsonl": 1_000,
}


@pytest.fixture
def cached(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The hub's client with one repository; the set names the files in the cache."""
    pytest.importorskip("huggingface_hub")
    there: set[str] = set()

    class Hub:
        def repo_info(self, repository: str, **options: Any) -> Any:
            if repository != "me/repo":
                raise ConnectionError("out of reach")
            return SimpleNamespace(sha="c", siblings=[SimpleNamespace(rfilename=n, size=s) for n, s in SIZES.items()])

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    monkeypatch.setattr("groundeval.models.downloads.use_cache_if_unreachable", lambda: None)
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache", lambda repo, name, **options: name if name in there else None
    )
    monkeypatch.setattr("groundeval.models.downloads.is_online", lambda: True)
    monkeypatch.setattr(downloads, "_said", set())
    downloads._announce.cache_clear()
    yield there
    downloads._announce.cache_clear()


def test_weights_count_once_and_what_loading_does_not_read_does_not_count():
    read = loaded_files(list(SIZES))
    assert read == ["config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    assert loaded_files(["pytorch_model.bin", "config.json"]) == ["pytorch_model.bin", "config.json"]


def test_a_model_is_announced_once_with_its_size(cached: set[str], capsys: pytest.CaptureFixture[str]):
    announce_model("me/repo")
    announce_model("me/repo")
    assert capsys.readouterr().err == "downloading me/repo: 5.0 GB (3 files)\n"


def test_only_what_lacks_is_counted(cached: set[str], capsys: pytest.CaptureFixture[str]):
    cached |= {"config.json", "model-00001-of-00002.safetensors"}
    announce_model("me/repo")
    assert capsys.readouterr().err == "downloading me/repo: 1.0 GB (model-00002-of-00002.safetensors)\n"


def test_nothing_is_said_of_what_is_cached_small_local_or_out_of_reach(
    cached: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    cached.add("data.jsonl")
    for file in ("data.jsonl", "small.jsonl"):
        announce_file("me/repo", file)
    announce_model("somebody/else")
    announce_model(str(tmp_path))
    cached.add("model.safetensors")
    announce_model("me/repo")
    assert capsys.readouterr().err == ""


def test_a_file_of_data_is_announced(cached: set[str], capsys: pytest.CaptureFixture[str]):
    announce_file("me/repo", "data.jsonl")
    assert capsys.readouterr().err == "downloading me/repo: 300 MB (data.jsonl)\n"


def test_what_a_caller_announces_itself_is_not_announced_again(cached: set[str], capsys: pytest.CaptureFixture[str]):
    assert will_be_downloaded("me/repo")
    announce_model("me/repo")
    assert capsys.readouterr().err == ""


def test_nothing_will_be_downloaded_of_what_is_cached_or_out_of_reach(
    cached: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert not will_be_downloaded(str(tmp_path))
    cached.add("model.safetensors")
    assert not will_be_downloaded("me/repo")
    cached.clear()
    monkeypatch.setattr("groundeval.models.downloads.is_online", lambda: False)
    assert not will_be_downloaded("me/repo")
