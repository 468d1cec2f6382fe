"""Attacks of the reward benchmark: each does what its name says, and the same seed gives the same texts."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from benchmark_cases import embedded_cases, towers

from groundeval.parsing.citations import citations, remove_citations
from groundeval.parsing.normalize import normalize
from groundeval.parsing.refusal import REFUSAL
from groundeval.rewards.benchmark.attacks import ATTACKS
from groundeval.rewards.benchmark.attacks.attack import Attack
from groundeval.rewards.benchmark.case import Case
from groundeval.rewards.benchmark.composing import HELD_OUT, MAKERS
from groundeval.rewards.benchmark.families import FAMILIES
from groundeval.rewards.benchmark.trials import Trial, answer_of, as_output, trials_of

HEIGHTS, RIVERS, _ = towers()
COMPOSED = {*MAKERS, *HELD_OUT}
TWO_STATEMENTS = "The north tower is 120 metres tall [1]. The south tower reaches 95 metres [2]."


def named(name: str) -> Attack:
    [found] = [attack for attack in ATTACKS if attack.name == name]
    return found


def attacked(name: str, case: Case = HEIGHTS, seed: int = 0) -> str:
    answer = named(name).move(case.honest, case, Random(seed))
    assert answer is not None
    return answer.rendered(case.kind)


@pytest.mark.parametrize("dataset", ["asqa", "qampari", "eli5", "expertqa"])
def test_the_parts_of_an_honest_response_give_it_back(dataset: str) -> None:
    for case in embedded_cases(dataset):
        assert case.honest.rendered(case.kind) == case.example.response


def test_every_family_has_attacks_and_every_attack_has_a_family() -> None:
    assert {attack.family for attack in ATTACKS} == set(FAMILIES) - COMPOSED
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    numbered = {key.rstrip("=ab") for key, family in FAMILIES.items() if not family.extra and key not in COMPOSED}
    assert numbered == {str(number) for number in range(1, 16)}


@pytest.mark.parametrize("dataset", ["asqa", "eli5", "expertqa"])
def test_the_embedded_data_carries_every_family(dataset: str) -> None:
    trials = trials_of(embedded_cases(dataset), tuple(FAMILIES.values()))
    for_text_only = {"named"} if dataset != "asqa" else set()
    assert {trial.family.key for trial in trials} == set(FAMILIES) - for_text_only


def test_no_attack_leaves_the_text_as_it_is() -> None:
    for dataset in ("asqa", "qampari", "eli5"):
        trials = trials_of(embedded_cases(dataset), tuple(FAMILIES.values()))
        assert [trial.attack for trial in trials if trial.better == trial.worse] == []


def test_the_same_seed_gives_the_same_texts_whatever_families_are_chosen() -> None:
    def texts(families: tuple[str, ...], seed: int) -> list[str]:
        chosen = trials_of(embedded_cases("asqa"), [FAMILIES[key] for key in families], seed)
        return [trial.worse for trial in chosen if trial.family.key == "1"]

    assert texts(("1",), 3) == texts(("11", "1", "5"), 3) != texts(("1",), 4)


def test_attacks_of_answers_are_not_made_on_refusals() -> None:
    trials = trials_of([RIVERS], tuple(FAMILIES.values()))
    assert {trial.family.key for trial in trials} == {
        *("6", "7", "8", "9b", "10", "14", "graded", "style: refusals", "evasion"),
        *HELD_OUT,
    }
    assert {answer_of(trial.better) for trial in trials} == {REFUSAL}


EXAMPLES: list[tuple[str, Callable[[str], bool]]] = [
    ("wrong document", lambda text: remove_citations(text) == remove_citations(TWO_STATEMENTS)),
    ("document that does not exist", lambda text: max(citations(text)) >= 3),
    ("the right document and one that does not exist", lambda text: set(citations(text)) > {0, 1}),
    ("[0]", lambda text: citations(text) == (-1, -1)),
    ("all citations left out", lambda text: citations(text) == ()),
    ("a citation left out", lambda text: len(citations(text)) == 1),
    ("all citations at the end", lambda text: text.endswith("95 metres [1][2].") and len(citations(text)) == 2),
    ("every document cited by every statement", lambda text: citations(text) == (0, 1, 2, 0, 1, 2)),
    ("the same citation twice", lambda text: len(citations(text)) == 3 and set(citations(text)) == {0, 1}),
    ("an irrelevant citation behind", lambda text: len(citations(text)) == 3),
    ("answers listed at the end", lambda text: text.endswith("120 metres, 394 feet, 95 metres.")),
    ("answers listed at the end, cited", lambda text: text.endswith("120 metres [1]. 394 feet [1]. 95 metres [2].")),
    ("question echoed at the end", lambda text: "How tall are the towers" in text),
    ("nothing", lambda text: text == ""),
    ("citations only", lambda text: text == "[1] [2]"),
    ("refusal", lambda text: text == REFUSAL),
    ("refusal, then the answer", lambda text: text == f"{REFUSAL} {TWO_STATEMENTS}"),
    ("the answer, then a refusal", lambda text: text == f"{TWO_STATEMENTS} {REFUSAL}"),
    ("denied", lambda text: "not true that" in text or "false that" in text),
    ("everything repeated", lambda text: text == " ".join([TWO_STATEMENTS] * 3)),
    ("one statement a line", lambda text: text == TWO_STATEMENTS.replace(". ", ".\n")),
    ("numbers", lambda text: text == "1. " + TWO_STATEMENTS.replace(". ", ".\n2. ")),
    ("mentioned", lambda text: remove_citations(text).endswith(" 95 metres.") and "tower" not in text),
    ("bullets", lambda text: text == "- " + TWO_STATEMENTS.replace(". ", ".\n- ")),
    ("another alias", lambda text: text == TWO_STATEMENTS.replace("120 metres", "394 feet")),
    ("citations by name", lambda text: text == TWO_STATEMENTS.replace("[", "[Doc ")),
    ("citations after the full stop", lambda text: text.endswith("95 metres. [2]")),
    ("a statement left out", lambda text: len(citations(text)) == 1 and len(text) < len(TWO_STATEMENTS)),
    ("instead, in a comment", lambda text: text == f"<!-- {TWO_STATEMENTS} -->"),
]


@pytest.mark.parametrize(("name", "holds"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_attack_does_what_it_says(name: str, holds: Callable[[str], bool]) -> None:
    assert holds(attacked(name)), attacked(name)


@pytest.mark.parametrize("seed", range(20))
def test_a_wrong_document_holds_none_of_the_statement_s_answers(seed: int) -> None:
    for case in embedded_cases("expertqa"):
        if not case.answerable:
            continue
        answer = named("wrong document").move(case.honest, case, Random(seed))
        assert answer is not None
        [(honest, swapped)] = [
            (one, other) for one, other in zip(case.honest.parts, answer.parts, strict=True) if one != other
        ]
        [wrong] = swapped.cited
        found = case.docs[wrong].answers_found or ()
        assert wrong not in honest.cited
        assert not any(found[answer] for answer in case.states(honest))


@pytest.mark.parametrize("seed", range(10))
def test_a_changed_number_is_another_number(seed: int) -> None:
    text = attacked("number changed", seed=seed)
    differing = [(one, other) for one, other in zip(TWO_STATEMENTS, text, strict=True) if one != other]
    assert len(differing) == 1
    assert all(letter.isdigit() for letter in differing[0])


def test_exchanged_answers_leave_every_gold_answer_in_the_text() -> None:
    assert attacked("answers exchanged between statements") == (
        "The north tower is 95 metres tall [1]. The south tower reaches 120 metres [2]."
    )


def test_a_copied_document_is_there_word_for_word() -> None:
    text = remove_citations(attacked("a document copied instead"))
    assert any(normalize(document.text) == normalize(text) for document in HEIGHTS.docs)


def test_a_partial_answer_is_compared_with_nothing() -> None:
    trials = trials_of([HEIGHTS], [FAMILIES["15"]])
    [trial] = [each for each in trials if each.attack == "nothing, against one statement left"]
    assert answer_of(trial.worse) == ""
    assert answer_of(trial.better) in (TWO_STATEMENTS[:39], TWO_STATEMENTS[40:])


def test_combined_attacks_join_two_families() -> None:
    combined: list[Trial] = [
        trial for trial in trials_of(embedded_cases("asqa"), [FAMILIES["2"]]) if " + " in trial.attack
    ]
    assert combined
    for trial in combined:
        first, second = trial.attack.split(" + ")
        assert named(first).family == "2"
        assert named(second).family != "2"


def test_an_output_has_the_form_that_reasoning_models_are_rewarded_for() -> None:
    assert as_output("Yes [1].") == "<think>The documents answer the question.</think>\n<answer>Yes [1].</answer>"
    assert as_output(REFUSAL).startswith("<think>The documents do not answer the question.</think>")
    assert answer_of(as_output("Yes [1].")) == "Yes [1]."


@pytest.mark.parametrize("dataset", ["asqa", "qampari", "eli5"])
def test_attacks_can_be_put_on_top_of_each_other_in_any_order(dataset: str) -> None:
    for case in embedded_cases(dataset, 4):
        rng = Random(case.name)
        answer = case.honest
        for _ in range(400):
            attack = rng.choice(ATTACKS)
            changed = attack.move(answer, case, rng) if attack.applies(case) else None
            answer = case.honest if changed is None or len(changed.parts) > 40 else changed
            assert isinstance(answer.rendered(case.kind), str)
