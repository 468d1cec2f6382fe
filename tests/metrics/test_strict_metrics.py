"""The metrics of profile `strict`, worked by hand with a verifier that entails exactly what a case says."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from metric_cases import REFUSAL, Spoken, aggregate, plan, score, values_of
from strict_cases import entails, reported, sample, values

from groundeval.nli import NLI
from groundeval.nli.verifiers.lexical import Lexical
from groundeval.records import Response
from groundeval.scoring.scorer import Scorer
from groundeval.tasks import load_task
from groundeval.tasks.reference import reference_response

PARIS, ROME = ("A", "It is Paris."), ("B", "It is Rome.")
BOTH = sample((1, 0), (0, 1))
ONLY_PARIS = sample((1, 0))
NOWHERE = sample()


@pytest.mark.parametrize(
    ("output", "recall", "precision"),
    [
        ("It is Paris [1].", 1, 1),
        ("It is Paris.", 0, 0),
        ("It is Paris [2].", 0, 0),
        ("It is Paris [1]. It is Rome [2].", 1, 1),
        ("It is Paris [1]. It is Rome.", 0.5, 1),
        ("It is Paris [1]. It is Rome [1].", 0.5, 0.5),
        ("It is Paris. [1] It is Rome. [2]", 1, 1),
        ("It is Paris [1]. It is Rome [9].", 0.5, 0.5),
        ("It is Paris [9][1]. It is Rome [2].", 1, pytest.approx(2 / 3)),
        ("It is Paris [9][9][1].", 1, 0.5),
        ("It is Paris [1][1]. It is Rome [2].", 1, 1),
        ("It is Paris [0].", 0, 0),
        ("It is Paris [1-5].", 0, 0),
        ("It is Paris [1] </s>. It is Rome [2].", 0.5, 0.5),
        ("It is Paris [1].</s>", 1, 1),
        ("- It is Paris. [1]\n- It is Rome. [Doc 2]", 1, 1),
        ("[1][2]", 0, 0),
        ("", 0, 0),
        (REFUSAL, 0, 0),
        (f"{REFUSAL} It is Paris [1].", 0, 0),
    ],
)
def test_citation_recall_and_precision(output: str, recall: float, precision: float):
    found = values(output, BOTH, "strict", PARIS, ROME)
    assert (found["citation_rec"], found["citation_prec"]) == (recall, precision)


@pytest.mark.parametrize(
    ("output", "recall", "useful", "correctness"),
    [
        ("It is Paris. It is Rome.", 1, 1, 1),
        ("It is Paris and Rome.", 1, 1, 1),
        ("It is Paris.", 0.5, 1, pytest.approx(2 / 3)),
        ("It is Lutetia.", 0.5, 1, pytest.approx(2 / 3)),
        ("It is Parisian.", 0, 0, 0),
        ("It is Paris. It is Paris.", 0.5, 0.5, 0.5),
        ("It is Paris. It is Lutetia. It is Rome.", 1, pytest.approx(2 / 3), 0.8),
        (
            "Let me think. It is Paris. It is Rome. I hope it helps.",
            1,
            pytest.approx(16 / 16.35),
            pytest.approx(32 / 32.35),
        ),
        ("It is Paris or Oslo. It is Rome.", 0.5, 0.5, 0.5),
        ("It is Paris or Rome.", 0, 0, 0),
        ("Perhaps it is Paris. It is not Rome.", 0, 0, 0),
        ("It is Oslo.", 0, 0, 0),
        (REFUSAL, 0, 0, 0),
        (f"{REFUSAL} Paris.", 0, 0, 0),
        ("", 0, 0, 0),
    ],
)
def test_correctness_is_the_f1_of_recall_and_of_the_share_of_words_that_bring_something(
    output: str, recall: float, useful: float, correctness: float
):
    found = values(output, BOTH, "strict")
    assert (found["calib_str_em"], found["useful"], found["correctness"]) == (recall, useful, correctness)


def test_only_supported_answers_are_useful_and_calibrated():
    found = values("It is Paris. It is Rome.", ONLY_PARIS, "strict")
    assert (found["str_em"], found["calib_str_em"], found["grounded_str_em"]) == (1, 1, 0.5)
    assert (found["useful"], found["correctness"]) == (0.5, pytest.approx(2 / 3))
    found = values("It is Paris. It is Rome.", NOWHERE, "strict")
    assert (found["str_em"], found["calib_str_em"], found["useful"], found["correctness"]) == (1, 0, 0, 0)


@pytest.mark.parametrize("words", [8, 9, 38, 60, 120])
def test_words_beyond_those_of_the_question_and_the_answer_cost_little_up_to_40_and_then_as_much_as_they_are(
    words: int,
):
    """The question has four words and `Paris` one: 2 + 4 + 2 * 1 have room."""
    found = values(" ".join(["Paris", *["word"] * (words - 1)]) + ".", ONLY_PARIS, "strict")
    beyond = words - 8
    assert found["useful"] == pytest.approx(8 / (8 + 0.05 * min(beyond, 40) + max(0, beyond - 40)))


def test_ten_openers_cost_and_one_hardly_does():
    opener = "Here is what the documents say about this question."
    one, ten = (values(f"{opener * n} It is Paris. It is Rome.", BOTH, "strict")["useful"] for n in (1, 10))
    assert one is not None
    assert ten is not None
    assert one > 0.97
    assert ten < 0.25


def test_what_stands_in_parentheses_is_beside_the_point():
    plain, stuffed = (
        values(f"It is Paris{more}. It is Rome.", BOTH, "strict")["useful"]
        for more in ("", " (keywords: a river, two isles)")
    )
    assert plain == 1
    assert stuffed is not None
    assert 0.9 < stuffed < 1


def test_an_answer_in_another_language_than_the_question_is_worth_a_little_less():
    told = ("Die Stadt ist Paris und das ist nicht alles.",)
    found = values(told[0].replace(" und das ist nicht alles", " und nicht weit"), BOTH, "strict")
    assert found["useful"] == 0.95


def test_neither_the_order_of_citations_nor_the_numbers_of_documents_change_what_is_asked():
    swapped = replace(BOTH, docs=(BOTH.docs[1], BOTH.docs[0]))  # type: ignore[index]
    asked = []
    for of, output in ((BOTH, "So [1][2]."), (BOTH, "So [2, 1]."), (swapped, "So [1-2]."), (swapped, "So [2][1].")):
        verifier = Spoken()
        score(of, output, profile="strict", kind="em", nli=verifier)
        asked.append(verifier.asked)
    assert asked[0] == asked[1] == asked[2] == asked[3]
    assert len(asked[0]) == 1


MOONS = sample((1, 1, 0), (0, 0, 1), gold=[["Iapetus"], ["Rhea"], ["Tethys"]], question="Which moons?")


@pytest.mark.parametrize(
    ("output", "num", "precision", "recall", "correctness"),
    [
        ("Iapetus [1], Rhea [1], Tethys [2].", 3, 1, 1, 1),
        ("Iapetus [1, 2], Rhea [1]; Tethys [2]", 3, 1, 1, 1),
        ("Iapetus\nRhea\nTethys", 3, 1, 1, 1),
        ("Iapetus, Rhea", 2, 1, pytest.approx(2 / 3), 0.8),
        ("Iapetus, Iapetus, Rhea, Titan", 4, 0.5, pytest.approx(2 / 3), pytest.approx(4 / 7)),
        ("the moon Iapetus, Rhea", 2, 1, pytest.approx(2 / 3), 0.8),
        ("the moon Iapetus or Rhea", 1, 0, 0, 0),
        ("Iapetus – discovered in 1671, Rhea", 2, 1, pytest.approx(2 / 3), 0.8),
        ("Iapetus, , [2], Rhea", 2, 1, pytest.approx(2 / 3), 0.8),
        ("", 0, 0, 0, 0),
        (f"{REFUSAL} Iapetus", 0, 0, 0, 0),
    ],
)
def test_an_item_counts_if_it_is_a_gold_answer_not_listed_before(
    output: str, num: float, precision: float, recall: float, correctness: float
):
    found = values(output, MOONS, "strict", kind="list")
    assert (found["num_preds"], found["qampari_prec"], found["qampari_rec"]) == (num, precision, recall)
    assert found["correctness"] == correctness


def test_only_what_follows_the_first_colon_is_the_list_of_a_chain_of_thought():
    [found] = _scored("Rhea was seen, so: Iapetus, Rhea", cot=True)
    assert (found["num_preds"], found["qampari_rec"]) == (3, pytest.approx(2 / 3))
    [found] = _scored("Iapetus, Rhea", cot=True)
    assert found["qampari_rec"] == 0


def _scored(*outputs: str, cot: bool):  # type: ignore[no-untyped-def]
    scorer = Scorer(plan("strict", "list", cot=cot), NLI(Spoken()))
    return [asyncio.run(scorer.score(Response.build(MOONS, output))).values for output in outputs]


C1, C2 = "Gas is light.", "Iron is heavy."
CLAIMS = sample((1, 0), (0, 1), gold=[[C1], [C2]])


@pytest.mark.parametrize(
    ("output", "told", "recall", "useful"),
    [
        ("It is air.", [("It is air.", C1)], 0.5, 1),
        (
            "It is air. It is ore.",
            [("It is air. It is ore.", C1), ("It is air.", C1), ("It is air. It is ore.", C2), ("It is ore.", C2)],
            1,
            1,
        ),
        ("It is air. It is ore.", [("It is air. It is ore.", C1), ("It is ore.", C1)], 0.5, 0.5),
        ("It is air. It is ore.", [("It is air. It is ore.", C1), ("It is air.", C1), ("It is ore.", C1)], 0.5, 0.5),
        ("It is air. It is ore.", [("It is air. It is ore.", C1)], 0.5, pytest.approx(12 / 12.2)),
        ("It is air. It is ore.", [("It is air.", C1)], 0, 0),
        ("Air and ore.", [("Air and ore.", C1), ("Air and ore.", C2)], 1, 1),
    ],
)
def test_a_claim_is_brought_by_the_first_statement_that_entails_it_if_the_whole_output_does(
    output: str, told: list[tuple[str, str]], recall: float, useful: float
):
    found = values(output, CLAIMS, "strict", *told, kind="claims")
    assert (found["calib_claims_nli"], found["useful"]) == (recall, useful)


def test_a_claim_of_several_sentences_is_brought_sentence_by_sentence():
    of = sample((1,), gold=[[f"{C1} {C2}"]])
    assert values("It is air.", of, "strict", ("It is air.", C1), kind="claims")["calib_claims_nli"] == 0.5
    told = [("It is air. It is ore.", C1), ("It is air.", C1), ("It is air. It is ore.", C2), ("It is ore.", C2)]
    found = values("It is air. It is ore.", of, "strict", *told, kind="claims")
    assert (found["calib_claims_nli"], found["useful"]) == (1, 1)


def test_a_statement_may_be_twice_as_long_as_the_claim_that_it_brings():
    claim = " ".join(["long"] * 50) + "."
    of = sample((1,), gold=[[claim]])
    for words, useful in ((60, 1), (106, 1), (200, 106 / (106 + 2 + 54))):
        output = " ".join(["said"] * words) + "."
        assert values(output, of, "strict", (output, claim), kind="claims")["useful"] == pytest.approx(useful)


def test_the_headline_is_the_mean_of_correctness_refusal_and_citation_f1():
    samples = [
        (BOTH, "It is Paris [1]. It is Rome [2]."),  # correctness 1, citations 1 and 1
        (BOTH, "It is Paris [1]."),  # correctness 2/3, citations 1 and 1
        (BOTH, f"{REFUSAL} It is Paris [1]."),  # mixed: nothing
        (BOTH, REFUSAL),  # wrongly refused: in B, not in A
        (NOWHERE, REFUSAL),
        (NOWHERE, ""),  # void: nothing
    ]
    found = reported(samples, "strict", PARIS, ROME)
    # A has the four that did not refuse, B the four answerable ones: both means are (1 + 2/3) / 4.
    assert found["answered_correctness"] == found["answerable_correctness"] == pytest.approx(100 * 5 / 12)
    assert found["correctness_f1"] == pytest.approx(100 * 5 / 12)
    # Answered: 2, both answerable, of 4 answerable: F1 2/3. Refused: 2, one rightly, of 2 unanswerable: F1 1/2.
    assert found["answerable_f1"] == pytest.approx(100 * 2 / 3)
    assert found["refuse_f1"] == pytest.approx(50)
    assert found["macro_f1"] == pytest.approx(100 * 7 / 12)
    # Citations over A: (1 + 1) / 4.
    assert found["answered_citation_f1"] == pytest.approx(50)
    assert found["trust_score"] == pytest.approx(100 * (5 / 12 + 7 / 12 + 1 / 2) / 3)
    assert found["refusal_accuracy"] == pytest.approx(50)
    assert (found["mixed_ratio"], found["void_ratio"]) == (pytest.approx(100 / 6), pytest.approx(100 / 6))
    assert (found["answered_num"], found["answerable_num"], found["overlapped_num"]) == (2, 4, 2)


class Right(Spoken):
    """The lexical rule for documents and outputs; a question entails nothing that it does not say."""

    def __init__(self) -> None:
        super().__init__()
        self.lexical = Lexical()

    def score(self, pairs):  # type: ignore[no-untyped-def]
        self.asked += pairs
        verdicts = self.lexical.score(pairs)
        return [
            type(v)(v.entailed and not p.premise.endswith("?"), v.score) for v, p in zip(verdicts, pairs, strict=True)
        ]


@pytest.mark.parametrize(
    "name", ["asqa", "qampari", "eli5", "trust_asqa", "trust_qampari", "trust_eli5", "trust_expertqa"]
)
def test_honest_responses_score_100_in_every_task(name: str):
    task = load_task(name)
    samples = [(each, reference_response(each, task.kind)) for each in task.load("embedded").examples]
    found = values_of(aggregate(samples, profile="strict", kind=task.kind, nli=Right()))
    for key in ("macro_f1", "answered_citation_f1", "refusal_accuracy"):
        assert found[key] == pytest.approx(100), key
    # Long sentences cost a little.
    for key in ("trust_score", "correctness_f1"):
        assert found[key] == pytest.approx(100, abs=0.7), key


def test_as_much_is_asked_about_documents_as_under_trust():
    task = load_task("trust_asqa")
    samples = [(each, reference_response(each, task.kind)) for each in task.load("embedded").examples]
    asked = {}
    for profile in ("trust", "strict"):
        verifier = Right()
        aggregate(samples, profile=profile, kind="em", nli=verifier)
        asked[profile] = {pair for pair in verifier.asked if pair.premise.startswith("Title: ")}
    assert len(asked["strict"]) == len(asked["trust"])


def test_the_reward_quantities_of_the_paper_can_be_read_strictly_too():
    found = aggregate(
        [(BOTH, "It is Paris. [1] It is Rome [2, 9].")],
        profile="strict",
        kind="em",
        metrics=("ground_em", "ground_citation"),
        nli=entails(PARIS, ROME),
    )
    assert values_of(found) == {"ground_em": 1.0, "ground_citation": 1.0, "ground_statements": 2.0}
    listed = aggregate(
        [(MOONS, "Iapetus [1, 2], Titan [1]")],
        profile="strict",
        kind="list",
        metrics=("ground_em", "ground_citation"),
        nli=entails(("AB", "Which moons? Iapetus")),
    )
    assert values_of(listed) == {"ground_em": 0.5, "ground_citation": 0.5, "ground_statements": 2.0}


def test_the_evidence_shows_every_statement_with_its_verdict():
    scored = score(BOTH, "It is Paris. [1] It is Rome [2, 9].", profile="strict", kind="em", nli=entails(PARIS, ROME))
    assert scored.evidence["statements"] == [
        {"text": "It is Paris.", "citations": [0], "supported": True, "precise": [True]},
        {"text": "It is Rome.", "citations": [1, 8], "supported": True, "precise": [True, False]},
    ]
    assert [verdict["premise"] for verdict in scored.evidence["verdicts"]] == [
        [0], [1], "question", "question", "statement", "statement",
    ]  # fmt: skip


def test_a_cited_sentence_may_say_besides_what_the_documents_lack():
    told = entails(PARIS, ("A", "it was closed in 2014."))
    text = "It is Paris. [1] The price is missing from the documents; it was closed in 2014. [1]"

    def supported(said: str) -> list[bool]:
        scored = score(BOTH, said, profile="strict", kind="em", nli=told)
        return [each["supported"] for each in scored.evidence["statements"]]

    assert supported(text) == [True, True]
    assert supported(text.replace("2014", "2015")) == [True, False]
