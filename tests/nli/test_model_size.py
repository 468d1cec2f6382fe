"""The size of a large verifier is announced before its download, and a failed one does not suggest itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from groundeval.errors import UsageError
from groundeval.models import downloads
from groundeval.nli import weights
from groundeval.nli.spec import declared

TRUE = "google/t5_xxl_true_nli_mixture"


@pytest.fixture(autouse=True)
def said_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    weights.announce.cache_clear()
    yield
    weights.announce.cache_clear()


@pytest.fixture
def nothing_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "will_be_downloaded", lambda source: True)


@pytest.mark.usefixtures("nothing_cached")
def test_the_size_and_what_is_smaller_are_said_once(capsys: pytest.CaptureFixture[str]):
    weights.announce(TRUE, 11.0)
    weights.announce(TRUE, 11.0)
    shown = capsys.readouterr().err
    assert shown.count("11 billion parameters") == 1
    for name in ("minicheck", "classifier", "lexical"):
        assert f"nli='{name}'" in shown
    assert "nli='true'" not in shown


def test_small_models_unknown_ones_and_folders_are_not_announced(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    weights.announce("lytang/MiniCheck-Flan-T5-Large", 0.8)
    weights.announce("someone/model", None)
    weights.announce(str(tmp_path), 11.0)
    assert capsys.readouterr().err == ""


def test_a_model_that_is_here_already_is_not_announced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(downloads, "is_cached", lambda source, revision: True)
    weights.announce(TRUE, 11.0)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("source", [each.spec.model for each in declared() if each.spec.model])
def test_a_model_that_cannot_be_had_does_not_suggest_itself(source: str):
    def unreachable() -> None:
        raise OSError("We couldn't connect to the hub")

    with pytest.raises(UsageError) as caught:
        weights._loading(unreachable, source, None)
    assert f'mean "{source}"' not in str(caught.value)
    assert "nli='lexical'" in str(caught.value)


def test_a_misspelt_model_is_met_with_the_nearest():
    def missing() -> None:
        raise OSError("404")

    with pytest.raises(UsageError, match=f'Did you mean "{TRUE}"'):
        weights._loading(missing, "google/t5_xxl_true_nli_mixtur", None)
