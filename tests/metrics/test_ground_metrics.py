"""The quantities of Ground-GRPO's rewards as metrics (docs/metrics.md), worked by hand."""

from __future__ import annotations

import asyncio

import pytest
from metric_cases import REFUSAL, Spoken, aggregate, document, example, plan, score, values_of

from groundeval.parsing.reasoning import ReasoningTags
from groundeval.parsing.refusal import refusal_score
from groundeval.records import Response
from groundeval.scoring.scorer import Scorer

DOCS = (document("A text", (1, 0), title="A"), document("B text", (1, 0), title="B"))
"""The documents hold Paris and not Rome."""
NOWHERE = (document("A text", (0, 0), title="A"),)
GROUND = "ground_em,ground_citation"
GOLD = [["Paris", "Lutetia"], ["Rome"]]
P = {"A": "Title: A\nA text", "B": "Title: B\nB text", "AB": "Title: A\nA text\nTitle: B\nB text"}


def values(
    output: str, metric: str, *entailed: tuple[str, str], kind: str = "em", docs: object = DOCS, **options: object
):
    nli = Spoken(*((P.get(premise, premise), hypothesis) for premise, hypothesis in entailed))
    sample = example(docs=docs, answers=options.pop("answers", GOLD))  # type: ignore[arg-type]
    profile = options.pop("profile", "trust")
    return score(
        sample, output, profile=profile, kind=kind, metrics=tuple(metric.split(",")), nli=nli, **options
    ).values  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("output", "tags", "well_formed"),
    [
        ("<think>a</think><answer>b</answer>", 1.0, 1.0),
        ("<think>a</think>\n<answer>b</answer> end", 1.0, 0.0),
        ("<think>a</think>b", 0.5, 0.0),
        ("<think>a", 0.25, 0.0),
        ("b", 0.0, 0.0),
    ],
)
def test_the_format_metrics_look_at_the_whole_text_with_its_tags(output: str, tags: float, well_formed: float):
    assert values(output, "format") == {"tag_count": tags, "format": well_formed}


def test_the_format_metrics_look_for_the_tags_that_the_text_was_read_with():
    tags = ReasoningTags("[THINK]", "[/THINK]", "[A]", "[/A]")

    def found(output: str) -> object:
        scorer = Scorer(plan("trust", "em", ("format",)))
        return asyncio.run(scorer.score(Response.build(example(docs=DOCS, answers=GOLD), output, tags=tags))).values

    assert found("[THINK]a[/THINK][A]b[/A]") == {"tag_count": 1.0, "format": 1.0}
    assert found("[THINK]a[/THINK]b") == {"tag_count": 0.5, "format": 0.0}
    assert found("<think>a</think><answer>b</answer>") == {"tag_count": 0.0, "format": 0.0}


def test_ground_em_is_half_a_point_for_every_statement_with_a_supported_answer():
    # Paris: yes. Rome: a gold answer, but no document holds it. Lutetia: an alias of Paris. The fourth: nothing.
    output = "Paris is it [1]. Rome is old. Once Lutetia [2]. The end."
    found = values(output, GROUND)
    assert found["ground_em"] == 1.0
    assert found["ground_statements"] == 4.0


def test_ground_citation_rewards_or_penalises_those_statements_by_their_recall_bit():
    output = "Paris is it [1]. Rome is old [1]. Once Lutetia [2]."
    entailed = (("A", "Paris is it."), ("A", "Rome is old."))
    # +0.5 for the first, -0.5 for the third; the second holds no supported answer and does not count.
    assert values(output, GROUND, *entailed)["ground_citation"] == 0.0
    assert values(output, GROUND, *entailed, ("B", "Once Lutetia."))["ground_citation"] == 1.0
    assert values("Paris.", GROUND)["ground_citation"] == -0.5
    assert values("Paris [1][7].", GROUND, ("A", "Paris."))["ground_citation"] == -0.5
    assert values("Nothing [1].", GROUND, ("A", "Nothing."))["ground_citation"] == 0.0


def test_claims_are_asked_for_once_though_two_metrics_need_them():
    nli = Spoken(("They dance.", "Bees dance."))
    docs = (document("A text", (1,), title="A"),)
    sample = example(docs=docs, answers=[["Bees dance."]])
    names = ("ground_em", "ground_citation")
    scored = score(sample, "They dance [1].", profile="trust", kind="claims", metrics=names, nli=nli)
    assert [verdict["premise"] for verdict in scored.evidence["verdicts"]] == [[0], "statement"]
    assert len(nli.asked) == 2


@pytest.mark.parametrize("kind", ["em", "list"])
def test_ground_em_alone_is_the_same_number_and_asks_no_verifier(kind: str):
    output = "Paris, Rome [1], Once Lutetia [2]. The end."
    together, alone = values(output, GROUND, kind=kind), values(output, "ground_em", kind=kind)
    assert alone == {key: together[key] for key in ("ground_em", "ground_statements")}
    assert not plan("trust", kind, ("ground_em",)).asks_nli
    assert plan("trust", kind, ("ground_citation",)).asks_nli
    assert plan("trust", "claims", ("ground_em",)).asks_nli


def test_ground_metrics_read_the_answer_block_and_every_line_of_it():
    output = "<think>Paris. Paris.</think><answer>No.\nParis is it [1].</answer> Paris."
    found = values(output, GROUND, ("A", "Paris is it."), profile="alce")
    assert found == {"ground_em": 0.5, "ground_citation": 0.5, "ground_statements": 2.0}


def test_in_list_tasks_an_item_must_equal_an_alias():
    found = values("Paris [1], Paris city [1], lutetia, Rome", GROUND, ("A", "Q? Paris"), kind="list")
    # Items 1 and 3 are equal to an alias; only the first is supported by what it cites.
    assert found == {"ground_em": 1.0, "ground_citation": 0.0, "ground_statements": 4.0}


@pytest.mark.parametrize(
    ("output", "em"),
    [
        ("Paris, let us see: Lutetia, Rome", 0.5),  # one item behind the colon is a supported answer
        ("let us see: Paris, Lutetia", 1.0),
        ("Paris, Lutetia", 0.0),  # nothing behind a colon
        ("Paris:", 0.0),
        ("", 0.0),
    ],
)
def test_with_cot_only_items_behind_the_colon_hold_answers(output: str, em: float):
    assert values(output, GROUND, kind="list", cot=True)["ground_em"] == em


def test_in_claim_tasks_the_statement_must_entail_a_supported_claim():
    claims = [["bees dance"], ["bees sting"], []]
    docs = (document("A text", (1, 0, 1), title="A"),)
    entailed = (("They dance.", "bees dance"), ("They sting.", "bees sting"), ("A", "They dance."))
    found = values("They dance [1]. They sting [1].", GROUND, *entailed, kind="claims", docs=docs, answers=claims)
    assert found == {"ground_em": 0.5, "ground_citation": 0.5, "ground_statements": 2.0}


def test_an_empty_output_has_no_statements_and_earns_nothing():
    assert values("", GROUND) == {"ground_em": 0.0, "ground_citation": 0.0, "ground_statements": 0.0}


def test_ground_refusal_of_an_answerable_question_is_half_a_point_for_not_refusing():
    assert values("Paris.", "ground_refusal")["ground_refusal"] == 0.5
    assert values(REFUSAL, "ground_refusal")["ground_refusal"] == 0.0


def test_ground_refusal_of_an_unanswerable_question_is_the_score_itself():
    refused = {"ground_refusal": 1.0, "refusal_score": 1.0, "ground_answerable": 0.0}
    assert values(REFUSAL, "ground_refusal", docs=NOWHERE) == refused
    assert values("Paris.", "ground_refusal", docs=NOWHERE)["ground_refusal"] == 0.0
    close = "I apologise, but I could not find an answer"
    r = refusal_score(close) / 100
    assert 0.85 < r < 1
    assert values(close, "ground_refusal", docs=NOWHERE)["ground_refusal"] == pytest.approx(r)


def test_process_align_asks_whether_the_reasoning_entails_the_decision():
    answers, does_not = "The documents answer the question.", "The documents do not answer the question."
    answered, refused = "<think>They do.</think>Paris.", f"<think>They do not.</think>{REFUSAL}"
    assert values(answered, "process_align", ("They do.", answers)) == {"process_align": 1.0}
    assert values(answered, "process_align", ("They do.", does_not)) == {"process_align": 0.0}
    assert values(refused, "process_align", ("They do not.", does_not)) == {"process_align": 1.0}
    assert values("Paris.", "process_align", ("", answers)) == {"process_align": None}
    assert values("<think></think>Paris.", "process_align") == {"process_align": None}


def test_ground_aggregates_are_plain_numbers_and_the_tags_percentages():
    samples = [
        (example(docs=DOCS, answers=GOLD), "<think>a</think><answer>Paris [1].</answer>"),
        (example(docs=DOCS, answers=GOLD), "Rome."),
    ]
    nli = Spoken((P["A"], "Paris."))
    names = ("format", "ground_em", "ground_citation", "ground_refusal", "process_align")
    found = values_of(aggregate(samples, profile="trust", kind="em", metrics=names, nli=nli))
    assert found == {
        "tag_count": 50.0,
        "format": 50.0,
        "ground_em": 0.25,
        "ground_citation": 0.25,
        "ground_statements": 1.0,
        "ground_refusal": 0.5,
        "refusal_score": pytest.approx(100 * (refusal_score("Paris [1].") + refusal_score("Rome.")) / 200),
        "process_align": 0.0,
    }


@pytest.mark.parametrize("profile", ["alce", "trust"])
@pytest.mark.parametrize("kind", ["em", "list", "claims"])
def test_reward_quantities_exist_under_every_profile_and_kind_but_only_when_asked_for(profile: str, kind: str):
    sample = example(docs=DOCS, answers=GOLD, pairs=GOLD, claims=["x"], answer="x")
    asked = score(sample, "Paris [1].", profile=profile, kind=kind, metrics=("ground_em", "tag_count")).values
    assert {"ground_em", "tag_count"} <= set(asked)
    default = score(sample, "Paris [1].", profile=profile, kind=kind).values
    assert not any(
        key.startswith("ground_") and key.endswith(("em", "citation", "refusal"))
        for key in default
        if key != "grounded_str_em"
    )
    assert not {"tag_count", "format", "process_align"} & set(default)


def test_a_refusal_score_of_exactly_85_is_not_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("groundeval.metrics.ground.refusal_score", lambda text: 85.0)
    assert values("Perhaps.", "ground_refusal")["ground_refusal"] == 0.5
    assert values("Perhaps.", "ground_refusal", docs=NOWHERE)["ground_refusal"] == 0.0


def test_process_align_takes_the_same_decision_as_the_reward(monkeypatch: pytest.MonkeyPatch):
    answers, does_not = "The documents answer the question.", "The documents do not answer the question."
    for r, decision in ((85.0, answers), (85.3, does_not)):
        monkeypatch.setattr("groundeval.metrics.ground.refusal_score", lambda text, r=r: r)
        said = "<think>Hm.</think>Perhaps."
        assert values(said, "process_align", ("Hm.", decision)) == {"process_align": 1.0}
