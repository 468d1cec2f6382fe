"""Monitoring of a policy in training."""

from __future__ import annotations

import pytest
from reward_cases import REFUSAL, example

from groundeval.records import Response
from groundeval.rewards import Rewarded, load_reward
from groundeval.rewards.monitoring import (
    Alarm,
    flattened_by,
    group_figures,
    groups_of,
    hacking_alarm,
    is_flat,
    spread_of_parts,
    style_of,
)


def rewarded(total: float | None, **parts: float | None) -> Rewarded:
    return Rewarded("0", total, parts, "ok" if total is not None else "error")


def test_a_group_is_flat_if_all_its_rewards_are_equal():
    assert is_flat([rewarded(1.0), rewarded(1.0)])
    assert is_flat([rewarded(1.0), rewarded(None), rewarded(1.0)])
    assert is_flat([rewarded(None), rewarded(None)])
    assert not is_flat([rewarded(1.0), rewarded(0.9)])
    assert not is_flat([rewarded(1.0)])


def test_neighbours_with_one_prompt_are_a_group():
    many = [rewarded(float(index)) for index in range(5)]
    assert groups_of(many, ["a", "a", "b", "a", "a"]) == [many[:2], many[2:3], many[3:]]


SPREAD = {"tag_count": 0.0, "format": 0.1, "em": 0.5, "citation": 0.3}


@pytest.mark.parametrize(
    ("group", "parts"),
    [
        # Nobody passes the gate of the format, so nothing behind it can tell them apart.
        ([rewarded(1.0, tag_count=1.0, format=0.0, em=None, citation=None)] * 3, ("format",)),
        # All passed all gates and differ in nothing: the part that mostly tells answers apart does not.
        ([rewarded(2.0, tag_count=1.0, format=1.0, em=0.0, citation=0.0)] * 3, ("em",)),
        # They differ in two parts that cancel each other out.
        (
            [
                rewarded(2.0, tag_count=1.0, format=1.0, em=0.5, citation=-0.5),
                rewarded(2.0, tag_count=1.0, format=1.0, em=0.0, citation=0.0),
            ],
            ("em", "citation"),
        ),
        # A part in the middle that applies to nobody is not a gate.
        ([rewarded(1.0, tag_count=1.0, refusal=None, em=0.0)] * 2, ("em",)),
        # Nobody has a reward.
        ([rewarded(None)] * 2, ()),
    ],
)
def test_the_part_that_flattened_a_group_is_named(group: list[Rewarded], parts: tuple[str, ...]):
    assert is_flat(group)
    assert flattened_by(group, SPREAD) == parts


def test_a_batch_is_summed_up_by_shares_and_means():
    batch = [
        rewarded(1.0, em=1.0, citation=None),
        rewarded(0.0, em=0.0, citation=None),
        rewarded(0.5, em=0.5, citation=0.0),
        rewarded(0.5, em=0.5, citation=0.0),
        rewarded(None),
        rewarded(0.25, em=0.0, citation=0.25),
    ]
    figures = group_figures(batch, "aabbcc")
    assert figures["abstained"] == pytest.approx(1 / 6)
    assert figures["component/em"] == pytest.approx(0.4)
    assert figures["component/citation"] == pytest.approx(0.25 / 3)
    assert figures["flat_groups"] == pytest.approx(2 / 3)
    assert spread_of_parts(batch)["em"] > spread_of_parts(batch)["citation"]
    assert figures["flat_by/em"] == 1.0
    assert "flat_by/citation" not in figures


def test_style_is_length_and_citations_per_statement():
    reward = load_reward("trust", "trust_asqa")
    style = style_of(Response.build(example(), "<think>a b c</think>Paris is it [1][2]. Rome too."), reward)
    assert style == {"words": 5.0, "statements": 2.0, "citations_per_statement": 1.0, "refused": 0.0}
    empty = style_of(Response.build(example(), ""), reward)
    assert empty == {"words": 0.0, "statements": 0.0, "citations_per_statement": 0.0, "refused": 0.0}
    assert style_of(Response.build(example(), REFUSAL), reward)["refused"] == 1.0


RISING, FALLING = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]


def test_the_alarm_rings_only_when_training_rises_while_the_held_out_score_falls():
    alarm = hacking_alarm(RISING, FALLING)
    assert alarm == Alarm(pytest.approx(0.3), pytest.approx(-0.3))
    assert hacking_alarm(RISING, RISING) is None
    assert hacking_alarm(FALLING, FALLING) is None
    assert hacking_alarm([0.5] * 6, FALLING) is None


def test_the_alarm_waits_for_a_window_and_overlooks_a_small_fall():
    assert hacking_alarm(RISING[:5], FALLING) is None
    assert hacking_alarm(RISING, FALLING[:5]) is None
    assert hacking_alarm(RISING, [0.5, 0.5, 0.5, 0.49, 0.49, 0.49]) is None
    assert hacking_alarm(RISING, [0.5, 0.5, 0.5, 0.49, 0.49, 0.49], fall=0.005) is not None


def test_the_alarm_looks_at_the_last_window_only():
    assert hacking_alarm([*FALLING, *RISING], [*RISING, *FALLING]) is not None
    assert hacking_alarm([*RISING, *FALLING], [*FALLING, *RISING]) is None
