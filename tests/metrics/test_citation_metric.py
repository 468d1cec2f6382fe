"""Citation recall and precision, worked by hand with a verifier that entails exactly what a case says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from metric_cases import REFUSAL, Spoken, aggregate, document, example, score, values_of

A, B, C, D = (document(f"{letter} text", title=letter) for letter in "ABCD")
P = {letter: f"Title: {letter}\n{letter} text" for letter in "ABCD"}


def joint(letters: str) -> str:
    return "\n".join(P[letter] for letter in letters)


def alce(output: str, *entailed: tuple[str, str], docs: Sequence[object] = (A, B, C, D)) -> tuple[object, object]:
    """Recall and precision; `entailed` are the cited documents' letters and what they entail together."""
    nli = Spoken(*((joint(letters), hypothesis) for letters, hypothesis in entailed))
    sample = example(docs=docs)  # type: ignore[arg-type]
    values = score(sample, output, profile="alce", kind="em", metrics=("citation",), nli=nli).values
    return values["citation_rec"], values["citation_prec"]


def test_one_citation_that_supports_its_statement_is_recalled_and_precise():
    assert alce("S is so [2].", ("B", "S is so.")) == (1.0, 1.0)


def test_one_citation_that_does_not_is_neither():
    assert alce("S is so [2].", ("A", "S is so.")) == (0.0, 0.0)


def test_a_statement_without_citation_costs_recall_and_no_precision():
    # Two statements, one supported: recall 1/2. One citation, precise: 1.
    assert alce("S is so [1]. T is not.", ("A", "S is so.")) == (0.5, 1.0)


def test_an_output_without_any_citation_has_precision_0():
    assert alce("S is so. T is not.") == (0.0, 0.0)


def test_without_sentences_both_are_left_out():
    assert alce("") == (None, None)
    assert alce("\n") == (None, None)


def test_a_needless_citation_is_imprecise():
    # Together they entail; A alone does; B alone does not, and A without B still does: B is imprecise.
    assert alce("S is so [1][2].", ("AB", "S is so."), ("A", "S is so.")) == (1.0, 0.5)


def test_citations_that_only_together_entail_are_all_precise():
    assert alce("S is so [1][2].", ("AB", "S is so.")) == (1.0, 1.0)


def test_with_three_citations_the_other_two_may_still_entail():
    # A is needless: alone it does not entail, and B with C does. B and C: without either, the rest does not.
    assert alce("S is so [1][2][3].", ("ABC", "S is so."), ("BC", "S is so.")) == (1.0, pytest.approx(2 / 3))


def test_the_order_of_the_premise_is_the_order_of_the_citations():
    assert alce("S is so [2][1].", ("BA", "S is so.")) == (1.0, 1.0)
    assert alce("S is so [2][1].", ("AB", "S is so.")) == (0.0, 0.0)


def test_when_the_citations_together_do_not_entail_each_counts_against_precision():
    # First: no support, 2 citations. Second: supported, 1 citation. Recall 1/2, precision 1/3.
    assert alce("S is so [1][2]. T is so [3].", ("C", "T is so."), ("A", "S is so.")) == (0.5, pytest.approx(1 / 3))


def test_citations_after_the_third_are_not_judged():
    # The fourth would be needless; the first three are needed.
    assert alce("S is so [1][2][3][4].", ("ABC", "S is so.")) == (1.0, 1.0)


def test_a_citation_out_of_range_takes_the_whole_statement_out_even_behind_the_third():
    assert alce("S is so [1][9].", ("A", "S is so.")) == (0.0, 0.0)
    assert alce("S is so [1][2][3][9].", ("ABC", "S is so.")) == (0.0, 0.0)
    # Its citations are not in the denominator: recall 1/2, precision 1/1.
    assert alce("S is so [1][9]. T is so [3].", ("C", "T is so.")) == (0.5, 1.0)


def test_citation_0_is_the_last_document():
    assert alce("S is so [0].", ("D", "S is so.")) == (1.0, 1.0)
    assert alce("S is so [0].", docs=()) == (0.0, 0.0)


def test_duplicates_stay_and_stand_in_for_each_other():
    # AA entails, A alone does: both precise.
    assert alce("S is so [1][1].", ("AA", "S is so."), ("A", "S is so.")) == (1.0, 1.0)
    # ABA entails; B alone does not; without B, AA does: B is imprecise, the two A entail alone.
    entailed = (("ABA", "S is so."), ("A", "S is so."), ("AA", "S is so."))
    assert alce("S is so [1][2][1].", *entailed) == (1.0, pytest.approx(2 / 3))
    # Without the first occurrence of A, B and the other A are left, in this order.
    assert alce("S is so [1][2][1].", ("ABA", "S is so."), ("BA", "S is so.")) == (1.0, pytest.approx(1 / 3))


def test_a_citation_after_the_full_stop_goes_to_the_next_sentence_under_alce():
    # Statements: "S is so." and "[1] T is so."
    assert alce("S is so. [1] T is so.", ("A", "S is so.")) == (0.0, 0.0)
    assert alce("S is so. [1] T is so.", ("A", "T is so.")) == (0.5, 1.0)


def test_the_short_form_of_a_document_is_its_premise():
    short = document("long", sent="short", title="X")
    nli = Spoken(("Title: X\nshort", "S is so."))
    values = score(
        example(docs=(short,)), "S is so [1].", profile="alce", kind="em", metrics=("citation",), nli=nli
    ).values
    assert values["citation_rec"] == 1.0


def test_no_more_is_asked_than_the_verdicts_depend_on():
    def questions(output: str, *entailed: str) -> list[str]:
        nli = Spoken(*((joint(letters), "S is so.") for letters in entailed))
        score(example(docs=(A, B, C)), output, profile="alce", kind="em", metrics=("citation",), nli=nli)
        names = {joint(letters): letters for letters in ("A", "B", "C", "AB", "BA", "BC", "AC", "CA", "ABC")}
        return [names[pair.premise] for pair in nli.asked]

    assert questions("S is so.") == []
    assert questions("S is so [9].") == []
    assert questions("S is so [1].") == ["A"]
    assert questions("S is so [1][2].") == ["AB"]
    assert questions("S is so [1][2].", "AB") == ["AB", "A", "B"]  # leaving one out is the other one alone
    assert questions("S is so [1][2][3].", "ABC", "A") == ["ABC", "A", "B", "AC", "C", "AB"]


def test_list_items_are_judged_with_the_question_before_them():
    nli = Spoken((P["A"], "Which cities? Berlin"))
    sample = example("Which cities?", docs=(A, B))
    scored = score(sample, "Berlin [1], Bonn [2].", profile="alce", kind="list", metrics=("citation",), nli=nli)
    assert scored.values == {"citation_rec": 0.5, "citation_prec": 0.5}
    assert [s["text"] for s in scored.evidence["statements"]] == ["Which cities? Berlin [1]", "Which cities? Bonn [2]"]


def test_an_empty_list_is_one_statement_and_empty_items_are_kept():
    sample = example("Which cities?", docs=(A,))
    assert score(sample, "", profile="alce", kind="list", metrics=("citation",)).values["citation_rec"] == 0.0
    scored = score(sample, "Berlin,, Bonn", profile="alce", kind="list", metrics=("citation",))
    assert len(scored.evidence["statements"]) == 3


def test_citations_in_the_question_of_a_list_task_count_as_in_the_original():
    nli = Spoken((P["A"], "Who is in? Berlin"))
    sample = example("Who is in [1]?", docs=(A,))
    values = score(sample, "Berlin", profile="alce", kind="list", metrics=("citation",), nli=nli).values
    assert values["citation_rec"] == 1.0


def test_the_evidence_names_every_verdict_and_what_became_of_the_statement():
    nli = Spoken((joint("AB"), "S is so."), (P["A"], "S is so."))
    scored = score(example(docs=(A, B)), "S is so [1][2].", profile="alce", kind="em", metrics=("citation",), nli=nli)
    assert scored.evidence["statements"] == [
        {"text": "S is so [1][2].", "citations": [0, 1], "supported": True, "precise": [True, False]}
    ]
    assert [(v["premise"], v["entailed"]) for v in scored.evidence["verdicts"]] == [
        ([0, 1], True),
        ([0], True),
        ([0], True),  # B's place taken by A alone is the same question again, and costs nothing
        ([1], False),
    ]


def trust_precision(output: str, found: Sequence[Sequence[int]], *entailed: str) -> float | None:
    docs = [document(f"{letter} text", flags, title=letter) for letter, flags in zip("ABCD", found, strict=False)]
    nli = Spoken(*((joint(letters), "S is so.") for letters in entailed))
    sample = example(docs=docs, answers=[["x"]] * len(found[0]))
    return score(sample, output, profile="trust", kind="em", metrics=("grounded_citation",), nli=nli).values[
        "citation_prec"
    ]


def test_trust_score_excuses_a_needless_citation_that_holds_the_same_gold_answer_as_another():
    assert trust_precision("S is so [1][2].", [(1, 0), (1, 0)], "AB", "A") == 1.0
    assert trust_precision("S is so [1][2].", [(1, 0), (0, 1)], "AB", "A") == 0.5
    assert trust_precision("S is so [1][2].", [(0, 0), (0, 0)], "AB", "A") == 0.5


def test_trust_score_splits_all_lines_of_the_raw_output_and_keeps_its_tags():
    docs = (document("A text", (1,), title="A"),)
    nli = Spoken((P["A"], "T is so."))
    sample = example(docs=docs, answers=[["x"]])
    scored = score(
        sample, "S is so.\nT is so [1].", profile="trust", kind="em", metrics=("grounded_citation",), nli=nli
    )
    assert scored.values["citation_rec"] == 0.5


def test_citation_aggregates_are_means_over_all_and_over_answered_samples_and_the_f1_of_the_means():
    docs = (document("A text", (1,), title="A"), document("B text", (0,), title="B"))
    nli = Spoken((joint("AB"), "S is so."), (P["A"], "S is so."))
    samples = [
        (example(docs=docs, answers=[["x"]]), "S is so [1][2]."),  # answered: 1, 1/2
        (example(docs=docs, answers=[["x"]]), REFUSAL),  # refused: 0, 0
        (example(docs=docs, answers=[["x"]]), ""),  # answered, without statements: in no mean
        (example(docs=docs, answers=[["x"]]), "S is so [2]."),  # answered: 0, 0
    ]
    estimates = aggregate(samples, profile="trust", kind="em", metrics=("grounded_citation",), nli=nli)
    found = values_of(estimates)
    assert found["regular_citation_rec"] == pytest.approx(100 / 3)
    assert found["regular_citation_prec"] == pytest.approx(100 / 6)
    assert found["regular_citation_f1"] == pytest.approx(100 * 2 / 9)  # 2 * 1/3 * 1/6 / (1/2)
    assert found["answered_citation_rec"] == pytest.approx(50.0)
    assert found["answered_citation_prec"] == pytest.approx(25.0)
    assert found["answered_citation_f1"] == pytest.approx(100 / 3)
    assert (estimates["regular_citation_rec"].n, estimates["answered_citation_rec"].n) == (3, 2)
