"""Every number that the original evaluators print for the golden files, through the command line as a user sees it."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from groundeval.cli.app import main

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
NAMES = ("asqa", "eli5", "qampari", "edge_asqa", "edge_eli5", "edge_qampari")
FILES = {name: name.removeprefix("edge_") for name in NAMES}

pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden files are not here")


@dataclass
class Parity:
    task: str
    expected: dict[str, Any]
    """By profile, and per item."""
    printed: dict[str, dict[str, Any]]
    """By profile: what `--json` printed."""
    values: dict[str, list[dict[str, float | None]]]
    """By profile: per-sample values in the order of the file."""


@pytest.fixture(scope="module", params=FILES)
def parity(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Parity:
    name = request.param
    out = tmp_path_factory.mktemp(name)
    arguments = ["--task", FILES[name], "--profile", "alce,trust", "--nli", "lexical", "--json"]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as written:
        # A verifier that has seen no pair yet, whatever other tests have asked of this process's own.
        patch.setattr(import_module("groundeval.nli.handles"), "_HANDLES", {})
        assert main(["score", str(GOLDEN / f"{name}.json"), *arguments, "--output-path", str(out)]) == 0
    printed = {each["profile"]: each for each in json.loads(written.getvalue())}
    values = {}
    for manifest in out.glob("scores/*/manifest.json"):
        lines = (manifest.parent / "scores.jsonl").read_text().splitlines()
        profile = json.loads(manifest.read_text())["identity"]["profile"]
        values[profile] = [json.loads(line)["values"] for line in lines]
    return Parity(FILES[name], json.loads((GOLDEN / f"{name}.expected.json").read_text()), printed, values)


def is_printed(key: str, task: str) -> bool:
    """The originals print 0 for `str_em` and `str_hit` of tasks that have none."""
    return not key.startswith("_") and (task == "asqa" or key not in ("str_em", "str_hit"))


@pytest.mark.parametrize("profile", ["alce", "trust"])
def test_every_key_has_the_value_that_the_original_prints(parity: Parity, profile: str):
    metrics = parity.printed[profile]["metrics"]
    wanted = {key: value for key, value in parity.expected[profile].items() if is_printed(key, parity.task)}
    assert set(wanted) <= set(metrics)
    for key, value in wanted.items():
        assert metrics[key]["value"] == pytest.approx(value, abs=0.2 if key == "rougeLsum" else 1e-9), key
    assert set(metrics) - set(wanted) <= {"refusal_accuracy"}, "no keys that the originals do not have, but ours"


def test_every_sample_has_the_values_that_the_original_prints_for_it_alone(parity: Parity):
    assert len(parity.values["alce"]) == len(parity.expected["alce_per_item"]) == parity.expected["n"]
    for index, (values, wanted) in enumerate(zip(parity.values["alce"], parity.expected["alce_per_item"], strict=True)):
        for key, value in wanted.items():
            if not is_printed(key, parity.task):
                continue
            if value is None:
                assert values[key] is None, (index, key)
                continue
            factor = 1 if key in ("length", "num_preds") else 100
            assert values[key] is not None, (index, key)
            assert factor * (values[key] or 0.0) == pytest.approx(value, abs=1e-9), (index, key)


@pytest.mark.parametrize("profile", ["alce", "trust"])
def test_no_more_pairs_are_computed_than_the_original_has_different_ones(parity: Parity, profile: str):
    pairs = parity.printed[profile]["nli_pairs"]
    expected = parity.expected[profile]
    assert pairs["cached"] + pairs["computed"] == pairs["unique"] <= expected["_nli_unique"]
    assert pairs["unique"] <= pairs["asked"]


def test_a_second_profile_reuses_the_verdicts_of_the_first(parity: Parity):
    assert parity.printed["alce"]["nli_pairs"]["cached"] == 0
    assert parity.printed["trust"]["nli_pairs"]["cached"] > 0


def test_every_value_lies_in_its_interval_with_its_samples_counted(parity: Parity):
    for printed in parity.printed.values():
        assert printed["n"] == parity.expected["n"]
        for key, metric in printed["metrics"].items():
            low, high = metric["ci95"]
            assert low - 0.01 <= metric["value"] <= high + 0.01, key
            assert metric["stderr"] >= 0
            assert 0 < metric["n"] <= printed["n"]
