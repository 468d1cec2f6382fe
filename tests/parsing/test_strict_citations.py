"""The citation grammar of profile `strict`."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strict_text import strict_text

from groundeval.parsing.strict.citations import citations, numbers, read_citations, remove_citations
from groundeval.parsing.strict.visible import visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Paris is large [1].", (0,)),
        ("[0]", (-1,)),
        ("[1, 2]", (0, 1)),
        ("[1,2]", (0, 1)),
        ("[1;2]", (0, 1)),
        ("[1 2]", (0, 1)),
        ("[1 and 2]", (0, 1)),
        ("[1-3]", (0, 1, 2)),
        ("[1–3]", (0, 1, 2)),
        ("[3-1]", (0, 1, 2)),
        ("[1-3, 7]", (0, 1, 2, 6)),
        ("[Doc 2]", (1,)),
        ("[doc. 2]", (1,)),
        ("[Document: 2]", (1,)),
        ("[documents 1 and 2]", (0, 1)),
        ("[source 2, ref 3]", (1, 2)),
        ("【1】", (0,)),
        ("【1†source】", (0,)),
        ("[[3]]", (2,)),
        ("[1[2]3]", (1, 0, 2)),
        ("[1][2] and [3]", (0, 1, 2)),
        ("[٣]", (2,)),
        ("[007]", (6,)),
        ("[1](https://example.org/1)", (0,)),
        ("", ()),
    ],
)
def test_brackets_that_hold_only_numbers_separators_ranges_and_words_for_documents_cite(text: str, expected: object):
    assert citations(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "[2023]", "[2023 report]", "[see note]", "[Doc]", "[source]", "[]", "[ ]", "[,]", "[-1]",
        "[1-]", "[1.5]", "[1/2]",
        "[1a]", "[doc1st]", "[Docx 1]", "[12, 2023]", "[1-2023]", "[0001]", "[²]", "(1)", "1", "[1", "1]", "[page 3]",
    ],
)  # fmt: skip
def test_anything_else_is_text_and_stays(text: str):
    assert citations(text) == ()
    assert remove_citations(f"x {text} y") == f"x {text} y"


def test_full_width_forms_are_read_as_the_reader_sees_them():
    assert citations(visible("［１］")) == (0,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("S is so [1].", "S is so."),
        ("S is so. [1]", "S is so."),
        ("S is so.[1]", "S is so."),
        ("S is so [1, 2] and [3].", "S is so."),
        ("S is so [1], [2].", "S is so."),
        ("S is so.[1]Next", "S is so. Next"),
        ("[1] S is so.", " S is so."),
        ("S [1](https://example.org/a_b) is so.", "S is so."),
        ("in [2023] it was [1] so", "in [2023] it was so"),
    ],
)
def test_removing_leaves_the_statement_as_if_it_had_not_been_cited(text: str, expected: str):
    assert remove_citations(text) == expected


def test_all_ways_of_writing_the_same_citations_leave_the_same_text():
    ways = [
        "S is so [1][2].",
        "S is so [1, 2].",
        "S is so [1-2].",
        "S is so. [1;2]",
        "S is so 【1】[Doc 2].",
        "S is so [1] [2].",
    ]
    assert {(remove_citations(text), citations(text)) for text in ways} == {("S is so.", (0, 1))}


@given(strict_text)
def test_any_text_can_be_read_and_after_removing_there_is_no_citation_left(text: str):
    read = read_citations(text)
    assert read.plain == remove_citations(text)
    assert citations(read.plain) == ()
    assert remove_citations(read.plain) == read.plain
    offsets = [offset for offset, _ in read.marks]
    assert offsets == sorted(offsets)
    assert all(0 <= offset <= len(read.plain) for offset in offsets)


@given(strict_text)
def test_indices_are_those_of_numbers_with_three_digits_at_most(text: str):
    assert all(-1 <= index <= 998 for index in citations(text))


@given(st.integers(0, 999), st.integers(0, 999))
def test_a_range_cites_everything_between_its_ends_but_is_text_if_that_is_more_than_100(first: int, last: int):
    cited = tuple(range(min(first, last), max(first, last) + 1))
    assert numbers(f"{first}-{last}") == (cited if len(cited) <= 100 else None)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000, "[1" * 50_000 + "]" * 50_000, "[1]" * 30_000, "[1 " * 30_000, "[" + "1," * 50_000,
        "a" + " " * 200_000 + "b", "[1]" + "\n" * 200_000 + "b", "[1]" + " " * 200_000 + "[2]", "[1-999]" * 28_000,
        "[1-100]" * 28_000,
    ],
)  # fmt: skip
def test_long_hostile_texts_are_read_in_no_time(text: str):
    started = time.process_time()
    assert citations(remove_citations(text)) == ()
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "mark",
    [
        "(2)", "(Document 2)", "(Source: Document 2)", "[Passage 2]", "[Search result 2]", "【4:2†source】", "[^2]",
        "〔2〕", "［2］", "{2}", "[2, p. 7]", "[[2]](https://example.org)", "(see [2])", "\\cite{2}", "²",
    ],
)  # fmt: skip
def test_every_unambiguous_mark_is_read(mark: str):
    assert citations(f"Paris is large {mark}.") == (1,)
    assert remove_citations(f"Paris is large {mark}.") == "Paris is large."


@pytest.mark.parametrize(
    "text",
    [
        "Mars has two (2) moons.",
        "10⁸ grains",
        "an area of 5 m²",
        "f(2) is 4",
        "$4{,}207$",
        "born (1671)",
        "in Fig. (2).",
    ],
)
def test_figures_that_cite_nothing_stay(text: str):
    assert remove_citations(text) == text


def test_needless_citations_are_seen_in_any_mark():
    assert citations("Paris is large [2] (1)(3)(4).") == (1, 0, 2, 3)
    assert citations("It was founded in 1209⁴.") == (3,)


@pytest.mark.parametrize(
    "mark",
    [
        "[D2]", "[S2]", "[P2]", "[R2]", "[Doc_2]", "[doc-2]", "[cite: 2]", "[cite:2]", "[参考2]", "⟦2⟧", "⟨2⟩", "‹2›",
        "[2:1]", "[2:14]", "②", "❷", "[II]", "[ii]", "(see the second document)", "(document two)",
    ],
)  # fmt: skip
def test_a_document_is_cited_by_letter_word_circle_or_roman_numeral_too(mark: str):
    read = read_citations(f"Paris is large {mark}. It is old.")
    assert [indices for _, indices in read.marks] == [(1,)]
    assert "2" not in read.plain


@pytest.mark.parametrize(
    "text",
    [
        "[I] went to Paris", "the [ii] item", "vitamin (D2) is rare", "two ②", "① Paris", "①⑥④② metres", "[B12]",
        "the second document of the treaty", "the documents one needs", "the source two rivers share",
    ],
)  # fmt: skip
def test_what_only_looks_like_such_a_mark_stays(text: str):
    assert read_citations(text).marks == ()


def test_several_in_one_mark_are_read_like_the_usual_ones():
    assert citations("Paris is large [1 to 3].") == (0, 1, 2)
    assert citations("Paris is large ①③.") == (0, 2)
    assert citations("Paris is large [D1, D3].") == (0, 2)
    assert citations("The first document says that Paris is large, and so does the 3rd document.") == (0, 2)


@pytest.mark.parametrize(
    "mark",
    [
        "(#2)", "[№2]", "[2.]", "[^2^]", "[«2»]", "[документ 2]", "[وثيقة 2]", "[belge 2]", "\\footnote{Document 2}",
        "(the second document)",
    ],
)  # fmt: skip
def test_marks_of_other_languages_and_signs_are_read(mark: str):
    read = read_citations(f"Paris is large {mark}. It is old.")
    assert [indices for _, indices in read.marks] == [(1,)]
    assert read.plain == "Paris is large. It is old."


@pytest.mark.parametrize("text", ["The firſt document says so.", "It is so [fıve].", "Document sıx says so."])
def test_words_that_only_resemble_numbers_cite_nothing(text: str):
    assert citations(text) == ()
