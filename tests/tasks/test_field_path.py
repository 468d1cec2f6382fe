"""Field paths: the values they find, and the part of a path named in errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundeval.tasks.formats.field_path import Absent, parse_path

RECORD: dict[str, Any] = {
    "a": {"b": [{"c": 1}, {"c": 2}, {"c": 3}]},
    "a.b": "dotted",
    "two words": {"x-y": 0},
    "empty": [],
    "systems": {"first": {"claims": ["p", "q"]}, "second": {"claims": ["r"]}},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b[0].c", 1),
        ("a.b[-1].c", 3),
        ("a.b[].c", [1, 2, 3]),
        ("a.b[1:].c", [2, 3]),
        ("a.b[:-1].c", [1, 2]),
        ("a.b[ 0 ].c", 1),
        ("a.b", RECORD["a"]["b"]),
        ('["a.b"]', "dotted"),
        ("two words.x-y", 0),
        ("empty[]", []),
        ("systems.*.claims", [["p", "q"], ["r"]]),
        ("systems.*.claims[]", ["p", "q", "r"]),
        ("systems.*.claims[0]", ["p", "r"]),
        (".", RECORD),
    ],
)
def test_a_path_finds_its_value_or_its_values(path: str, value: Any) -> None:
    assert parse_path(path).find(RECORD) == value


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("b", '"b" does not exist; there is "a", "a.b", "two words", "empty", "systems"'),
        ("a.x", '"a.x" does not exist; there is "b"'),
        ("a.b.c", '"a.b.c" does not exist: "a.b" is a list, not an object'),
        ("a[0]", r'"a\[0\]" does not exist: there is an object instead of a list'),
        ("a.b[3]", r'"a.b\[3\]" does not exist: the list has 3 elements'),
        ("a.b[].x", r'"a.b\[0\].x" does not exist; there is "c"'),
        ("systems.*.other", '"systems.first.other" does not exist; there is "claims"'),
        ("a.b.*", 'a.b" is a list, not an object'),
        ("two words[]", 'two words" is an object, not a list'),
    ],
)
def test_a_path_that_leads_nowhere_says_how_far_it_came(path: str, says: str) -> None:
    with pytest.raises(Absent, match=says):
        parse_path(path).find(RECORD)


@pytest.mark.parametrize("path", ["", " .a", "a..b", "a[", "a]", "a[x]", "a[0]b", ".a", "a.", '[""]', "a[1:2:3]"])
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        parse_path(path)


names = st.text(alphabet="abc -_é1", min_size=1, max_size=4).filter(lambda name: name == name.strip())


@given(steps=st.lists(names | st.integers(0, 2), min_size=1, max_size=5), value=st.integers())
def test_a_path_that_is_written_for_a_place_finds_it(steps: list[str | int], value: int) -> None:
    record: Any = value
    path = ""
    for step in reversed(steps):
        record = {step: record, "other": 0} if isinstance(step, str) else [None] * step + [record]
    for step in steps:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
    assert parse_path(path).find(record) == value
