"""A run whose texts and verdicts come from the actors of a local Ray cluster, with real engines."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from run_cases import Cli, records, write
from tiny_models import CHATML
from tiny_verifiers import write_classifier

from groundeval.cluster.session import disconnect

pytest.importorskip("ray")
PROBABILITY = re.compile(r'(?<="score": )([0-9.e-]+)')
FILES = ("generations.jsonl", "scores/*/scores.jsonl", "scores/*/results.json")


@pytest.mark.slow
def test_texts_verdicts_and_results_are_those_of_one_process(cli: Cli, tiny: Callable[..., Path], tmp_path: Path):
    judge = write_classifier(tmp_path / "judge", ["entailment", "neutral"])
    data = write(tmp_path / "data.json", records(9))
    whole = {}
    for way in ("", "ray:"):
        what = ("--model", tiny(CHATML), "--dtype", "float32", "--batch-size", 2, "--gen-kwargs", "max_new_tokens=4")
        where = ("--backend", f"{way}hf", "--output-path", tmp_path / f"runs-{way}", "--no-cache")
        ran = cli("run", *what, "--tasks", "asqa", "--data", data, "--nli", "lexical", *where, "--ray", "actors=2")
        assert ran.code == 0, ran.err
        outputs = ("score", data, "--task", "asqa", "--nli", f"{way}{judge}", "--no-cache", "--ray", "actors=2")
        scored = cli(*outputs, "--output-path", tmp_path / f"scores-{way}", "--json")
        assert scored.code == 0, scored.err
        assert scored.json["nli_pairs"]["computed"] >= 10
        places = [*(tmp_path / f"runs-{way}").glob("*/asqa/*"), tmp_path / f"scores-{way}"]
        found = [path for place in places for name in FILES for path in sorted(place.glob(name))]
        assert len(found) == 5
        whole[way] = {str(path.relative_to(tmp_path)).replace(f"-{way}", "-"): path.read_text() for path in found}
    told = {way: {name: PROBABILITY.sub("", text) for name, text in files.items()} for way, files in whole.items()}
    assert told["ray:"] == told[""]
    in_actors, in_one = (
        [float(each[1]) for text in files.values() for each in PROBABILITY.finditer(text)]
        for files in (whole["ray:"], whole[""])
    )
    # The last bits of a product of matrices depend on how many pairs a batch has, and actors divide the pairs.
    assert len(in_one) >= 18
    assert in_actors == pytest.approx(in_one, abs=1e-5)
    [manifest] = (tmp_path / "runs-ray:").glob("*/asqa/*/manifest.json")
    [session] = json.loads(manifest.read_text())["sessions"]
    assert session["workers"] == {"actors": 2, "lost": 0, "repeated_batches": 0}
    disconnect()
