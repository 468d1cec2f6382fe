"""Hill climbing over the attacks: seeded, and as far as a reward can be driven."""

from __future__ import annotations

from benchmark_cases import towers

from groundeval.nli import NLI
from groundeval.rewards.benchmark.candidates import Candidate, Jury
from groundeval.rewards.benchmark.climbing import Climb, climb
from groundeval.rewards.benchmark.oracle import ByConstruction
from groundeval.tasks import load_task

SCENES = towers()
JURY = Jury({"trust_asqa": load_task("trust_asqa")}, {case.name: case for case in SCENES}, NLI(ByConstruction(SCENES)))


def climbed(reward: str, edits: int = 300, seed: int = 0) -> Climb:
    found = climb(Candidate(reward, reward), JURY, edits, seed)
    assert found is not None
    return found


def test_a_sum_over_statements_is_driven_far_above_the_honest_response() -> None:
    found = climbed("ground_grpo_stage2")
    assert (found.edits, found.examples) == (300, 3)
    assert found.driven >= 1
    assert found.most_gain > 2
    assert found.best_value - found.honest_value == found.most_gain
    assert len(found.best) > len(found.honest)
    assert found.moves


def test_the_strict_reward_is_not_driven_above_the_honest_response() -> None:
    found = climbed("strict_grounded", 600)
    assert (found.driven, found.most_gain, found.mean_gain) == (0, 0.0, 0.0)


def test_the_same_seed_climbs_to_the_same_text() -> None:
    assert climbed("alce", 120, seed=5) == climbed("alce", 120, seed=5)
    assert climbed("alce", 120, seed=5) != climbed("alce", 120, seed=6)
