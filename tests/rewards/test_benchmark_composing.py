"""Composed forms, styles that keep their reward, and trials from a user's file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from benchmark_cases import embedded_cases, towers

from groundeval.cli.app import main
from groundeval.errors import DataError, UsageError
from groundeval.rewards.benchmark.composing import HELD_OUT, MAKERS, composed
from groundeval.rewards.benchmark.families import FAMILIES
from groundeval.rewards.benchmark.given import read_trials
from groundeval.rewards.benchmark.language import canonical
from groundeval.rewards.benchmark.run import BenchmarkOptions, run_benchmark
from groundeval.rewards.benchmark.table import cell, outcome
from groundeval.rewards.benchmark.trials import Trial, trials_of

HEIGHTS, RIVERS, _ = towers()
STYLE = FAMILIES["style"]


@pytest.mark.parametrize("family", MAKERS)
def test_the_same_seed_composes_the_same_texts_and_another_others(family: str) -> None:
    case = RIVERS if family == "style: refusals" else HEIGHTS
    make = MAKERS[family]
    assert [*make(case, 1, 9)] == [*make(case, 1, 9)] != [*make(case, 2, 9)]


@pytest.mark.parametrize("family", ["style", "style: partial"])
def test_honest_styles_keep_every_statement_and_every_citation(family: str) -> None:
    for found in MAKERS[family](HEIGHTS, 0, 60):
        assert "120 metres" in found.text
        assert "95 metres" in found.text
        assert any(mark in found.text for mark in "1¹")
        assert any(mark in found.text for mark in "2²")


def test_refusals_hold_no_answer_and_guesses_hold_one() -> None:
    assert not any("Nile" in found.text for found in MAKERS["style: refusals"](RIVERS, 0, 60))
    guesses = [found.text for found in MAKERS["evasion"](RIVERS, 0, 60)]
    names = ("Nile", *RIVERS.strangers)
    assert len(guesses) == 60
    assert all(any(name in text for name in names) for text in guesses)


def test_partial_refusals_say_what_is_missing_and_only_beside_an_answer() -> None:
    assert not [*MAKERS["style: partial"](RIVERS, 0, 9)]
    found = [*MAKERS["style: partial"](HEIGHTS, 0, 9)]
    assert found
    assert all(re.search(r"\b(?:not|no|open|ne|nicht)\b", each.text) for each in found)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("on 17 November 1869", "on the 17th of November 1869", True),
        ("on 17 November 1869", "on November 17, 1869", True),
        ("on 17 November 1869", "on 17 Nov 1869", True),
        ("4,207 metres", "4207 m", True),
        ("4,207 metres", "4\u202f207 metres", True),
        ("two moons", "2 moons", True),
        ("on 17 November 1869", "on 18 November 1869", False),
        ("106 grains", "10⁶ grains", False),
        ("1,209", "1,20₉", False),
        ("3. 120 metres", "3120 metres", False),
    ],
)
def test_dates_and_numbers_of_other_forms_mean_the_same(one: str, other: str, same: bool) -> None:
    assert (canonical(one) == canonical(other)) is same


def test_about_half_of_the_forms_are_held_out_whatever_the_seed() -> None:
    found = [each for seed in range(40) for each in MAKERS["style"](HEIGHTS, seed, 10)]
    assert 0.4 < sum(each.held_out for each in found) / len(found) < 0.6
    held_out = {each.form: each.held_out for each in found}
    assert all(held_out[each.form] == each.held_out for each in found)


def test_each_form_is_either_shown_or_held_out() -> None:
    for hidden, families in HELD_OUT.items():
        shown = {each.form for family in families for each in composed(family, HEIGHTS, 0, 30)}
        held_out = {each.form for each in composed(hidden, HEIGHTS, 0, 30)}
        assert shown
        assert held_out
        assert not shown & held_out


def test_forms_that_are_held_out_are_told_only_in_sum() -> None:
    trials = trials_of(embedded_cases("asqa"), (FAMILIES["style held out"], FAMILIES["evasion held out"]))
    assert trials
    assert {trial.attack for trial in trials} == {"not shown"}


@pytest.mark.parametrize(("other", "kept"), [(0.5, 1.0), (0.6, 1.0), (0.25, 0.5), (0.0, 0.0)])
def test_a_style_is_judged_by_the_share_of_the_reward_that_it_keeps(other: float, kept: float) -> None:
    assert outcome(Trial(STYLE, "form", HEIGHTS, "b", "w"), 0.5, other) == kept


def test_where_the_honest_response_gets_nothing_no_style_is_judged() -> None:
    trial = Trial(STYLE, "form", HEIGHTS, "b", "w")
    assert cell([trial], {(HEIGHTS.name, "b"): 0.0, (HEIGHTS.name, "w"): 0.0}) is None
    assert cell([trial], {(HEIGHTS.name, "b"): 0.5, (HEIGHTS.name, "w"): 0.0}) is not None


def test_a_reward_that_knows_one_style_only_does_not_pass() -> None:
    data = {"trust_asqa": "embedded", "trust_eli5": "embedded"}
    outcome_ = run_benchmark(BenchmarkOptions(rewards=("strict_grounded", "trust"), data=data, limit=2))
    strict, trust = outcome_.rows
    assert strict.kept is not None
    assert strict.kept > 90
    assert trust.kept is not None
    assert trust.kept < 70
    assert not trust.passes


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
