"""Every number that the original evaluators print for the golden files, through the command line as a user sees it."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from io import StringIO
from statistics import fmean
from typing import Any

import pytest
from golden_files import GOLDEN_NAMES, golden_file

from groundeval.cli.app import main


@dataclass
class Parity:
    """One golden file: the original's numbers and ours."""

    task: str
    expected: dict[str, Any]
    """By profile, and per item."""
    printed: dict[str, dict[str, Any]]
    """By profile: what `--json` printed."""
    values: dict[str, list[dict[str, float | None]]]
    """By profile: per-sample values in the order of the file."""


@pytest.fixture(scope="module", params=GOLDEN_NAMES)
def parity(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Parity:
    outputs = golden_file(request.param)
    expected = json.loads(outputs.with_suffix(".expected.json").read_text())
    out = tmp_path_factory.mktemp("golden")
    profiles = [profile for profile in ("alce", "trust") if profile in expected]
    task = expected["task"] if "alce" in expected else f"trust_{expected['task']}"
    arguments = ["--task", task, "--profile", ",".join(profiles), "--nli", "lexical", "--json"]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as written:
        # A verifier that has seen no pair yet, whatever other tests have asked of this process's own.
        patch.setattr(import_module("groundeval.nli.handles"), "_HANDLES", {})
        assert main(["score", str(outputs), *arguments, "--output-path", str(out)]) == 0
    results = json.loads(written.getvalue())
    printed = {each["profile"]: each for each in (results if len(profiles) > 1 else [results])}
    values = {}
    for manifest in out.glob("scores/*/manifest.json"):
        lines = (manifest.parent / "scores.jsonl").read_text().splitlines()
        profile = json.loads(manifest.read_text())["identity"]["profile"]
        values[profile] = [json.loads(line)["values"] for line in lines]
    return Parity(expected["task"], expected, printed, values)


def is_printed(key: str, task: str) -> bool:
    """The originals print 0 for `str_em` and `str_hit` of tasks that have none."""
    return not key.startswith("_") and (task == "asqa" or key not in ("str_em", "str_hit"))


def test_every_key_has_the_value_that_the_original_prints(parity: Parity):
    for profile, printed in parity.printed.items():
        metrics = printed["metrics"]
        wanted = {key: value for key, value in parity.expected[profile].items() if is_printed(key, parity.task)}
        assert set(wanted) <= set(metrics)
        for key, value in wanted.items():
            # The original draws its aggregate of ROUGE by a random bootstrap: that of 100 samples strays by 0.3.
            assert metrics[key]["value"] == pytest.approx(value, abs=0.4 if key == "rougeLsum" else 1e-9), (
                profile,
                key,
            )
        assert set(metrics) - set(wanted) <= {"refusal_accuracy"}, "no keys that the originals do not have, but ours"


def test_rouge_is_the_mean_of_the_values_that_the_original_has_for_each_sample(parity: Parity):
    if "rougeLsum" in parity.expected.get("alce", ()):
        wanted = fmean(item["rougeLsum"] for item in parity.expected["alce_per_item"])
        assert parity.printed["alce"]["metrics"]["rougeLsum"]["value"] == pytest.approx(wanted, abs=1e-9)


def test_every_sample_has_the_values_that_the_original_prints_for_it_alone(parity: Parity):
    if "alce" not in parity.values:
        pytest.skip("the original of this task has no values of single samples")
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


def test_no_more_pairs_are_computed_than_the_original_has_different_ones(parity: Parity):
    for profile, printed in parity.printed.items():
        pairs = printed["nli_pairs"]
        assert pairs["cached"] + pairs["computed"] == pairs["unique"] <= pairs["asked"]
        assert pairs["unique"] <= parity.expected[profile].get("_nli_unique", pairs["unique"])


def test_a_second_profile_reuses_the_verdicts_of_the_first(parity: Parity):
    if len(parity.printed) == 1:
        pytest.skip("scored under one profile only")
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
