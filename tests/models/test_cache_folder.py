"""The cache folder: one place for verdicts, unpacked models and fetched data."""

from pathlib import Path

import pytest

from groundeval.models.hub import cache_folder
from groundeval.nli.cache import default_path


def test_the_environment_names_the_folder_and_a_tilde_in_it_is_the_home(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GROUNDEVAL_CACHE", "~/kept")
    assert cache_folder() == Path.home() / "kept"
    assert default_path() == Path.home() / "kept" / "nli.sqlite"


def test_without_a_name_it_is_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("GROUNDEVAL_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "groundeval"
    monkeypatch.setenv("GROUNDEVAL_CACHE", "")
    assert cache_folder() == tmp_path / "groundeval"
