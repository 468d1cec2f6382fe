"""Algorithm 1 of Ground-GRPO (arXiv 2506.15522), worked by hand: every branch of it."""

from __future__ import annotations

import math

import pytest
from reward_cases import REFUSAL, Told, example, rewarded, thought, unanswerable

from groundeval.errors import UsageError
from groundeval.nli import NLI
from groundeval.parsing.refusal import refusal_score
from groundeval.records import Response
from groundeval.rewards import load_reward

GOOD = ("A", "Paris is it.")
LONG = "Paris is it [1]. Rome is old [1]. Once Lutetia [2]. The end."
"""Paris: supported answer, right citation. Rome: no document holds it. Lutetia: an alias, wrong citation."""
CLOSE = "I apologise, but I could not find an answer"
R = refusal_score(CLOSE) / 100

CASES = {
    # Not well formed: the tags alone, whatever the answer says.
    "plain text has none of the tags": (example(), "Paris is it [1].", 2, {}, {"tag_count": 0.0, "format": 0.0}),
    "one think block is half of the tags": (
        example(), "<think>a</think>Paris is it [1].", 2, {}, {"tag_count": 0.5, "format": 0.0},
    ),
    "an unclosed think block is one tag": (example(), "<think>Paris", 2, {}, {"tag_count": 0.25, "format": 0.0}),
    "a repeated tag does not count": (
        example(), thought("Paris is it [1].") + "</answer>", 2, {}, {"tag_count": 0.75, "format": 0.0},
    ),
    "all tags, but text behind them": (
        example(), thought("Paris is it [1].") + " So.", 2, {}, {"tag_count": 1.0, "format": 0.0},
    ),
    "all tags in the wrong order": (
        example(), "<answer>Paris is it [1].</answer><think>a</think>", 2, {}, {"tag_count": 1.0, "format": 0.0},
    ),
    # Well formed and answerable, r below the threshold.
    "a cited answer": (
        example(), thought("Paris is it [1]."), 2, {},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 0.5, "citation": 0.5},
    ),
    "the same in stage 1 has no refusal reward": (
        example(), thought("Paris is it [1]."), 1, {}, {"tag_count": 1.0, "format": 1.0, "em": 0.5, "citation": 0.5},
    ),
    "an answer without a citation": (
        example(), thought("Paris is it."), 2, {},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 0.5, "citation": -0.5},
    ),
    "an answer whose citation does not support it": (
        example(), thought("Paris is it [2]."), 2, {},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 0.5, "citation": -0.5},
    ),
    "a citation of a document that does not exist": (
        example(), thought("Paris is it [1][7]."), 2, {},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 0.5, "citation": -0.5},
    ),
    "a right citation of a statement without an answer earns nothing": (
        example(), thought("The end [1]."), 2, {},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 0.0, "citation": 0.0},
    ),
    "a gold answer that no document supports earns nothing": (
        example(), thought("Rome is old [1]."), 2, {},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 0.0, "citation": 0.0},
    ),
    "four statements, two with answers, one rightly cited, summed": (
        example(), thought(LONG), 2, {},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 1.0, "citation": 0.0},
    ),
    "the same, averaged over statements": (
        example(), thought(LONG), 2, {"reduction": "mean"},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 0.25, "citation": 0.0},
    ),
    "the same without the penalty": (
        example(), thought(LONG), 2, {"citation_penalty": 0.0},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 1.0, "citation": 0.5},
    ),
    "the same with twice the penalty": (
        example(), thought(LONG), 2, {"citation_penalty": 1.0},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 1.0, "citation": -0.5},
    ),
    "the same without citations": (
        example(), thought(LONG), 2, {"citation": False},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 1.0},
    ),
    "an empty answer": (
        example(), thought(""), 2, {},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 0.0, "citation": 0.0},
    ),
    "an empty answer has nothing to average": (
        example(), thought(""), 2, {"reduction": "mean"},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 0.0, "citation": 0.0},
    ),
    # Well formed and answerable, but refused.
    "a refusal of an answerable question": (
        example(), thought(REFUSAL), 2, {}, {"tag_count": 1.0, "format": 1.0, "refusal": 0.0},
    ),
    "a refusal with an answer behind it is a refusal": (
        example(), thought(f"{REFUSAL} Paris is it [1]."), 2, {}, {"tag_count": 1.0, "format": 1.0, "refusal": 0.0},
    ),
    "a refusal gates stage 1 too": (
        example(), thought(f"{REFUSAL} Paris is it [1]."), 1, {}, {"tag_count": 1.0, "format": 1.0},
    ),
    "a refusal below a higher threshold is an answer": (
        example(), thought(CLOSE), 2, {"refusal_threshold": R},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.5, "em": 0.0, "citation": 0.0},
    ),
    # Well formed and unanswerable.
    "a refusal of an unanswerable question earns r": (
        unanswerable(), thought(REFUSAL), 2, {}, {"tag_count": 1.0, "format": 1.0, "refusal": 1.0},
    ),
    "a refusal in other words earns its own r": (
        unanswerable(), thought(CLOSE), 2, {}, {"tag_count": 1.0, "format": 1.0, "refusal": R},
    ),
    "r at the threshold is not a refusal": (
        unanswerable(), thought(CLOSE), 2, {"refusal_threshold": R},
        {"tag_count": 1.0, "format": 1.0, "refusal": 0.0},
    ),
    "an answer to an unanswerable question": (
        unanswerable(), thought("Paris is it [1]."), 2, {}, {"tag_count": 1.0, "format": 1.0, "refusal": 0.0},
    ),
    "stage 1 has no reward for an unanswerable question": (
        unanswerable(), thought(REFUSAL), 1, {}, {"tag_count": 1.0, "format": 1.0},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_algorithm_gives_what_it_gives_by_hand(case: str):
    sample, output, stage, parameters, parts = CASES[case]
    found = rewarded(f"ground_grpo_stage{stage}", sample, output, GOOD, **parameters)
    assert {name: value for name, value in found.components.items() if value is not None} == parts
    assert found.total == sum(parts.values())


def test_r_of_exactly_the_papers_threshold_is_an_answer():
    reward = load_reward("ground_grpo_stage2", "trust_asqa")
    values = {"tag_count": 1.0, "format": 1.0, "refusal_score": 0.85, "ground_em": 0.5, "ground_statements": 1.0}
    ground = [{"text": "Paris.", "holds_answer": True, "supported": True}]
    line = {"id": "0", "status": "ok", "ground": ground}
    assert reward.of({**line, "values": {**values, "ground_answerable": 1.0}}).total == 3.5
    assert reward.of({**line, "values": {**values, "ground_answerable": 0.0}}).total == 2.0


def test_list_tasks_reward_items_and_claim_tasks_entailed_claims():
    listed = thought("Paris [1], Rome, Lutetia [2], Oslo.")
    found = rewarded("ground_grpo_stage2", example(), listed, ("A", "Q? Paris"), task="trust_qampari")
    # Paris is right and cited, Lutetia right and not supported; Rome is held by no document, Oslo is no answer.
    assert (found.components["em"], found.components["citation"]) == (1.0, 0.0)
    claims = example(answers=(("Bees dance.",), ("Bees fly.",)), held=(1, 1))
    entailed = (("They dance.", "Bees dance."), ("A", "They dance."), ("They fly.", "Bees fly."))
    said = rewarded(
        "ground_grpo_stage2", claims, thought("They dance [1]. They fly [1]."), *entailed, task="trust_eli5"
    )
    assert (said.components["em"], said.components["citation"]) == (1.0, 0.0)


def test_the_process_reward_is_an_option_and_needs_the_reasoning_to_entail_the_decision():
    decision = ("Found it.", "The documents answer the question.")
    output = thought("Paris is it [1].", thinking="Found it.")
    assert rewarded("ground_grpo_stage2", example(), output, GOOD, decision, process_weight=1.0).total == 4.5
    assert rewarded("ground_grpo_stage2", example(), output, GOOD, process_weight=1.0).total == 3.5
    assert "process" not in rewarded("ground_grpo_stage2", example(), output, GOOD, decision).components


def test_without_tags_nothing_is_gated_on_them():
    plain = rewarded("ground_grpo_instruct", example(), "Paris is it [1].", GOOD)
    assert plain.components == {"refusal": 0.5, "em": 0.5, "citation": 0.5}
    refused = rewarded("ground_grpo_instruct", unanswerable(), REFUSAL)
    assert refused.components == {"refusal": 1.0, "em": None, "citation": None}
    assert rewarded("ground_grpo_instruct", example(), "Paris is it [1].", GOOD, stage=1).total == 1.0


def test_without_tags_a_refusal_of_stage_1_earns_nothing_and_stays_in_its_group():
    refused = rewarded("ground_grpo_instruct", example(), REFUSAL, stage=1)
    assert (refused.total, refused.components) == (0.0, {"em": 0.0, "citation": 0.0})
    uncited = rewarded("ground_grpo_instruct", example(), REFUSAL, stage=1, citation=False)
    assert (uncited.total, uncited.components) == (0.0, {"em": 0.0})
    assert rewarded("ground_grpo_instruct", unanswerable(), "Paris is it [1].", stage=1).total == 0.0


def test_with_citations_off_no_verifier_is_asked():
    verifier = Told()
    reward = load_reward("ground_grpo_stage2", "trust_asqa", nli="http://nobody.invalid:1", citation=False)
    assert not reward.asks_nli
    assert reward([Response.build(example(), thought(LONG))])[0].total == 3.5
    load_reward("ground_grpo_stage2", "trust_asqa")([Response.build(example(), thought(LONG))], NLI(verifier))
    assert verifier.asked


@pytest.mark.parametrize(
    ("name", "parameters", "low", "high"),
    [
        ("ground_grpo_stage1", {}, 0.0, math.inf),
        ("ground_grpo_stage1", {"reduction": "mean"}, 0.0, 3.0),
        ("ground_grpo_stage2", {"reduction": "mean"}, 0.0, 3.5),
        ("ground_grpo_stage2", {"reduction": "mean", "citation": False}, 0.0, 3.0),
        ("ground_grpo_stage2", {"reduction": "mean", "process_weight": 0.5}, 0.0, 4.0),
        ("ground_grpo_stage2", {"citation_penalty": 1.0}, -math.inf, math.inf),
        ("ground_grpo_instruct", {"reduction": "mean"}, 0.0, 1.5),
        ("ground_grpo_instruct", {"reduction": "mean", "citation_penalty": 2.0}, -1.0, 1.5),
        ("ground_grpo_instruct", {"reduction": "mean", "stage": 1}, 0.0, 1.0),
    ],
)
def test_the_range_follows_from_the_parameters(name: str, parameters: dict[str, object], low: float, high: float):
    reward = load_reward(name, "trust_asqa", **parameters)
    assert (reward.low, reward.high) == (low, high)


def test_a_wrong_parameter_is_named_with_what_is_allowed():
    with pytest.raises(UsageError, match=r'reward "ground_grpo_stage2": unknown parameter "reductoin".*"reduction"'):
        load_reward("ground_grpo_stage2", "trust_asqa", reductoin="sum")
    with pytest.raises(UsageError, match=r'parameter reduction=.*must be "sum" or "mean"'):
        load_reward("ground_grpo_stage2", "trust_asqa", reduction="max")
    with pytest.raises(UsageError, match=r"refusal_threshold=2"):
        load_reward("ground_grpo_stage2", "trust_asqa", refusal_threshold=2)
