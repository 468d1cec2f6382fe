from __future__ import annotations

import pytest
from any_text import any_text
from hypothesis import given

from groundeval.parsing.reasoning import ReasoningTags, Split, answer_block, is_well_formed, split_reasoning, tag_count

CASES = {
    "none": ("Paris [1].", Split(None, "Paris [1].", False)),
    "closed": ("<think>It is Paris.</think>\n\nParis [1].", Split("It is Paris.", "Paris [1].", False)),
    "closed, empty": ("<think>\n\n</think>\n\nParis.", Split("", "Paris.", False)),
    "opened by the template": ("It is Paris.</think>Paris.", Split("It is Paris.", "Paris.", False)),
    "unclosed": ("<think>It is Paris, or else", Split("It is Paris, or else", "", True)),
    "unclosed after an answer": ("Paris. <think>Or Rome", Split("Or Rome", "", True)),
    "unclosed, empty": ("<think>", Split("", "", True)),
    "nested": ("<think>a<think>b</think>c</think>d", Split("a\nb\nc", "d", False)),
    "an opening tag in the reasoning": ("<think>a <think> b</think>c", Split("a\nb", "c", False)),
    "several": ("<think>a</think>x <think>b</think>y", Split("a\nb", "x y", False)),
    "answer tags": ("<think>a</think><answer>b</answer>", Split("a", "b", False)),
    "answer tags without reasoning": ("Well: <answer> b </answer> done", Split(None, " b ", False)),
    "answer tags in the reasoning": ("<think><answer>n</answer></think>y", Split("<answer>n</answer>", "y", False)),
    "answer tags in both": (
        "<think><answer>no</answer></think><answer>yes</answer>", Split("<answer>no</answer>", "yes", False)
    ),
    "unclosed answer": ("<think>a</think><answer>b", Split("a", "b", False)),
    "two answers": ("<answer>a</answer><answer>b</answer>", Split(None, "b", False)),
    "a closing answer tag alone": ("a</answer>", Split(None, "a</answer>", False)),
    "reasoning inside the answer": ("<answer>a<think>b</think>c</answer>", Split("b", "ac", False)),
    "upper case is no tag": ("<THINK>a</THINK>b", Split(None, "<THINK>a</THINK>b", False)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_reasoning_and_answer_are_told_apart(case: str):
    text, expected = CASES[case]
    assert split_reasoning(text) == expected


def test_other_tags_can_be_named():
    tags = ReasoningTags("[T]", "[/T]", "[A]", "[/A]")
    assert split_reasoning("[T]a.*[/T][A]b[/A]", tags) == Split("a.*", "b", False)
    assert split_reasoning("<think>a</think>b", tags) == Split(None, "<think>a</think>b", False)
    assert (tag_count("[T][/T][A]", tags), is_well_formed("[T]a[/T] [A]b[/A]", tags)) == (0.75, True)


@given(any_text)
def test_no_text_makes_splitting_raise_and_an_unclosed_block_leaves_no_answer(text: str):
    split = split_reasoning(text)
    assert not (split.unclosed and split.answer)
    assert (split.reasoning is None) == ("<think>" not in text and "</think>" not in text)


@given(any_text)
def test_an_answer_never_holds_think_tags_and_splitting_it_again_changes_nothing_but_answer_tags(text: str):
    answer = split_reasoning(text).answer
    # Taking a block out can join what stood around it into a new tag; only such texts are let off.
    if "<think>" not in answer and "</think>" not in answer and "<answer>" not in answer:
        assert split_reasoning(answer) == Split(None, answer, False)
    else:
        assert any(tag in text for tag in ("<think>", "</think>", "<answer>"))


@given(any_text)
def test_text_without_tags_is_the_answer_as_it_stands(text: str):
    plain = text.replace("<", "(")
    assert split_reasoning(plain) == Split(None, plain, False)
    assert answer_block(plain) == plain


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("<think>a</think><answer>b</answer>", 1.0),
        ("<think>a</think>b", 0.5),
        ("<think><think></think><answer></answer>", 0.75),
        ("no tags", 0.0),
        ("</answer></answer></think>", 0.25),
    ],
)
def test_the_tag_count_is_the_share_of_tags_that_occur_exactly_once(text: str, share: float):
    assert tag_count(text) == share


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>a</think><answer>b</answer>", True),
        (" \n<think>\na\n</think>\n\n<answer>\nb\n</answer>\n", True),
        ("<think></think><answer></answer>", True),
        ("So: <think>a</think><answer>b</answer>", False),
        ("<think>a</think> and <answer>b</answer>", False),
        ("<think>a</think><answer>b</answer> done", False),
        ("<answer>b</answer><think>a</think>", False),
        ("<think>a<answer>b</answer></think>", False),
        ("<think>a</think><answer>b", False),
        ("<think>a</think><think>c</think><answer>b</answer>", False),
        ("", False),
    ],
)
def test_well_formed_is_one_think_block_then_one_answer_block_and_nothing_else(text: str, expected: bool):
    assert is_well_formed(text) is expected


@given(any_text)
def test_well_formed_text_has_every_tag_once(text: str):
    assert 0 <= tag_count(text) <= 1
    if is_well_formed(text):
        assert tag_count(text) == 1
