"""Splitting into statements as profile `strict` does, and which statement a citation belongs to."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from strict_text import strict_text

from groundeval.parsing.strict import statements
from groundeval.parsing.strict.citations import citations
from groundeval.parsing.strict.items import items
from groundeval.parsing.strict.statements import sentences
from groundeval.parsing.strict.titles import with_titles_read
from groundeval.parsing.strict.words import words


def split(text: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(part.plain, part.citations) for part in sentences(text)]


def test_a_citation_after_the_full_stop_belongs_to_the_sentence_before_it():
    assert split("Paris is large. [1] Rome is old [2].") == [("Paris is large.", (0,)), ("Rome is old.", (1,))]
    assert split("Paris is large.[1]Rome is old.[2]") == [("Paris is large.", (0,)), ("Rome is old.", (1,))]
    assert split("Paris is large. [1].") == [("Paris is large.", (0,))]
    assert split("Paris is large.\n[1]\nRome is old.") == [("Paris is large.", (0,)), ("Rome is old.", ())]


def test_citations_before_their_sentences_belong_to_them_if_a_line_uses_them_so():
    assert split("[1] Paris is large. [2] Rome is old.") == [("Paris is large.", (0,)), ("Rome is old.", (1,))]
    assert split("[1] Paris is large [2]. Rome is old [3].") == [("Paris is large.", (0, 1)), ("Rome is old.", (2,))]


@pytest.mark.parametrize("text", ["word [1]. ", "[1] word. "])
def test_the_owners_of_many_citations_in_a_line_are_found_in_few_steps(text: str, monkeypatch: pytest.MonkeyPatch):
    compared = 0

    class Place(int):
        def __lt__(self, other: int) -> bool:
            nonlocal compared
            compared += 1
            return int(self) < int(other)

        def __gt__(self, other: int) -> bool:
            nonlocal compared
            compared += 1
            return int(self) > int(other)

    found = statements.spans
    monkeypatch.setattr(statements, "spans", lambda text: [(Place(start), Place(end)) for start, end in found(text)])
    count = 400
    assert [part.citations for part in sentences(text * count)] == [(0,)] * count
    assert compared < count * 50


@pytest.mark.parametrize("text", ["", " ", "[1]", "[1] [2].", "...", "---", "!? [3]", "\n\n"])
def test_a_text_without_letters_or_digits_has_no_statement(text: str):
    assert sentences(text) == items(text) == ()


def test_every_line_is_split_for_itself_and_its_list_mark_dropped():
    text = "1. Paris is large [1]\n- Rome is old [2]\n# Bonn\n  * 3 rivers meet [3]"
    assert split(text) == [("Paris is large", (0,)), ("Rome is old", (1,)), ("Bonn", ()), ("3 rivers meet", (2,))]


def test_citations_do_not_disturb_abbreviations():
    assert split("Dr. [1] Smith came [2].") == [("Dr. Smith came.", (0, 1))]


def test_items_are_separated_by_commas_semicolons_and_lines_but_not_within_citations():
    found = [(part.plain, part.citations) for part in items("Paris [1, 2], Rome, [3] Bonn; Kiel [4].\n- Ulm [5]")]
    assert found == [("Paris", (0, 1)), ("Rome", (2,)), ("Bonn", ()), ("Kiel", (3,)), ("Ulm", (4,))]


def test_empty_items_are_none():
    assert [part.plain for part in items("Paris,, ., Rome,")] == ["Paris", "Rome"]


def test_words_are_runs_with_a_letter_or_digit():
    assert words("It `` is '' 3 . metres -- high") == 5
    assert words("It—was—opened_in/1890") == 5
    assert words("It's 4,207.5 metres, isn’t it") == 5
    assert words("東京は大きい") == 6


@example('0.":')
@example('".! 0:')
@example("DOC[0]0")
@given(strict_text)
def test_no_citation_is_lost_or_counted_twice_as_long_as_there_is_a_statement(text: str):
    for parts in (sentences(text), items(text)):
        cited = tuple(index for part in parts for index in part.citations)
        # `Document 1 says that it is so [1]` cites once.
        assert {*cited} == ({*citations(text)} if parts else set())
        assert len(cited) <= len(citations(text))
        assert all(citations(part.plain) == () for part in parts)
        assert all(any(map(is_read, part.plain)) for part in parts)


def is_read(character: str) -> bool:
    """Whether a reader sees a letter or a figure: those in circles and squares are symbols to `isalnum`."""
    return character.isalnum() or "\u2460" <= character <= "\u24ff" or "\U0001f100" <= character <= "\U0001f1ff"


def test_each_citation_of_a_sentence_has_the_clause_before_it():
    text = "Paris is large [1], while Rome is old [2]; Bonn is small [3]."
    assert split(text) == [("Paris is large", (0,)), ("Rome is old", (1,)), ("Bonn is small.", (2,))]
    assert split("Cassini [1] found Rhea.") == [("Cassini found Rhea.", (0,))]
    assert split("Paris is large [1], but the documents do not say how large.") == [
        ("Paris is large", (0,)),
        ("the documents do not say how large.", ()),
    ]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("According to [1], Paris is large.", "Paris is large."),
        ("According to Document [1], Paris is large.", "Paris is large."),
        ("According to Document 1, Paris is large.", "Paris is large."),
        ("Document [1] states that Paris is large.", "Paris is large."),
        ("Also, as per passage 1, Paris is large.", "Paris is large."),
        ("Document [1] denies that Paris is large.", "Document denies that Paris is large."),
    ],
)
def test_who_is_named_as_the_source_of_a_statement_is_a_citation(text: str, plain: str):
    assert split(text) == [(plain, (0,))]


def test_citations_at_the_end_of_a_paragraph_stand_for_all_of_it():
    first, second = sentences("Paris is large. Rome is old [1][2].")
    assert (first.citations, first.inherited, second.citations) == ((), (0, 1), (0, 1))
    first, second = sentences("Paris is large [1]. Rome is old [2].")
    assert first.inherited == second.inherited == ()
    first, second = sentences("Paris is large.\n\nRome is old [2].")
    assert first.inherited == ()


def test_a_story_shares_each_citation_back_to_the_one_before():
    told = sentences("He left. He arrived [1]. Years went by. He came back. He stayed [2][3]. He died.")
    assert [part.inherited for part in told] == [(0,), (), (1, 2), (1, 2), (), ()]
    assert [part.citations for part in told] == [(), (0,), (), (), (1, 2), ()]


def test_a_sign_in_a_name_ends_no_sentence():
    assert [part.plain for part in sentences("Yahoo! began as a guide [1].")] == ["Yahoo! began as a guide."]
    assert len(sentences("What a year! He came back [1].")) == 2


def test_headings_labels_and_sources_are_no_claims():
    found = sentences("# Capitals\nAnswer: Paris is large [1].\n\nSources: [1], [2]")
    assert [(part.plain, part.citations, part.kind) for part in found] == [
        ("Capitals", (), "aside"),
        ("Paris is large.", (0,), "claim"),
        ("Sources:", (1,), "source"),
    ]
    noted = sentences("Paris is large [^1].\n\n[^1]: Document 1")
    assert [(part.citations, part.kind) for part in noted] == [((0,), "claim"), ((), "source")]


def test_the_citation_behind_the_number_of_an_item_belongs_to_what_stands_before():
    assert split("There are steps [1]:\n1[2]. Paris is large [3].") == [
        ("There are steps:", (0, 1)),
        ("Paris is large.", (2,)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "It lies e.g. in France, i.e. near Paris.",
        "Smith et al. found it in Fig. 3.",
        "Mt. Everest and St. Helens are No. 1 and No. 2.",
        "The U.S. bought it from J. R. R. Smith Inc. in approx. 1867.",
        "The NorthShore Dept. of Psychiatry offers it.",
    ],
)
def test_abbreviations_end_no_sentence(text: str):
    assert [plain for plain, _ in split(text)] == [text]


@pytest.mark.parametrize(
    "text",
    ["巴黎很大。罗马很老。", "पेरिस बड़ा है। रोम पुराना है।", "باريس كبيرة؟ روما قديمة.", "Paris is big.Rome is old now."],
)
def test_sentences_end_in_other_scripts_too(text: str):
    assert len(split(text)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "❌ Paris is large [1].",
        "- [ ] Paris is large [1]",
    ],
)
def test_what_a_sign_takes_back_is_denied(text: str):
    [said] = [part for part in sentences(text) if "Paris" in part.plain]
    assert said.denied


def test_items_in_prose_share_the_citation_behind_them():
    found = items("Iapetus and Rhea [1], Tethys [2] and Dione [3].")
    assert [(part.plain, part.citations) for part in found] == [
        ("Iapetus and Rhea", (0,)),
        ("Tethys", (1,)),
        ("Dione", (2,)),
    ]
    slashed = items("Iapetus / Titan [1]")
    assert [(part.plain, part.citations, part.inherited) for part in slashed] == [
        ("Iapetus", (), (0,)),
        ("Titan", (0,), ()),
    ]


@pytest.mark.parametrize("text", ["Paris is large (?) [1].", "Paris is large?! [1]", "Paris is large [?] [1]."])
def test_a_sign_of_doubt_denies_and_a_question_does_not(text: str):
    assert [part.denied for part in sentences(text)] == [True]
    assert not any(part.denied for part in sentences("Is Paris large? It is large [1]."))


def test_a_concession_that_something_is_not_said_is_a_statement_of_its_own():
    text = "Although the documents do not say how old it is, Paris is large [1]."
    assert split(text) == [("Although the documents do not say how old it is", ()), ("Paris is large.", (0,))]
    assert len(split("Although Rome is old, Paris is large [1].")) == 1


def test_items_are_joined_by_words_of_order():
    assert [part.plain for part in items("Oslo [1], followed by Bonn [1], then Rome [2] and finally Ulm [2].")] == [
        "Oslo",
        "Bonn",
        "Rome",
        "Ulm",
    ]


def test_items_end_at_dots_between_them_and_what_counts_them_is_none():
    assert [part.plain for part in items("Paris [1] · Rome [2]")] == ["Paris", "Rome"]
    assert [part.plain for part in items("First, Paris [1]; second, Rome [2].")] == ["Paris", "Rome"]


def test_a_line_of_sources_may_say_more_than_their_numbers():
    parts = sentences("Paris is large [1].\n\nWorks cited: Document 1 (Paris); Document 2 (Rome)")
    assert [(part.kind, part.citations) for part in parts] == [("claim", (0,)), ("source", (1,))]


def test_titles_at_the_end_name_what_the_numbers_stand_for():
    titles = ["Paris", "Rome"]
    noted = with_titles_read("Paris is large [1].\n\n[1]: Paris\n[2] Rome", titles)
    assert [(part.kind, part.citations) for part in sentences(noted)] == [
        ("claim", (0,)),
        ("source", ()),
        ("source", (1,)),
    ]
    assert with_titles_read("[1] Paris\n[2] Rome", titles) == "[1] Paris\n[2] Rome"
    assert with_titles_read("It is old [1].\n[2] Paris", titles) == "It is old [1].\n[2] Paris"


def test_a_sentence_ends_behind_a_number():
    assert [part.plain for part in sentences("It fell in 1453. Who ran it is unknown.")] == [
        "It fell in 1453.",
        "Who ran it is unknown.",
    ]
    assert len(sentences("Es war am 12. Mai 1874.")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "We learn from [1] that Paris grew. We learn from [2] that Rome burned.",
        "The passage [1] mentions that Paris grew, and the passage [2] mentions that Rome burned.",
        "According to [1], Paris grew, while according to [2], Rome burned.",
        "Paris grew, as document 1 points out. Rome burned, as document 2 points out.",
        "Paris grew.\nSource: [1]\n\nRome burned.\nSource: [2]",
        "“Paris grew [1].” “Rome burned [2].”",
        "(i) Paris grew [1]; (ii) Rome burned [2].",
    ],
)
def test_each_citation_has_the_statement_that_it_introduces_or_closes(text: str):
    claims = [part for part in sentences(text) if part.kind == "claim"]
    assert [part.citations for part in claims] == [(0,), (1,)]
    assert [re.sub(r"\W+", " ", part.plain).split()[-2:] for part in claims] == [["Paris", "grew"], ["Rome", "burned"]]


def test_a_list_of_sources_at_the_end_is_of_no_single_statement():
    assert [part.citations for part in sentences("Paris grew.\n\nRome burned.\n\nSources: [1], [2]")][1] == (0, 1)


def test_a_denial_carries_no_citation():
    assert [part.plain for part in sentences("It grew? Far from it [1].")] == ["It grew?", "Far from it."]


def test_a_parenthesis_that_lacks_something_is_a_statement_of_its_own_and_another_is_not():
    lacks, other = sentences("It grew (the documents do not say when) [1]."), sentences("It grew (by half) [1].")
    assert [(part.plain, part.citations) for part in lacks] == [
        ("It grew.", (0,)),
        ("the documents do not say when", ()),
    ]
    assert [part.plain for part in other] == ["It grew (by half)."]


def test_only_the_last_sentence_of_a_line_introduces_what_follows_it():
    assert [part.kind for part in sentences("Paris grew. These are the years:\n- 1890 [1]")] == [
        "claim",
        "aside",
        "claim",
    ]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("(1) Oslo [1] (2) Rome [2]", ["Oslo", "Rome"]),
        ("Oslo [1] – Rome [2]", ["Oslo", "Rome"]),
        ("I can name two cities: Oslo [1], Rome [2].", ["Oslo", "Rome"]),
        ("- Document 1:\n- Oslo [1]\n- Document 2:\n- Rome [2]", ["Oslo", "Rome"]),
        ("In May 1890, Smith saw Oslo [1].", ["In May 1890, Smith saw Oslo"]),
    ],
)
def test_items_are_found_behind_numbers_dashes_and_what_introduces_them(text: str, plain: list[str]):
    assert [part.plain for part in items(text) if part.kind == "claim"] == plain


def test_a_number_in_parentheses_within_a_line_is_no_list_mark_unless_they_count():
    assert [part.plain for part in sentences("It grew (1) fast and (3) wide.")] != ["It grew", "fast and", "wide."]


def test_the_words_that_lead_to_a_list_are_no_item():
    [lead, *rest] = items("The guide names three licences: the LGPL [2], the MPL 2.0 [2] and the EPL 2.0 [3].")
    assert lead.kind == "aside"
    assert [(each.plain, each.citations) for each in rest] == [
        ("the LGPL", (1,)), ("the MPL 2.0", (1,)), ("the EPL 2.0", (2,))
    ]  # fmt: skip
    [only] = items("Katrina, a storm: retired [1]")[:1]
    assert only.kind == "claim"
    assert [each.kind for each in items("Hurricane Katrina of 2005: retired in 2006 [1]")] == ["claim"]


def test_a_genitive_ends_a_sentence():
    assert [part.plain for part in sentences("The opera is Bizet's [1]. Premiere: March 1875 [2].")] == [
        "The opera is Bizet's.", "Premiere: March 1875."
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("Cassini [1] found the moon Rhea in 1672 [1].", [(0,)]),
        (
            "The twins Rhea (found in 1672 [1]) and Dione (found in 1684 [2]) came to light twelve years apart [2].",
            [(0, 1)],
        ),
        (
            "The ice melts in spring [1] → the water fills the lake [1] → the lake floods the fields [2].",
            [(0,), (0,), (1,)],
        ),
        ("Cassini found Rhea [1][1].", [(0, 0)]),
        ("Cassini found Rhea [1], [1].", [(0, 0)]),
        ("Cassini [1] saw [1] Rhea [1].", [(0, 0, 0)]),
        ("Cassini [1] found the moon Rhea [1][1].", [(0, 0)]),
        ("Cassini [1][1] found the moon Rhea.", [(0, 0)]),
        ("Cassini [1] found the icy [1] moon called Rhea [1] in the year 1672 [1].", [(0, 0, 0)]),
    ],
)
def test_a_citation_given_again_once_behind_several_words_counts_once(text: str, cited: list[tuple[int, ...]]):
    assert [part.citations for part in sentences(text)] == cited


@pytest.mark.parametrize("behind", ["as documents 1 and 3 say", "documents 1 and 3 agree"])
def test_documents_named_in_words_and_cited_behind_them_are_cited_once(behind: str):
    assert [cited for _, cited in split(f"The bridge was opened in 1890, {behind} [1][3].")] == [(0, 2)]
    assert [cited for _, cited in split("The bridge was opened in 1890, as document 1 says [2].")] == [(0, 1)]
    assert [cited for _, cited in split("The bridge was opened in 1890 [1][3] [1][3].")] == [(0, 2, 0, 2)]
    for mark in ("; ", " / ", " - "):
        assert [cited for _, cited in split(f"The bridge was opened in 1890 [1]{mark}[1].")] == [(0, 0)]
