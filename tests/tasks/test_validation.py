"""Faults that `validate` finds in a task's data, demonstrations and prompt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from groundeval.parsing.refusal import REFUSAL
from groundeval.records import Document, Example
from groundeval.tasks import Dataset, load_task
from groundeval.tasks.embedded_rules import embedded_problems, example_faults
from groundeval.tasks.formats.sources import embedded
from groundeval.tasks.validation import data_problems, validate_task

SHARED = Path(__file__).parents[3] / "shared" / "data"
GOOD = Example(
    "a",
    "Who sang Aida?",
    docs=(
        Document("Aida", "An opera by Verdi.", answers_found=(1,)),
        Document("Tosca", "By Puccini.", answers_found=(0,)),
    ),
    answers=(("Verdi",),),
    response="Verdi [1].",
)
REFUSED = Example(
    "b",
    "Who sang Norma?",
    docs=(Document("Tosca", "By Puccini.", answers_found=(0,)),),
    answers=(("Bellini",),),
    response=REFUSAL,
)


def found(example: Example, kind: Any = "em") -> list[str]:
    return [problem.what for problem in data_problems([example], kind)]


@pytest.mark.parametrize(
    "name", ["asqa", "eli5", "qampari", "trust_asqa", "trust_eli5", "trust_expertqa", "trust_qampari"]
)
def test_the_built_in_tasks_have_no_problems_with_the_embedded_data(name: str) -> None:
    assert [str(problem) for problem in validate_task(load_task(name), "embedded")] == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="the public data is not here")
@pytest.mark.parametrize("name", ["clapnq", "qa_feedback", "expertqa"])
def test_the_example_yaml_tasks_have_no_problems(name: str) -> None:
    task = load_task(Path(__file__).parents[2] / "examples" / f"{name}.yaml")
    assert [str(problem) for problem in validate_task(task)] == []


def test_good_examples_have_no_problems() -> None:
    assert data_problems([GOOD, REFUSED], "em") == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"question": " "}, "the question is empty"),
        ({"answers": None}, "no gold data: a task of kind em needs answers or qa_pairs"),
        ({"answers": ((),)}, "answers[0] has no alias: no output can contain it"),
        (
            {"answers": (("Verdi", "..."),)},
            "answers[0] has an alias without words, which every output contains: ('Verdi', '...')",
        ),
        ({"answers": (("Verdi",), ("Puccini",))}, "docs[0].answers_found has 1 entries for 2 gold answers"),
        ({"docs": (Document("x", " ", answers_found=(1,)),)}, "docs[0] has an empty text"),
        ({"response": ""}, "the reference response is empty"),
        ({"response": REFUSAL}, "the reference response refuses, but the documents hold an answer"),
        ({"response": "Verdi."}, "the reference response cites nothing"),
        ({"response": "Verdi [3]."}, "the reference response cites [3], but there are 2 documents"),
        ({"response": "Verdi [0]."}, "the reference response cites [0], but there are 2 documents"),
    ],
)
def test_a_fault_of_an_example_is_found(change: dict[str, Any], says: str) -> None:
    assert says in found(replace(GOOD, **change))


def test_an_answer_to_an_unanswerable_question_is_found() -> None:
    assert found(replace(REFUSED, response="Bellini [1].")) == [
        "the reference response answers, but no document holds a gold answer"
    ]


def test_repeated_ids_and_questions_are_found() -> None:
    problems = data_problems(
        [GOOD, replace(GOOD, question="Other?"), replace(GOOD, id="c", question="who sang aida")], "em"
    )
    assert [str(problem) for problem in problems] == [
        'example "a": another example has the same id',
        'example "c": the question is that of example "a": \'who sang aida\'',
    ]


def test_one_fault_of_many_records_is_shown_a_few_times() -> None:
    examples = [replace(GOOD, id=str(n), question=f"Question {n}?", response="Verdi.") for n in range(50)]
    problems = data_problems(examples, "em")
    assert len(problems) == 6
    assert str(problems[-1]) == "data: 45 more problems of these kinds"
    assert [str(problem) for problem in data_problems([], "em")] == ["data: there are no examples"]


def of_task(*examples: Example, **changes: Any) -> list[str]:
    def load(source: str | None = None, split: str = "test") -> Dataset:
        return Dataset(examples if split == "test" else (), "here", "0")

    base = load_task("trust_asqa")
    return [
        str(problem)
        for problem in validate_task(replace(base, load=load, demonstrations=tuple, **changes))
        if "no examples" not in str(problem)
    ]


def test_refusals_need_questions_of_both_kinds() -> None:
    assert of_task(GOOD, REFUSED) == []
    assert of_task(GOOD) == ["data: every one of 1 examples is answerable: refusals cannot be judged on this data"]
    assert of_task(REFUSED) == ["data: none of 1 examples is answerable: refusals cannot be judged on this data"]
    assert of_task(GOOD, profile="alce", headline=("str_em",)) == []


def test_names_that_the_profile_does_not_know_are_found() -> None:
    [problem] = of_task(GOOD, REFUSED, headline=("str_emm",))
    assert 'headline "str_emm" is not a key of profile trust and kind em' in problem
    [problem] = of_task(GOOD, REFUSED, metrics=("shouting",))
    assert 'metric "shouting" does not exist under profile trust for kind em' in problem
    assert any('unknown profile "x"' in problem for problem in of_task(GOOD, REFUSED, profile="x"))
    assert any("no headline" in problem for problem in of_task(GOOD, REFUSED, headline=()))


def test_demonstrations_that_give_away_a_test_question_or_lack_a_response_are_found() -> None:
    def demonstrations() -> tuple[Example, ...]:
        return (GOOD, replace(GOOD, id="d", question="Other?", response="x [7]."))

    task = replace(
        load_task("trust_asqa"), demonstrations=demonstrations, load=lambda *_: Dataset((GOOD, REFUSED), "", "")
    )
    problems = [str(problem) for problem in validate_task(task)]
    assert 'demonstration "a": its question is in the test data' in problems
    assert 'demonstration "d": the reference response cites [7], but there are 2 documents' in problems


def test_data_that_cannot_be_loaded_is_a_problem(tmp_path: Path) -> None:
    [problem] = validate_task(load_task("asqa"), str(tmp_path / "nothing.json"))
    assert "no such file" in str(problem)


@pytest.mark.parametrize("dataset", ["asqa", "qampari", "eli5", "expertqa"])
def test_the_embedded_data_keeps_the_house_rules(dataset: str) -> None:
    assert embedded_problems(dataset) == []


def of_embedded(dataset: str, answerable: bool) -> Example:
    return next(example for example in embedded(dataset).examples if example.answerable is answerable)


@pytest.mark.parametrize(
    ("dataset", "change", "says"),
    [
        ("asqa", lambda e: {"docs": e.docs[:2]}, "2 documents; 3 to 5 are required"),
        (
            "asqa",
            lambda e: {"docs": (replace(e.docs[0], text="short"), *e.docs[1:])},
            "docs[0] has 1 words; 40 to 90 are required",
        ),
        ("asqa", lambda e: {"response": "Nothing is known [1]."}, "the response lacks the supported answer"),
        ("asqa", lambda e: {"response": e.response.replace("[", "(")}, "cites no document"),
        ("asqa", lambda e: {"annotations": e.annotations[:1]}, "two long answers (annotations) are required"),
        ("asqa", lambda e: {"qa_pairs": e.qa_pairs[:1]}, "the short answers of qa_pairs differ from answers"),
        ("qampari", lambda e: {"response": "Atlantis [1]"}, "the response lacks the supported answer"),
        ("eli5", lambda e: {"claims": ("other",)}, "every claim must be a gold answer of its own"),
        (
            "eli5",
            lambda e: {"response": "Zebras quietly juggle purple umbrellas [1]."},
            "have less than half of the words",
        ),
        (
            "expertqa",
            lambda e: {"docs": tuple(replace(d, answers_found=(1,) * len(e.answers)) for d in e.docs)},
            "no document is a distractor",
        ),
    ],
)
def test_a_broken_house_rule_is_found(dataset: str, change: Any, says: str) -> None:
    example = of_embedded(dataset, answerable=True)
    assert any(says in fault for fault in example_faults(replace(example, **change(example)), dataset))


def test_wrong_flags_of_documents_are_found() -> None:
    example = of_embedded("asqa", answerable=True)
    flipped = tuple(replace(d, answers_found=tuple(1 - f for f in d.answers_found or ())) for d in example.docs or ())
    assert any(
        "which contradicts its text" in fault for fault in example_faults(replace(example, docs=flipped), "asqa")
    )


def test_an_unanswerable_example_must_refuse_word_for_word() -> None:
    example = of_embedded("eli5", answerable=False)
    faults = list(example_faults(replace(example, response=REFUSAL[:-1]), "eli5"))
    assert faults == ["it is unanswerable, so its response must be the refusal, word for word"]


def test_a_citation_that_is_not_needed_is_found() -> None:
    example = of_embedded("asqa", answerable=True)
    docs = example.docs or ()
    supporting = next(i for i, d in enumerate(docs) if any(d.answers_found or ()))
    other = next(i for i, d in enumerate(docs) if not any(d.answers_found or ()))
    sentence = docs[supporting].text.split(". ")[0]
    unrelated = replace(docs[other], title="Zebras", text="zebras juggle umbrellas " * 15)
    changed = tuple(unrelated if index == other else document for index, document in enumerate(docs))
    response = f"{sentence} [{supporting + 1}][{other + 1}]."
    faults = list(example_faults(replace(example, docs=changed, response=response), "asqa"))
    assert any(f"the citation [{other + 1}] is not needed" in fault for fault in faults)
