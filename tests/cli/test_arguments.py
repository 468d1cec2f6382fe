"""`NAME=VALUE,...` on the command line."""

from __future__ import annotations

from typing import Any

import pytest

from groundeval.cli.arguments import assignments, sampling_from
from groundeval.errors import UsageError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, {}),
        ("a=1,b=x, c=0.5 ,d=true", {"a": 1, "b": "x", "c": 0.5, "d": True}),
        ('a="x,y",b=2', {"a": "x,y", "b": 2}),
        ("a='x,y',b=[1, 2],c={d: 1, e: 2}", {"a": "x,y", "b": [1, 2], "c": {"d": 1, "e": 2}}),
        ('{"a": "x,y", "b": {"c": [1, {"d": "}"}]}}', {"a": "x,y", "b": {"c": [1, {"d": "}"}]}}),
        ("a=it's", {"a": "it's"}),
        ("a=b=c", {"a": "b=c"}),
    ],
)
def test_values_may_hold_commas_in_quotes_or_brackets_or_as_json(text: str | None, expected: dict[str, Any]):
    assert assignments(text, "--model-args") == expected


@pytest.mark.parametrize("text", ["", "a=1,", ",a=1", "a=1,,b=2", "a", "=1", '{"a": 1', "{a: 1}", "a=[1"])
def test_what_cannot_be_read_names_the_flag(text: str):
    with pytest.raises(UsageError, match="--model-args"):
        assignments(text, "--model-args")


def test_several_stop_strings_can_be_given():
    assert sampling_from('stop=["\\n\\n", "a,b"]', 1).stop == ("\n\n", "a,b")
    assert sampling_from('stop="a,b"', 1).stop == ("a,b",)
    with pytest.raises(UsageError, match="a text, or a list of texts"):
        sampling_from("stop=[1]", 1)
    with pytest.raises(UsageError, match="a text, or a list of texts"):
        sampling_from("stop=[]", 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (r"stop=\q", r"\\q is not an escape"),
        ("stop=\\", "is not an escape"),
        ('stop=["a"', "cannot be read"),
        ("stop=", "allowed: a text"),
        ("stop=a,stop=b", "stop is given twice"),
        ("top_p=0.5,top_p=0.6", "top_p is given twice"),
        ("seed=5", "--seed"),
        ("max_new_tokens=none", "an integer"),
    ],
)
def test_sampling_that_cannot_be_meant_is_refused(text: str, says: str):
    with pytest.raises(UsageError, match=says):
        sampling_from(text, 1)


def test_what_is_left_to_a_server_is_none():
    found = sampling_from("temperature=none,top_p=None,seed=none", 1)
    assert found.left_out == ("temperature", "top_p", "seed")
    assert sampling_from(None, 1).left_out == ()
