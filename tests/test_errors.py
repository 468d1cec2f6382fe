"""Error messages name the nearest match and the allowed values."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundeval.errors import did_you_mean, excerpt, kind_of, nearest, no_such, quoted, unknown

words = st.text(min_size=1, max_size=8)


@given(name=words, allowed=st.sets(words))
def test_the_nearest_name_is_an_allowed_one_whatever_their_order(name: str, allowed: set[str]):
    found = nearest(name, allowed)
    assert found is None or found in allowed
    assert found == nearest(name, sorted(allowed, reverse=True))
    assert nearest(name, {*allowed, name}) == name


def test_a_guess_is_made_only_where_a_name_is_like_it():
    assert did_you_mean("citaton", ["length", "citation"]) == ' Did you mean "citation"?'
    assert did_you_mean("zzz", ["length", "citation"]) == ""
    assert did_you_mean("citaton", ["citation"], likeness=0.99) == ""


def test_names_are_listed_in_quotes_up_to_a_limit():
    assert quoted({"a": 1, "b": 2}) == '"a", "b"'
    assert quoted("abc", 2) == '"a", "b", ...'
    assert quoted([]) == "none"


@pytest.mark.parametrize(("value", "kind"), [(None, "null"), (True, "a boolean"), (1.5, "a number"), (b"", "bytes")])
def test_a_value_is_called_as_json_calls_it(value: object, kind: str):
    assert kind_of(value) == kind


def test_a_path_that_is_not_there_is_answered_with_the_one_most_like_it(tmp_path: Path):
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "ragas.json").touch()
    near = f'Did you mean "{tmp_path / "outputs" / "ragas.json"}"?'
    assert near in str(no_such(tmp_path / "outputs" / "rags.json"))
    assert near in str(no_such(tmp_path / "ouptuts" / "ragas.json")), "whichever part is wrong"
    assert near in str(no_such(tmp_path / "ouptuts" / "rags.json"))
    for other in ("zzz.csv", "outputs/zzz.csv", "zzz/ragas.json", "outputs/ragas.json/x"):
        assert "Did you mean" not in str(no_such(tmp_path / other)), other


def test_an_excerpt_is_the_beginning_of_the_representation_and_large_values_are_not_written_out():
    for value in ("it's", [1, {"a": None}], {"k": [True, "x" * 90]}, [], {}, 2.5, {1: ["\ud800"]}, "y" * 90):
        for limit in (10, 60):
            text = repr(value)
            assert excerpt(value, limit) == (text if len(text) <= limit else text[: limit - 3] + "...")
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert excerpt(deep).startswith("[[[[")
    shown = Shown()
    assert len(excerpt([shown] * 100_000)) == 60
    assert shown.times < 100


class Shown:
    """Counts how often it is written out."""

    times = 0

    def __repr__(self) -> str:
        self.times += 1
        return "1"


@pytest.mark.parametrize("name", ["\ud800", "\x1b[31m", "x" * 100_000, "a\nerror: b"])
def test_a_name_that_is_none_is_shown_short_and_in_a_form_that_can_be_written(name: str):
    for text in (str(unknown("profile", name, ["trust"])), quoted([name])):
        assert text.encode("utf-8")
        assert len(text) < 400
        assert text.replace("\n  Known: trust", "").isprintable()
