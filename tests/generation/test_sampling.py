from __future__ import annotations

import pytest

from groundeval.errors import UsageError
from groundeval.generation.interface import SamplingParams
from groundeval.generation.sampling import RowSampler, check_sampling, sample_seed

torch = pytest.importorskip("torch")


def draw(params: SamplingParams, logits: list[float], seeds: list[int], steps: int) -> list[list[int]]:
    """`steps` tokens a row from the same logits at each step."""
    sampler = RowSampler(params, seeds, prompt_length=3)
    ids = torch.zeros(len(seeds), 3, dtype=torch.long)
    for _ in range(steps):
        scores = sampler(ids, torch.tensor([logits] * len(seeds)))
        ids = torch.cat([ids, scores.argmax(-1, keepdim=True)], 1)
    return ids[:, 3:].tolist()


def test_tokens_are_drawn_in_proportion_to_their_probability_at_the_temperature() -> None:
    params = SamplingParams(temperature=0.5, max_new_tokens=4000)
    [row] = draw(params, [0.0, 0.5, 1.0, -50.0], [7], 4000)
    expected = torch.softmax(torch.tensor([0.0, 1.0, 2.0, -100.0]), -1)
    drawn = torch.bincount(torch.tensor(row), minlength=4) / 4000
    assert torch.allclose(drawn, expected, atol=0.03)
    assert drawn[3] == 0


def test_a_rows_tokens_do_not_depend_on_its_neighbours() -> None:
    params = SamplingParams(temperature=1.0, max_new_tokens=20)
    together = draw(params, [0.0] * 50, [1, 2, 3], 20)
    assert together == [draw(params, [0.0] * 50, [seed], 20)[0] for seed in (1, 2, 3)]
    assert len({tuple(row) for row in together}) == 3


def test_top_k_leaves_the_likeliest_tokens() -> None:
    params = SamplingParams(temperature=3.0, top_k=2, max_new_tokens=200)
    assert {token for row in draw(params, [0.0, 2.0, 1.0, -1.0], [1, 2], 200) for token in row} == {1, 2}


def test_top_p_leaves_the_smallest_nucleus_that_reaches_it() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log().tolist()
    for top_p, nucleus in ((0.4, {0}), (0.6, {0, 1}), (0.94, {0, 1, 2}), (1.0, {0, 1, 2, 3})):
        params = SamplingParams(temperature=1.0, top_p=top_p, max_new_tokens=300)
        assert {token for row in draw(params, logits, [1, 2], 300) for token in row} == nucleus


def test_a_tiny_temperature_is_greedy() -> None:
    params = SamplingParams(temperature=1e-30, max_new_tokens=10)
    assert draw(params, [0.0, 90.0, 89.9], [5], 10) == [[1] * 10]


def test_the_seed_of_a_sample_depends_on_run_and_sample_only() -> None:
    seeds = {sample_seed(seed, name) for seed in (1, 2) for name in ("a", "b", "\ud800")}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert sample_seed(42, "sample") == sample_seed(42, "sample")


@pytest.mark.parametrize(
    "wrong", [{"temperature": -1}, {"top_p": 0}, {"top_p": 1.5}, {"top_k": -1}, {"max_new_tokens": 0}, {"stop": ("",)}]
)
def test_parameters_outside_their_range_are_refused(wrong: dict[str, float]) -> None:
    [name] = wrong
    with pytest.raises(UsageError, match=rf"SamplingParams\({name}="):
        check_sampling(SamplingParams(**wrong))  # type: ignore[arg-type]
