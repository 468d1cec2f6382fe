"""Four systems' outputs for ASQA with the numbers that ALCE's authors published for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import groundeval
from groundeval.parsing.normalize import normalize, present

PUBLISHED = Path(__file__).parents[3] / "shared" / "golden" / "alce_published_asqa.json"
RUNS = range(4)
EXACT_ROUGE = (35.524, 34.161, 35.569, 33.278)

pytestmark = pytest.mark.skipif(not PUBLISHED.is_file(), reason="the published outputs are not here")


@pytest.fixture(scope="module")
def published() -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    return runs


@pytest.mark.parametrize("run", RUNS)
def test_correctness_is_what_the_authors_published(run: int, published: list[dict[str, Any]], tmp_path: Path):
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({"data": published[run]["data"]}), encoding="utf-8")
    [scored] = groundeval.score(file, "asqa", metrics=("length", "str_em", "str_hit", "rougeLsum"))
    found = {key: metric.value for key, metric in scored.results.metrics.items()}
    expected = published[run]["expected"]
    assert scored.results.n == len(published[run]["data"])
    for key in ("length", "str_em", "str_hit"):
        assert found[key] == pytest.approx(expected[key], abs=1e-9), key
    assert found["rougeLsum"] == pytest.approx(expected["rougeLsum"], abs=0.1)
    assert found["rougeLsum"] == pytest.approx(EXACT_ROUGE[run], abs=5e-4)


@pytest.mark.parametrize("run", RUNS)
def test_every_answer_is_found_or_missed_as_the_authors_found_it(run: int, published: list[dict[str, Any]]):
    flags = published[run]["expected"]["per_answer_present"]
    found = [
        [present(pair["short_answers"], normalize(sample["output"])) for pair in sample["qa_pairs"]]
        for sample in published[run]["data"]
    ]
    assert found == flags
