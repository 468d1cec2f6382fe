"""Marks of citations that a text makes up, and phrases that only carry a citation."""

from __future__ import annotations

import pytest

from groundeval.parsing.strict.carriers import carries
from groundeval.parsing.strict.statements import sentences
from groundeval.parsing.strict.unusual import with_own_marks_read
from groundeval.parsing.strict.visible import visible


@pytest.mark.parametrize(
    "mark", ["<2>", "<<2>>", "«2»", "「2」", "{{2}}", "|2|", "^2^", "†2", "$^{2}$", "(Dok. 2)", "\\cite{doc2}", "[@2]"]
)
def test_a_number_in_delimiters_of_the_texts_own_cites_where_a_clause_ends(mark: str):
    read = with_own_marks_read(f"Paris is large {mark}.", documents=3)
    assert [(part.plain, part.citations) for part in sentences(read)] == [("Paris is large.", (1,))]


@pytest.mark.parametrize(
    "text",
    [
        "Paris has two arms |2| of a river.",  # not at the end of a clause
        "Paris is large <9>.",  # names no document
        "Paris has some parts (zone 2). It is large [1].",  # the text cites otherwise
        "See https://example.org/(2) or x^2.",
        "It is told in a figure (Figure 2).",
    ],
)
def test_other_numbers_in_delimiters_stay(text: str):
    assert with_own_marks_read(text, documents=3) == text


def test_needless_marks_of_another_form_count_beside_a_citation():
    read = with_own_marks_read("Paris is large [2] |1||3|.", documents=3)
    assert sentences(read)[0].citations == (1, 0, 2)


@pytest.mark.parametrize(
    ("text", "citations"),
    [
        ("Paris is large, as [1] states.", (0,)),
        ("Paris is large (supported by [2]).", (1,)),
        ("It is stated in [2] that Paris is large.", (1,)),
        ("Paris is large. Source: [2].", (1,)),
        ("[2] reports that Paris is large.", (1,)),
        ("Document 2 states that Paris is large [2].", (1,)),
        ("Paris, according to [2], is large.", (1,)),
    ],
)
def test_a_phrase_that_only_carries_a_citation_goes_with_it(text: str, citations: tuple[int, ...]):
    [part] = sentences(text)
    assert (part.plain.lower().rstrip("."), part.citations) == ("paris is large", citations)


@pytest.mark.parametrize("phrase", ["as did others", "", "the river Seine says", "Source 1874", "not according to"])
def test_a_phrase_with_content_or_a_negation_carries_nothing(phrase: str):
    assert not carries(phrase)


@pytest.mark.parametrize(
    "text",
    [
        "\\begin{itemize}\n\\item Paris is large [1].\n\\item \\textbf{Rome is old} [2].\n\\end{itemize}",
        "<answers>\n <fact>Paris is large [1].</fact>\n <fact>Rome is old [2].</fact>\n</answers>",
    ],
)
def test_lists_of_latex_and_unknown_elements_are_read_as_lists(text: str):
    read = [(part.plain, part.citations) for part in sentences(visible(text))]
    assert read == [("Paris is large.", (0,)), ("Rome is old.", (1,))]


def test_what_latex_strikes_out_is_not_unwrapped():
    assert "Paris is large" not in [
        part.plain.rstrip(".") for part in sentences(visible("\\sout{Paris is large} [1]."))
    ]


def test_raised_numbers_cite_if_the_text_uses_them_throughout():
    read = with_own_marks_read("It was lit in 1871¹ and has a tower of 34 metres².", documents=3)
    assert read == "It was lit in 1871[1] and has a tower of 34 metres[2]."


@pytest.mark.parametrize("text", ["It has 20 m² in the park¹.", "It is 10².", "The park¹ is large².[1]", "The park⁹."])
def test_raised_numbers_beside_powers_and_other_citations_stay(text: str):
    assert with_own_marks_read(text, documents=3) == text
