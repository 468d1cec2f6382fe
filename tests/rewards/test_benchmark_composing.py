"""Composed forms, styles that keep their reward, and trials from a user's file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmark_cases import embedded_cases, towers

from groundeval.cli.app import main
from groundeval.errors import DataError, UsageError
from groundeval.rewards.benchmark.composing import evasions, styles
from groundeval.rewards.benchmark.families import FAMILIES
from groundeval.rewards.benchmark.given import read_trials
from groundeval.rewards.benchmark.run import BenchmarkOptions, run_benchmark
from groundeval.rewards.benchmark.table import outcome
from groundeval.rewards.benchmark.trials import Trial, trials_of

HEIGHTS, RIVERS, _ = towers()
STYLE = FAMILIES["style"]


@pytest.mark.parametrize("making", [styles, evasions])
def test_the_same_seed_composes_the_same_texts_and_another_others(making) -> None:  # type: ignore[no-untyped-def]
    assert [*making(HEIGHTS, 1, 9)] == [*making(HEIGHTS, 1, 9)] != [*making(HEIGHTS, 2, 9)]


def test_honest_styles_keep_every_statement_and_evasions_of_refusals_add_a_guess() -> None:
    for composed in styles(HEIGHTS, 0, 40):
        assert "120 metres" in composed.text
        assert "95 metres" in composed.text
    for composed in styles(RIVERS, 0, 40):
        assert "Nile" not in composed.text


def test_about_half_of_the_forms_are_held_out_whatever_the_seed() -> None:
    found = [composed for seed in range(40) for composed in styles(HEIGHTS, seed, 10)]
    assert 0.4 < sum(each.held_out for each in found) / len(found) < 0.6
    held_out = {each.form: each.held_out for each in found}
    assert all(held_out[each.form] == each.held_out for each in found)


def test_forms_that_are_held_out_are_told_only_in_sum() -> None:
    trials = trials_of(embedded_cases("asqa"), (FAMILIES["style held out"], FAMILIES["evasion held out"]))
    assert trials
    assert {trial.attack for trial in trials} == {"not shown"}


@pytest.mark.parametrize(("other", "kept"), [(0.5, 1.0), (0.6, 1.0), (0.25, 0.5), (0.0, 0.0)])
def test_a_style_is_judged_by_the_share_of_the_reward_that_it_keeps(other: float, kept: float) -> None:
    assert outcome(Trial(STYLE, "form", HEIGHTS, "b", "w"), 0.5, other) == kept


def test_a_reward_must_keep_honest_styles_to_pass() -> None:
    data = {"trust_asqa": "embedded", "trust_eli5": "embedded"}
    outcome_ = run_benchmark(BenchmarkOptions(rewards=("strict_grounded", "trust"), data=data, limit=4))
    strict, trust = outcome_.rows
    assert strict.passes
    assert strict.kept is not None
    assert strict.kept > 95
    assert trust.kept is not None
    assert trust.kept < 70


QUESTIONS = [
    {
        "id": "chapel",
        "question": "Who painted the chapel?",
        "docs": [{"title": "Chapel", "text": "Anna Berg painted the chapel in 1702.", "answers_found": [1]}],
        "answers": [["Anna Berg"]],
    }
]
PAIR = {
    "question": "chapel", "kind": "em", "direction": "attack", "family": "citations", "name": "left out",
    "honest": "Anna Berg painted the chapel in 1702 [1].", "attack": "Anna Berg painted the chapel in 1702.",
    "raw": False,
}  # fmt: skip


def given(folder: Path, *pairs: object) -> Path:
    (folder / "questions.json").write_text(json.dumps(QUESTIONS), "utf-8")
    file = folder / "cases.jsonl"
    file.write_text("".join(json.dumps(pair) + "\n" for pair in pairs), "utf-8")
    return file


def test_cases_of_ones_own_are_judged_in_both_directions(tmp_path: Path) -> None:
    style = {**PAIR, "direction": "style", "family": "marks", "attack": "Anna Berg painted the chapel in 1702 (1)."}
    file = given(tmp_path, PAIR, style)
    [found] = run_benchmark(BenchmarkOptions(rewards=("strict_grounded",), nli="lexical", given=str(file))).rows
    assert {key: cell.accuracy.value for key, cell in found.cells.items() if cell} == {
        "attack: citations": 100.0,
        "style: marks": 100.0,
    }
    assert found.passes
    arguments = ["bench", "rewards", "--cases", str(file), "--nli", "lexical", "--rewards", "strict_grounded"]
    assert main(arguments) == 0


def test_cases_of_ones_own_need_a_verifier_that_does_not_know_the_benchmark_only(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--nli"):
        run_benchmark(BenchmarkOptions(given=str(given(tmp_path, PAIR))))


@pytest.mark.parametrize(
    ("pair", "message"), [({**PAIR, "question": "x"}, "line 1"), ({**PAIR, "kind": "prose"}, "kind"), ({}, "line 1")]
)
def test_a_wrong_case_is_named(tmp_path: Path, pair: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_trials(given(tmp_path, pair))


def test_a_file_without_cases_or_questions_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no trial"):
        read_trials(given(tmp_path))
    with pytest.raises(DataError, match=r"questions\.json"):
        read_trials(tmp_path / "elsewhere" / "cases.jsonl")
