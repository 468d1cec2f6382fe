"""Refusals, answers, mixtures of both and outputs that say nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from strict_text import strict_text

from groundeval.parsing.refusal import REFUSAL, REFUSAL_PATTERN
from groundeval.parsing.strict.marks import HIDDEN
from groundeval.parsing.strict.refusal import decide
from groundeval.parsing.strict.statements import sentences

QUESTION = "Who wrote the play Hamlet?"
GOLD = [["Shakespeare", "William Shakespeare"]]


def outcome(text: str) -> str:
    return decide(text, QUESTION, GOLD).outcome


@pytest.mark.parametrize(
    "text",
    [
        REFUSAL,
        REFUSAL_PATTERN,
        f"{REFUSAL_PATTERN}.",
        REFUSAL.upper(),
        f"  {REFUSAL}\n",
        "I apologise, but I could not find an answer in the search results.",
        f"{REFUSAL_PATTERN} to your question in the documents provided.",
        f"{REFUSAL_PATTERN} as to who wrote the play Hamlet in the given passages.",
        f"Unfortunately, {REFUSAL}",
    ],
)
def test_a_refusal_in_its_usual_wordings_refuses_and_says_little_besides(text: str):
    assert outcome(text) == "refused"
    assert decide(text, QUESTION, GOLD).beside <= 1


@pytest.mark.parametrize("text", ["I", "an answer", "I apologize", "find", "but I couldn't", "could find an answer"])
def test_a_part_of_the_refusal_is_no_refusal(text: str):
    assert outcome(text) == "answered"


@pytest.mark.parametrize(
    "text",
    [
        f"{REFUSAL} Marlowe wrote it in 1600.",
        f"{REFUSAL} Marlowe [1].",
        f"{REFUSAL} Shakespeare.",
        f"Shakespeare. {REFUSAL}",
        f"It was Marlowe [2]. {REFUSAL}",
        f"{REFUSAL_PATTERN}, but my own guess would be Christopher Marlowe of Canterbury.",
        "I apologize, but I couldn't find an answer, it is Shakespeare, in the search results.",
        f'He said "{REFUSAL}" [1].',
        f'The old man said to her "{REFUSAL_PATTERN}" and left the room.',
        f"{REFUSAL}\n\nMarlowe, Kyd, Greene and Nashe",
        f"{REFUSAL_PATTERN} but Hamlet wrote the play who.",
        f"{REFUSAL} Marlowe did it.",
        f"{REFUSAL} Marlowe.",
        f"{REFUSAL} Yes.",
        f"{REFUSAL} {HIDDEN}",
        f"{REFUSAL_PATTERN} other than Marlowe.",
        f"{REFUSAL_PATTERN} (Marlowe).",
        "I don't know, Marlowe?",
        "The documents do not answer this question, but it was probably Marlowe.",
        "Not stated in the documents; Marlowe, I think.",
    ],
)
def test_a_refusal_with_an_answer_before_behind_or_inside_it_is_mixed(text: str):
    assert outcome(text) == "mixed"


@pytest.mark.parametrize(
    "text",
    [
        "The documents do not say who wrote it.",
        "The provided passages do not contain the answer to this question.",
        "None of the sources mention who wrote Hamlet.",
        "I don't know.",
        "I cannot answer this question based on the given context.",
        "There is no information about the author in the search results.",
        "Unanswerable.",
        "Not specified in the documents.",
        "Unfortunately, I was unable to find this information.",
        "It is unclear from the passages who wrote the play.",
        "Es tut mir leid, die Dokumente enthalten keine Antwort auf diese Frage.",
        "Les documents ne permettent pas de répondre à cette question.",
        "Los documentos no contienen la respuesta.",
        "提供的文档中没有答案。",
        "提供された文書には答えがありません。",
        f"Answer: {REFUSAL}",
        f"Who wrote the play Hamlet: {REFUSAL}",
        f"{REFUSAL} Who wrote it?",
    ],
)
def test_a_refusal_in_other_words_refuses(text: str):
    assert outcome(text) == "refused"


@pytest.mark.parametrize(
    "text",
    [
        f"{REFUSAL} The documents only discuss its performances in London.",
        f"{REFUSAL[:-1]}, which only discuss its performances.",
        f"{REFUSAL} You may want to consult other sources.",
        f"{REFUSAL} They focus on Macbeth instead.",
    ],
)
def test_what_the_documents_are_about_and_words_to_the_reader_stand_beside_a_refusal_and_are_counted(text: str):
    assert outcome(text) == "refused"
    assert decide(text, QUESTION, GOLD).beside >= 4


def test_a_citation_and_other_words_beside_a_refusal_are_counted():
    assert decide(REFUSAL, QUESTION, GOLD).beside == 0
    assert decide(f"{REFUSAL} [1]", QUESTION, GOLD).beside == 1
    assert decide(f"{REFUSAL} Who wrote it?", QUESTION, GOLD).beside == 3


@pytest.mark.parametrize(
    "text",
    [
        "Shakespeare wrote it [1]. The documents do not say when it was first performed.",
        "Shakespeare wrote it [1], but the documents do not mention the year.",
        "The sources do not give a date. Shakespeare wrote it [1].",
    ],
)
def test_who_answers_and_says_what_else_is_not_to_be_found_answers(text: str):
    assert outcome(text) == "answered"


@pytest.mark.parametrize(
    "text",
    [
        "The documents do not say. Shakespeare wrote it [1].",
        "I don't know who wrote the play Hamlet. Shakespeare wrote it [1].",
        "I couldn't find an answer to your question. It was Shakespeare [1].",
    ],
)
def test_who_answers_what_he_refuses_to_answer_does_both(text: str):
    assert outcome(text) == "mixed"


def test_a_gold_answer_that_the_question_holds_does_not_mix_a_refusal():
    assert decide(f"{REFUSAL_PATTERN} to who wrote Hamlet.", QUESTION, [["Hamlet"]]).outcome == "refused"


@pytest.mark.parametrize("text", ["", " \n", "[1]", "...", "[1][2]."])
def test_an_output_without_a_statement_is_void(text: str):
    assert outcome(text) == "void"


@pytest.mark.parametrize("verb", ["could", "could now", "couldn't not"])
def test_who_found_an_answer_does_not_refuse(verb: str):
    assert outcome(REFUSAL.replace("couldn't", verb)) == "answered"


def test_a_refusal_said_twice_is_a_refusal():
    assert outcome(f"{REFUSAL} {REFUSAL}") == "refused"


@pytest.mark.parametrize("text", ["Shakespeare [1].", "The treaty does not mention slavery [1].", "Marlowe"])
def test_anything_else_answers(text: str):
    assert outcome(text) == "answered"


@given(strict_text)
def test_every_text_has_one_outcome(text: str):
    found = decide(text, QUESTION, GOLD)
    assert found.outcome in ("answered", "refused", "mixed", "void")
    assert found.beside >= 0


@pytest.mark.parametrize(
    "text",
    [
        "Guards protect vessels when they cannot see other vessels [1].",
        "Patients should know about the lack of scientific evidence for it [1].",
        "As an expert in biology, but not in law, I can provide some insight [1].",
        "It was made clear that they were not sharing in the benefits [1].",
        "The results do not show any effect of the drug [1].",
        "The two weights do not control each other [1].",
        "There is no evidence that it causes harm [1].",
    ],
)
def test_a_negation_of_the_matter_is_no_refusal(text: str):
    assert outcome(text) == "answered"


@pytest.mark.parametrize(
    "text",
    [
        "The documents say nothing of who wrote Hamlet.", "Information on who wrote Hamlet is lacking.", "No idea.",
        "I searched the documents but came up empty.", "The documents give no clue.", "It's not in the documents.",
        "I can tell you about theatres, but not about who wrote Hamlet.", "Who wrote Hamlet? The documents do not say.",
        "I must decline to answer, as the documents do not support any answer.", "Nevím.",
        "Hello! The documents do not say. Have a nice day!", "Документы об этом умалчивают.",
        "N/A", "Not stated.", "I looked through all documents and found nothing on this.",
        "I'd rather not guess: the documents don't say.", "The given passages leave this question open.",
        "The author of the play Hamlet isn't mentioned.", "The author of Hamlet remains unstated in the documents.",
        "Who wrote Hamlet is unknown, as far as these documents go.",
        "The passages cover theatres of London, but not who wrote Hamlet.",
        "While the documents describe theatres, they don't mention who wrote Hamlet.",
        "Q: Who wrote the play Hamlet?\nA: The documents do not say.", "Answer: I don't know.\nConfidence: high",
        "Asiakirjoissa ei ole vastausta.", "Dokumen tidak memuat jawaban atas pertanyaan ini.",
        "Odpověď v dokumentech není.", "Răspunsul nu se găsește în documente.", "Tài liệu không có câu trả lời.",
        "Δεν υπάρχει απάντηση στα έγγραφα.", "У документах немає відповіді.", "אין תשובה במסמכים.",
        "ไม่พบคำตอบในเอกสาร", "A dokumentumokban nincs válasz.", "U dokumentima nema odgovora.",
        "Hakuna jibu katika nyaraka.", "پاسخی در اسناد نیست.", "নথিতে উত্তর নেই।",
    ],
)  # fmt: skip
def test_a_refusal_in_further_words_and_languages_refuses(text: str):
    assert outcome(text) == "refused"


@pytest.mark.parametrize(
    "text",
    [
        "If there were no answer in the documents, I would say so.",
        "Say “I could not find an answer in the documents”.",
        "Why could I not find an answer?",
        "My brother could not find an answer in the documents.",
        "The mayor did not find an answer in the documents.",
        "As if the documents did not say!",
        "Some wrongly think that the documents do not say.",
        "A book called I Don't Know exists.",
        "I have used nothing but the documents provided.",
        "Shakespeare did not leave London open.",
        "Nessuno scrisse Hamlet.",
    ],
)
def test_who_supposes_bids_asks_or_reports_a_refusal_does_not_refuse(text: str):
    assert outcome(text) != "refused"


COST, COSTS = "How much did the new footbridge over the river Aller cost?", [["4.2 million euros"]]


@pytest.mark.parametrize(
    "text",
    [
        "Not one of the three texts puts a price on the footbridge.",
        "sorry, it doesn't say what the footbridge cost",
        "can't find the cost anywhere in there, sorry!",
        "The cost? The sources skip it.",
        "I have read all the documents. None of them gives the cost of the footbridge.",
        "De kosten van de brug worden nergens vermeld.",
    ],
)
def test_a_refusal_is_composed_of_sources_writer_or_matter_and_an_absence(text: str):
    assert decide(text, COST, COSTS).outcome == "refused"


@pytest.mark.parametrize(
    "text",
    [
        "The mayor could not say what it cost [1].",
        "The footbridge is missing a railing [2].",
        "It cost 3 million euros [1], which the documents do not say.",
        "I cannot find a cost, but 3 million euros it is.",
        "The cost was not 3 million euros but 4.2 million euros [1].",
    ],
)
def test_a_negation_beside_a_claim_or_a_guess_does_not_refuse(text: str):
    assert decide(text, COST, COSTS).outcome != "refused"


def test_a_question_that_asks_twice_may_be_answered_and_refused_by_halves():
    question, gold = "When did the bridge open, and what did it cost?", [["2019"], ["4 million"]]
    text = "It opened in 2019 [1]. Unfortunately, I was unable to find what it cost in the documents."
    assert decide(text, question, gold, (True, False)).outcome == "answered"
    assert decide(f"{REFUSAL} It opened in 2019 [1].", question, gold, (True, False)).outcome == "mixed"


@pytest.mark.parametrize(
    "text",
    [
        "I couldn't track that down in the material.",
        "I would need more documents to answer this.",
        "I looked through all four documents and came away empty-handed.",
        "Beats me – the sources don't go there.",
        "status: not_found",
        "**Author:** not given in the sources.",
    ],
)
def test_what_the_writer_could_not_do_is_a_refusal_in_any_verb(text: str):
    assert outcome(text) == "refused"


@pytest.mark.parametrize(
    "text",
    [
        "I cannot rule out Marlowe.",
        "I can't say it's anyone but Marlowe.",
        "Marlowe is not forgotten [1].",
        "Die Dokumente sagen es nicht, aber es ist Christopher Marlowe.",
    ],
)
def test_a_name_beside_what_the_writer_could_not_do_is_a_guess(text: str):
    assert outcome(text) != "refused"


def test_a_label_says_what_cannot_be_found():
    lacks_else = "**Price:** not specified in the sources.\n\nShakespeare wrote it [1]."
    assert outcome(lacks_else) == "answered"
    assert outcome("**Who wrote the play Hamlet:** not specified.\n\nShakespeare wrote it [1].") == "mixed"


def test_an_absence_in_unknown_words_is_left_to_the_verifier_unless_it_names_somebody():
    decision = decide("Nothing I was handed goes into that matter of authors.", QUESTION, GOLD)
    assert decision.outcome == "refused" or decision.possible
    assert decide("Spare me that open matter.", QUESTION, GOLD).possible
    assert not decide("Spare me that open matter, Marlowe.", QUESTION, GOLD).possible
    assert not decide("Spare me that matter.", QUESTION, GOLD).possible


BRIDGES = "When were the North Bridge and the South Bridge opened?"
OPENED = [["1931"], ["1966"]]


@pytest.mark.parametrize(
    "text",
    [
        "I couldn't find when the South Bridge was opened, but the North Bridge was opened in 1931 [1].",
        "North Bridge: 1931 [1]\nSouth Bridge: unknown (no document gives it)",
        "The documents do not say when the South Bridge was opened. The North Bridge was opened in 1931 [1].",
        "- South Bridge: the sources do not give a year\n- North Bridge: 1931 [1]",
    ],
)
def test_an_answer_may_name_the_gap_that_the_documents_leave_wherever_it_stands(text: str):
    assert decide(text, BRIDGES, OPENED, (True, False)).outcome == "answered"
    assert decide(text, BRIDGES, OPENED, (False, False)).outcome in ("answered", "mixed")


@pytest.mark.parametrize(
    "text",
    [
        "I couldn't find when the North Bridge and the South Bridge were opened. 1931 [1].",
        f"{REFUSAL} The North Bridge was opened in 1931 [1].",
        "The documents do not answer the question. The North Bridge was opened in 1931 [1].",
        "I couldn't find when the North Bridge was opened, but the North Bridge was opened in 1931 [1].",
    ],
)
def test_a_refusal_of_what_is_answered_is_no_gap(text: str):
    assert decide(text, BRIDGES, OPENED, (True, False)).outcome == "mixed"


def test_what_a_list_lacks_besides_its_items_is_a_gap():
    question, gold, held = "Which names were retired?", [["Katrina"], ["Rita"], ["Dennis"]], (True, True, False)
    text = "- Katrina [1]\n- Rita [2]\n- others: the documents do not say"
    assert decide(text, question, gold, held).outcome == "answered"
    assert decide("Katrina [1]; the documents may not list all of them.", question, gold, held).outcome == "answered"
    assert decide("- others: the documents do not say", question, gold, held).outcome != "answered"


YEAR = "What year was the gate opened?"


@pytest.mark.parametrize("heading", ["1209", "Opened 1209", "Pope John", "Marlowe"])
def test_a_guess_as_a_heading_is_no_refusal(heading: str):
    assert decide(f"# {heading}\n\nThere is no answer in the documents.", YEAR, [["1310"]]).outcome == "mixed"


@pytest.mark.parametrize(
    "heading", ["Answer", "Background", "Year of opening", "Key Findings", "What the documents cover"]
)
def test_a_refusal_may_have_a_heading(heading: str):
    assert decide(f"# {heading}\n\nThere is no answer in the documents.", YEAR, [["1310"]]).outcome == "refused"


@pytest.mark.parametrize(
    "text",
    [
        "Sinto muito. Os documentos não mencionam isso.",
        "Tyvärr. Dokumenten nämner inte det.",
        "Désolé. Les sources ne le précisent pas.",
    ],
)
def test_an_apology_in_another_language_is_no_claim(text: str):
    assert decide(text, YEAR, [["1310"]]).outcome == "refused"


def test_a_negative_answer_and_a_hyphen_lack_nothing():
    asked = "Is the gate wide enough for carts in the documents?"
    assert decide("[1] No, the gate is not wide enough for carts.", asked, [["no"]]).outcome == "answered"
    assert decide("[1] It tests non-English texts from other sources.", "Why this test?", [["x"]]).outcome == "answered"


@pytest.mark.parametrize("text", ["Answer: —", "Year: ∅", "answer: ~"])
def test_an_empty_value_says_that_there_is_no_answer(text: str):
    assert decide(text, YEAR, [["1310"]]).outcome == "refused"


@pytest.mark.parametrize("text", ["Answer: 1310 — 1320", "Year: – 5 °C", "—"])
def test_a_dash_before_or_behind_something_is_no_empty_value(text: str):
    assert decide(text, YEAR, [["1310"]]).outcome != "refused"


@pytest.mark.parametrize(
    "text",
    [
        "The documents do not say how old it is, which is about 2,000 years.",
        "The documents do not say how old it is, which is about two thousand years.",
        "The documents do not say who wrote it; it is about 400 lines long.",
    ],
)
def test_about_before_a_figure_is_no_topic(text: str):
    assert outcome(text) != "refused"


def test_about_before_a_matter_is_a_topic():
    assert outcome("The documents do not say who wrote it, which are about its stage.") == "refused"


def test_names_of_a_question_in_small_letters_are_no_guess():
    asked = "who played charlotte lucas in pride and prejudice?"
    text = "The documents do not say who played Charlotte Lucas."
    assert decide(text, asked, [["Claudie Blakley"]]).outcome == "refused"
    guessed = "The documents do not say who played Charlotte Lucas, Keira Knightley."
    assert decide(guessed, asked, [["Claudie Blakley"]]).outcome != "refused"


def test_who_is_called_something_is_not_reported_to_refuse():
    found = decide(
        "No document says who wrote it. It is called the longest play [1], but that does not tell us who wrote it.",
        QUESTION,
        GOLD,
    )
    assert [part.plain for part in found.possible[0].found] == ["It is called the longest play"]
    assert not decide('The play is called "The documents do not say who wrote it" [1].', QUESTION, GOLD).possible


@pytest.mark.parametrize(
    "tail",
    [
        "but give no author for it",
        "but fail to name its author",
        "but lack the name of its author",
        "yet they do not name the author",
        "but neither names the author of the play",
        "but none of them states who wrote it",
        "but not the author of the play",
        "yet no author is given",
    ],
)
def test_a_clause_may_leave_out_the_documents_that_the_one_before_names(tail: str):
    for text in (f"The documents describe the play [1], {tail}.", f"The documents describe the play, {tail}."):
        decision = decide(text, QUESTION, GOLD)
        possible = [each for each in decision.possible if each.outcome == "refused"]
        assert decision.outcome == "refused" or possible, text
        assert all("author" not in part.plain for each in possible for part in each.found[:1])


@pytest.mark.parametrize(
    "text",
    [
        "The first document says that the play ran for years [1], but it was not printed until 1603.",
        "Document 1 says that the actors wore masks [1], but they had no lines to learn.",
        "The passages describe the tower [1], but it contains no bell.",
    ],
)
def test_a_clause_about_the_matter_is_not_filled_in(text: str):
    assert decide(text, QUESTION, GOLD).outcome == "answered"
    assert not any(each.outcome == "refused" and not each.lacks for each in decide(text, QUESTION, GOLD).possible)


@pytest.mark.parametrize(
    "text",
    [
        "Did I write that I could not find the author in the documents?",
        "Isn't the author named in the documents?",
        "You may say that the documents do not name the author.",
        "Most critics believe that the documents do not name the author.",
        "I doubt that the documents do not say who wrote Hamlet.",
        "We would be joking if we said the documents do not say who wrote Hamlet.",
        "I nearly did not find an answer to your question in the search results.",
        "Until I could not find an answer to your question in the search results, all was well.",
        "Last week I couldn't find an answer to your question in the search results.",
        "The documents do not merely say who wrote Hamlet.",
        "The documents do not mention just one author.",
    ],
)
def test_a_frame_may_take_a_refusal_back(text: str):
    assert outcome(text) == "answered"


@pytest.mark.parametrize(
    "text",
    [
        "After I had read all the documents, I could not find out who wrote Hamlet.",
        "When I searched the documents, I found nothing about who wrote Hamlet.",
        "Nobody says who wrote the play in these documents.",
        "The documents do not say who originally wrote Hamlet.",
        "I doubt I can help: the documents do not say who wrote Hamlet.",
        "You asked who wrote Hamlet, but the documents do not say.",
        "The documents give almost no information, and none on who wrote Hamlet.",
        "Neither document 1 nor document 2 says who wrote Hamlet.",
    ],
)
def test_an_honest_frame_leaves_a_refusal_one(text: str):
    assert outcome(text) == "refused"


def test_a_refusal_said_again_costs_its_words():
    once = decide(REFUSAL, QUESTION, GOLD)
    assert decide(f"{REFUSAL} The documents do not say who wrote Hamlet.", QUESTION, GOLD).beside == once.beside
    assert decide(" ".join([REFUSAL] * 4), QUESTION, GOLD).beside == once.beside + 3 * 15


@pytest.mark.parametrize("line", ["The author is not named in the documents:", "The author of the play is not given:"])
def test_what_introduces_a_list_may_refuse(line: str):
    decision = decide(
        f"{line}\n\n- Document 1 is about the stage [1].\n- Document 2 is about masks [2].", QUESTION, GOLD
    )
    assert any(each.outcome == "refused" for each in decision.possible)


def test_words_that_introduce_something_else_are_not_asked_of_the_verifier():
    text = "I could not find who wrote Hamlet. The documents only name the writers of other plays: Kyd wrote one [2]."
    [known, *_] = decide(text, QUESTION, GOLD).possible
    assert [part.plain for part in known.found] == ["Kyd wrote one."]
    guessed = text.replace("of other plays", "of other plays, Marlowe Kit")
    assert all(
        part.plain != "Kyd wrote one." for each in decide(guessed, QUESTION, GOLD).possible for part in each.found
    )


@pytest.mark.parametrize(
    "text",
    [
        "Belgelerde yazarın adı verilmiyor.",
        "Los resultados de la búsqueda no dicen quién la escribió.",
        "Les résultats de recherche n'indiquent pas l'auteur.",
        "De zoekresultaten noemen de schrijver niet.",
        "I sökresultaten nämns inte författaren.",
        "搜索结果中没有提到作者。",
    ],
)
def test_results_of_a_search_in_other_languages_are_sources(text: str):
    assert outcome(text) == "refused" or any(
        each.outcome == "refused" for each in decide(text, QUESTION, GOLD).possible
    )


def test_a_result_that_is_not_of_a_search_is_no_source():
    assert outcome("El resultado fue de 3 a 0 y no hubo penaltis [1].") == "answered"


@pytest.mark.parametrize(
    "tail", ["but gives no author", "but fails to name its author", "but says nothing of the author"]
)
def test_a_document_may_do_anything_before_it_is_left_out(tail: str):
    [held, lacking] = sentences(f"Document 1 dates the play to 1601 [1], {tail}.")
    assert (held.citations, lacking.citations) == ((0,), ())
    assert lacking.plain.startswith("the documents ")
    assert len(sentences("According to document 1, the hall dates to 1601 [1], but lacks a roof.")) == 1
