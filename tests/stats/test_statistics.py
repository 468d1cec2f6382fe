from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundeval.scoring.table import ScoreTable
from groundeval.stats import bootstrap as statistics
from groundeval.stats.bootstrap import Aggregate, Table, count_of, harmonic, mean_of, ratio, summarize
from groundeval.stats.columns import CompactColumn

values = st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), min_size=1, max_size=30)


def table(**columns: list[float]) -> Table:
    arrays = {name: np.array(column, dtype=float) for name, column in columns.items()}
    return Table(arrays, np.ones((1, len(next(iter(arrays.values()))))))


NAN = float("nan")


def test_a_mean_leaves_out_samples_without_value_and_those_not_selected():
    whole = table(x=[1.0, 0.0, NAN, 0.5], a=[1, 1, 1, 0], b=[0, 1, 1, 1])
    assert whole.mean("x") == pytest.approx(0.5)
    assert whole.mean("x", "a") == pytest.approx(0.5)
    assert whole.mean("x", ("a", "b")) == 0.0
    assert whole.total("x", "a") == 1.0
    assert (whole.count(), whole.count("a"), whole.count("a", having="x")) == (4, 3, 2)


def test_a_mean_over_no_samples_is_0():
    assert table(x=[NAN, NAN]).mean("x") == 0.0
    assert table(x=[1.0], a=[0]).mean("x", "a") == 0.0


def test_weights_count_rows_as_often_as_they_were_drawn():
    weighted = Table({"x": np.array([1.0, 0.0])}, np.array([[3.0, 1.0], [0.0, 2.0]]))
    assert weighted.mean("x").tolist() == [0.75, 0.0]
    assert weighted.count().tolist() == [4.0, 2.0]


def test_ratio_and_harmonic_mean_are_0_where_they_are_not_defined():
    assert ratio(np.array([1.0, 1.0]), np.array([2.0, 0.0])).tolist() == [0.5, 0.0]
    assert harmonic(np.array([0.5, 0.0, 1.0]), np.array([1.0, 1.0, 0.0])).tolist() == pytest.approx([2 / 3, 0.0, 0.0])


def test_an_estimate_has_value_error_interval_and_the_samples_behind_it():
    columns = {"x": np.array([1.0, 0.0, 1.0, NAN]), "a": np.array([1.0, 1.0, 0.0, 1.0])}
    found = summarize(columns, {"all": mean_of("x"), "some": mean_of("x", "a"), "rows": count_of("a")})
    assert (found["all"].value, found["all"].n) == (pytest.approx(200 / 3), 3)
    assert (found["some"].value, found["some"].n) == (50.0, 2)
    assert (found["rows"].value, found["rows"].n) == (3.0, 4)
    for estimate in found.values():
        assert estimate.stderr is not None
        assert estimate.stderr > 0
        low, high = estimate.ci95 or (1.0, 0.0)
        assert low <= estimate.value <= high


@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_than_two_samples_have_no_interval(rows: int):
    found = summarize({"x": np.ones(rows)}, {"x": mean_of("x")})["x"]
    assert (found.stderr, found.ci95, found.n) == (None, None, rows)
    assert found.value == (100.0 if rows else None)


def test_the_same_samples_give_the_same_numbers_and_another_seed_another_interval():
    columns = {"x": np.random.default_rng(5).random(40)}
    once, again = (summarize(columns, {"x": mean_of("x")})["x"] for _ in range(2))
    assert once == again
    other = summarize(columns, {"x": mean_of("x")}, seed=1)["x"]
    assert other.value == once.value
    assert other.ci95 != once.ci95


def test_the_resamples_are_the_same_for_all_keys_and_whatever_other_keys_there_are():
    columns = {"x": np.random.default_rng(5).random(40), "y": np.random.default_rng(6).random(40)}
    alone = summarize(columns, {"x": mean_of("x")})["x"]
    together = summarize(columns, {"y": mean_of("y"), "x": mean_of("x"), "same": mean_of("x")})
    assert together["x"] == together["same"] == alone


def test_drawing_in_small_chunks_gives_the_same_interval(monkeypatch: pytest.MonkeyPatch):
    columns = {"x": np.random.default_rng(5).random(50)}
    whole = summarize(columns, {"x": mean_of("x")})["x"]
    monkeypatch.setattr(statistics, "_CHUNK_CELLS", 7 * 50)
    assert summarize(columns, {"x": mean_of("x")})["x"] == whole
    monkeypatch.setattr(statistics, "_CHUNK_CELLS", 1)
    assert summarize(columns, {"x": mean_of("x")})["x"] == whole


def test_memory_is_bounded_whatever_the_number_of_samples():
    rows = 60_000  # all 1,000 resamples at once would be 480 MB
    columns = {"x": np.random.default_rng(5).random(rows)}
    tracemalloc.start()
    try:
        summarize(columns, {"x": mean_of("x")}, resamples=300)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2.5 * 8 * statistics._CHUNK_CELLS


def test_the_standard_error_of_a_mean_is_the_textbook_one():
    draws = np.random.default_rng(5).random(400)
    found = summarize({"x": draws}, {"x": mean_of("x")})["x"]
    assert found.stderr == pytest.approx(100 * draws.std(ddof=1) / 20, rel=0.1)


def test_intervals_of_a_mean_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(200):
        draws = (rng.random(60) < 0.3).astype(float)
        low, high = summarize({"x": draws}, {"x": mean_of("x")}, resamples=300)["x"].ci95 or (0.0, 0.0)
        covered += low <= 30.0 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_the_harmonic_mean_itself_is_resampled():
    # Where one mean is often 0 in a resample, the harmonic mean is 0 there, and its interval must reach 0.
    columns = {"x": np.array([1.0] + [0.0] * 9), "y": np.ones(10)}
    f1 = Aggregate(lambda t: harmonic(t.mean("x"), t.mean("y")))
    found = summarize(columns, {"f1": f1})["f1"]
    assert found.value == pytest.approx(100 * 2 * 0.1 / 1.1)
    low, high = found.ci95 or (1.0, 0.0)
    assert low == 0.0
    assert high == pytest.approx(100 * 2 * 0.3 / 1.3, abs=6)


def test_intervals_of_a_harmonic_mean_cover_the_truth():
    rng = np.random.default_rng(5)
    truth = 100 * 2 * 0.6 * 0.3 / 0.9
    f1 = Aggregate(lambda t: harmonic(t.mean("x"), t.mean("y")))
    covered = 0
    for _ in range(150):
        columns = {"x": (rng.random(80) < 0.6).astype(float), "y": (rng.random(80) < 0.3).astype(float)}
        low, high = summarize(columns, {"f1": f1}, resamples=300)["f1"].ci95 or (0.0, 0.0)
        covered += low <= truth <= high
    assert 0.88 <= covered / 150 <= 0.99


def test_rounding_that_a_protocol_prescribes_is_applied_to_the_value_only():
    found = summarize({"x": np.array([1.0, 1.0, 0.0])}, {"x": Aggregate(lambda t: t.mean("x"), column="x", decimals=2)})
    assert found["x"].value == 66.67
    assert found["x"].stderr != round(found["x"].stderr or 0.0, 2)


@settings(max_examples=30)
@given(values)
def test_a_mean_lies_within_its_interval_and_the_interval_within_the_values(column: list[float]):
    array = np.array(column)
    found = summarize({"x": array}, {"x": mean_of("x", unit="number")}, resamples=100)["x"]
    known = array[~np.isnan(array)]
    assert found.n == len(known)
    if len(known):
        assert found.value == pytest.approx(known.mean(), abs=1e-9)
    if found.ci95 is not None:
        # A resample may draw no sample that has a value; its mean is 0.
        bottom = min([0.0, *known]) if len(known) < len(array) else known.min()
        assert bottom - 1e-9 <= found.ci95[0] <= found.ci95[1] <= max([0.0, *known]) + 1e-9


def test_a_table_keeps_failed_samples_out_of_every_column_and_counts_them():
    scores = ScoreTable(("x", "y"), 5)
    scores.add(4, "ok", {"x": 1.0, "y": None})
    scores.add(2, "error", {}, "too\nlong")
    scores.add(3, "error", {}, "no text")
    scores.add(0, "empty", {"x": 0.0})
    columns = scores.columns()
    assert columns["x"][:].tolist() == [0.0, 1.0]
    assert np.isnan(columns["y"][:]).all()
    assert scores.statuses() == {"empty": 1, "error": 2, "ok": 1}
    assert scores.first_error() == (2, "too long")
    assert 2 in scores
    assert 1 not in scores


def test_a_table_of_failed_samples_only_has_empty_columns():
    scores = ScoreTable(("x",), 1)
    scores.add(0, "error", {})
    assert scores.columns()["x"][:].shape == (0,)


@pytest.mark.parametrize("distinct", [3, 300, 70_000])
def test_a_packed_column_holds_its_values_exactly_however_many_there_are(distinct: int):
    found = np.random.default_rng(0).random(distinct)
    packed = CompactColumn(distinct + 2)
    for row, value in enumerate(found.tolist()):
        packed.set(row, value)
    packed.set(distinct, 1)
    assert np.array_equal(packed[:], [*found, 1.0, np.nan], equal_nan=True)
    assert np.array_equal(packed[1:3], found[1:3])
    chosen = np.arange(distinct + 2) % 2 == 0
    assert np.array_equal(packed.taken(chosen)[:], packed[:][chosen], equal_nan=True)


def test_a_set_too_large_for_one_block_has_the_intervals_of_the_same_draws(monkeypatch: pytest.MonkeyPatch):
    rng = np.random.default_rng(0)
    columns = {"x": rng.random(500), "y": rng.integers(0, 2, 500).astype(float)}
    columns["x"][::7] = np.nan
    aggregates = {
        "x": mean_of("x"),
        "x where y": mean_of("x", "y"),
        "number of y": count_of("y"),
        "f1": Aggregate(lambda table: harmonic(table.mean("x"), table.mean("y"))),
    }
    at_once = summarize(columns, aggregates, resamples=70)
    monkeypatch.setattr(statistics, "_CHUNK_CELLS", 1_000)
    monkeypatch.setattr(statistics, "_BLOCK", 64)
    assert summarize(columns, aggregates, resamples=70) == at_once
