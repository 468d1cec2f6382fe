"""Turning records into examples, and the places named in errors."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundeval.errors import DataError
from groundeval.records import Document, Example, QAPair
from groundeval.storage.json_records import Record
from groundeval.tasks.formats.examples import content_hash, fields_present, read_examples
from groundeval.tasks.formats.fields import example_from

WHOLE: dict[str, Any] = {
    "id": 7,
    "question": "Who sang Aida?",
    "docs": [
        {"title": "Aida", "text": "An opera.", "answers_found": [1, 0], "score": 1.5, "id": "d1"},
        {"title": None, "text": "", "sent": "Short.", "summary": "S", "extraction": "E", "answers_found": [True, 0.0]},
    ],
    "answers": [["Verdi", "G. Verdi"], ["Ghislanzoni"]],
    "qa_pairs": [{"question": "By whom?", "short_answers": ["Verdi"], "context": "..."}, {"short_answers": []}],
    "annotations": [{"long_answer": "Verdi wrote it.", "knowledge": []}, {"long_answer": "It is his."}],
    "claims": ["Verdi composed Aida."],
    "answer": "Verdi.",
    "response": "Verdi [1].",
    "something_else": {"ignored": True},
}


def example(data: dict[str, Any], number: int = 1) -> Example:
    return example_from(Record("file.json", number, data), str(number - 1))


def test_every_field_of_the_public_formats_is_read() -> None:
    assert example(WHOLE) == Example(
        id="7",
        question="Who sang Aida?",
        docs=(
            Document("Aida", "An opera.", answers_found=(1, 0)),
            Document("", "", "Short.", "S", "E", (1, 0)),
        ),
        answers=(("Verdi", "G. Verdi"), ("Ghislanzoni",)),
        qa_pairs=(QAPair("By whom?", ("Verdi",)), QAPair("", ())),
        claims=("Verdi composed Aida.",),
        answer="Verdi.",
        annotations=("Verdi wrote it.", "It is his."),
        response="Verdi [1].",
    )


def test_absent_and_null_fields_are_none_and_empty_lists_stay() -> None:
    assert example({"question": "Why?"}) == Example("0", "Why?")
    nothing = dict.fromkeys(["docs", "answers", "qa_pairs", "annotations", "claims", "answer", "response", "id"])
    assert example({"question": "Why?", **nothing}) == Example("0", "Why?")
    assert example({"question": "Why?", "docs": [], "claims": []}) == Example("0", "Why?", docs=(), claims=())


def test_the_id_is_id_or_sample_id_or_the_position() -> None:
    assert example({"question": "q", "sample_id": "-701", "id": None}).id == "-701"
    assert example({"question": "q", "id": "a", "sample_id": "b"}).id == "a"
    assert example({"question": "q"}, number=4).id == "3"


def test_lone_surrogates_and_control_characters_are_data() -> None:
    text = "a\ud800b\x00c\x1b[31m"
    made = example({"question": text, "docs": [{"text": text}], "answers": [[text]]})
    assert (made.question, made.docs, made.answers) == (text, (Document("", text),), ((text,),))


def changed(path: str, value: Any) -> dict[str, Any]:
    data = json.loads(json.dumps(WHOLE))
    target: Any = data
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        target = target[step]
    target[last] = value
    return data


NUMBER, NAN = 5, math.nan


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("question", NUMBER, r'field "question" is 5 \(a number\); it must be a string that is not empty'),
        ("question", NAN, 'field "question" is NaN'),
        ("question", None, 'field "question" is null'),
        ("question", "  ", 'field "question" is .* must be a string that is not empty'),
        ("id", True, r'field "id" is True \(a boolean\); it must be a string that is not empty, or a whole number'),
        ("id", 1.5, 'field "id" is 1.5'),
        ("id", "", 'field "id" is'),
        ("docs", {"title": "a"}, 'field "docs" is .*an object.*must be a list of objects'),
        ("docs", NAN, 'field "docs" is NaN'),
        ("docs.1", "text", r'field "docs\[1\]" is .text. \(a string\); it must be an object'),
        ("docs.1.text", NUMBER, r'field "docs\[1\].text" is 5'),
        ("docs.1.text", None, r'field "docs\[1\].text" is null; it must be a string'),
        ("docs.1.text", NAN, r'field "docs\[1\].text" is NaN'),
        ("docs.1.title", ["a"], r'field "docs\[1\].title" is .*a list'),
        ("docs.1.sent", NUMBER, r'field "docs\[1\].sent"'),
        ("docs.1.summary", NUMBER, r'field "docs\[1\].summary"'),
        ("docs.1.extraction", {}, r'field "docs\[1\].extraction"'),
        ("docs.0.answers_found", [1], r'"docs\[0\].answers_found" is \[1\].* a list of 2 numbers, one for every gold'),
        ("docs.0.answers_found", [1, 2], r'"docs\[0\].answers_found" is \[1, 2\].* 0 or 1'),
        ("docs.0.answers_found", [1, [0]], "0 or 1"),
        ("docs.0.answers_found", [1, NAN], "0 or 1"),
        ("docs.0.answers_found", 1, "0 or 1"),
        ("docs.0.answers_found", None, r'"docs\[0\].answers_found" is missing, but other documents have it'),
        ("answers", "Verdi", 'field "answers" is .* must be a list of gold answers'),
        ("answers", ["Verdi", "Ghislanzoni"], r'field "answers\[0\]" is .Verdi. .*must be a list of strings'),
        ("answers.1", [NAN], r'field "answers\[1\]\[0\]" is NaN; it must be a string'),
        ("answers.1", None, r'field "answers\[1\]" is null'),
        ("qa_pairs", {}, 'field "qa_pairs"'),
        ("qa_pairs.0", "x", r'field "qa_pairs\[0\]"'),
        ("qa_pairs.0", {"question": "x"}, r'field "qa_pairs\[0\].short_answers" is missing'),
        ("qa_pairs.0.short_answers", "Verdi", r'field "qa_pairs\[0\].short_answers" is .Verdi.'),
        ("qa_pairs.0.short_answers", [1], r'field "qa_pairs\[0\].short_answers\[0\]" is 1'),
        ("qa_pairs.0.question", 1, r'field "qa_pairs\[0\].question" is 1'),
        ("annotations", "x", 'field "annotations"'),
        ("annotations.1", {}, r'field "annotations\[1\]" is \{\}'),
        ("annotations.1", "x", r'field "annotations\[1\]"'),
        ("claims", "x", 'field "claims" is .x.'),
        ("claims.0", 1, r'field "claims\[0\]" is 1'),
        ("answer", ["x"], 'field "answer"'),
        ("response", 1, 'field "response"'),
    ],
)
def test_a_wrong_value_is_named_with_file_record_field_and_what_is_allowed(path: str, value: Any, says: str) -> None:
    with pytest.raises(DataError, match=says) as raised:
        example(changed(path, value), number=17)
    assert str(raised.value).startswith("file.json, record 17")


def test_a_missing_question_shows_the_fields_that_are_there() -> None:
    with pytest.raises(DataError, match=r'record 1: field "question" is missing \(there is "questions"\)') as raised:
        example({"questions": "Why?", "output": "x"})
    assert '"questions", "output"' in str(raised.value)


def test_a_document_without_text_is_an_error() -> None:
    with pytest.raises(DataError, match=r'\("Why\?"\): field "docs\[0\].text" is missing: a document needs a text'):
        example({"question": "Why?", "docs": [{"title": "x"}]})


scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=3)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)


@settings(max_examples=200, deadline=None)
@given(
    path=st.sampled_from(
        [
            "question",
            "docs",
            "docs.0",
            "docs.0.answers_found",
            "docs.1.text",
            "answers",
            "answers.0",
            "qa_pairs",
            "qa_pairs.0",
            "annotations",
            "annotations.0",
            "claims",
            "answer",
            "id",
        ]
    ),
    value=anything,
)
def test_any_value_anywhere_gives_an_example_or_a_data_error(path: str, value: Any) -> None:
    try:
        made = example(changed(path, value))
    except DataError:
        return
    assert isinstance(made.question, str)
    assert made.question.strip()
    for document in made.docs or ():
        assert isinstance(document.text, str)
        assert document.answers_found is None or set(document.answers_found) <= {0, 1}


def lines(folder: Path, *records: dict[str, Any]) -> Path:
    path = folder / "data.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    return path


def test_two_records_with_one_id_are_both_named(tmp_path: Path) -> None:
    path = lines(tmp_path, {"question": "a", "id": "x"}, {"question": "b"}, {"question": "c", "id": "x"})
    with pytest.raises(DataError, match=r'record 3 \("c"\): the id "x" is already used by record 1 of .*data.jsonl'):
        list(read_examples(path))


def test_an_id_that_equals_another_records_position_is_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='the id "1" is already used by record 1'):
        list(read_examples(lines(tmp_path, {"question": "a", "id": 1}, {"question": "b"})))


@pytest.mark.parametrize("field", ["docs", "qa_pairs", "answers", "claims"])
@pytest.mark.parametrize("lacking", [0, 2])
def test_a_field_that_only_some_records_have_is_an_error_naming_who_lacks_it(
    field: str, lacking: int, tmp_path: Path
) -> None:
    records: list[dict[str, Any]] = [{"question": letter, field: []} for letter in "abc"]
    del records[lacking][field]
    with pytest.raises(
        DataError, match=rf'record {lacking + 1} \("{"abc"[lacking]}"\): field "{field}" is missing, but'
    ):
        list(read_examples(lines(tmp_path, *records)))


def test_answers_found_in_some_records_only_is_an_error(tmp_path: Path) -> None:
    with_flags = {"question": "a", "docs": [{"text": "t", "answers_found": [1]}], "answers": [["x"]]}
    without = {"question": "b", "docs": [{"text": "t"}], "answers": [["x"]]}
    no_documents = {"question": "c", "docs": [], "answers": [["x"]]}
    with pytest.raises(DataError, match=r'record 3 \("b"\): field "docs\[\].answers_found" is missing'):
        list(read_examples(lines(tmp_path, with_flags, no_documents, without)))


def test_the_fields_that_all_examples_have_are_told() -> None:
    first = example({**WHOLE, "claims": None})
    second = example({**WHOLE, "id": "b", "response": None, "annotations": None, "docs": []})
    both = {"docs", "answers_found", "qa_pairs", "answers", "answer", "references"}
    assert fields_present([first, second]) == both
    assert fields_present([first]) == both | {"annotations", "response"}
    assert fields_present([]) == frozenset()


def test_repeated_documents_are_held_once(tmp_path: Path) -> None:
    doc = {"title": "T", "text": "some text", "answers_found": [0]}
    records = [
        {"question": str(n), "docs": [doc, {**doc, "answers_found": [n % 2]}], "answers": [["x"]]} for n in range(4)
    ]
    examples = list(read_examples(lines(tmp_path, *records)))
    documents = [document for made in examples for document in made.docs or ()]
    assert len({id(document) for document in documents}) == 2
    assert len({id(document.text) for document in documents}) == 1
    assert [document.answers_found for document in documents] == [(0,), (0,), (0,), (1,)] * 2


def test_the_hash_is_that_of_the_content_not_of_the_file(tmp_path: Path) -> None:
    def hashed(text: str) -> str:
        path = tmp_path / "data"
        path.write_text(text)
        return content_hash(read_examples(path))

    records = [WHOLE, {**WHOLE, "id": 8}]
    one = hashed(json.dumps(records))
    assert one == hashed(json.dumps({"data": records}, indent=2)) == hashed("\n".join(map(json.dumps, records)))
    for path, value in [
        ("answer", "other"),
        ("docs.0.text", "other"),
        ("docs.0.answers_found", [0, 0]),
        ("question", "o"),
    ]:
        assert hashed(json.dumps([changed(path, value), {**WHOLE, "id": 8}])) != one
    assert hashed(json.dumps(records[::-1])) != one


texts = st.text(max_size=8)
examples_in_general = st.builds(
    dict,
    question=texts.filter(str.strip),
    docs=st.lists(
        st.fixed_dictionaries(
            {"title": texts, "text": texts, "answers_found": st.lists(st.integers(0, 1), min_size=2, max_size=2)}
        ),
        max_size=3,
    ),
    answers=st.lists(st.lists(texts, max_size=2), min_size=2, max_size=2),
    qa_pairs=st.lists(
        st.fixed_dictionaries({"question": texts, "short_answers": st.lists(texts, max_size=2)}), max_size=2
    ),
    claims=st.lists(texts, max_size=2),
    answer=texts,
    annotations=st.lists(st.fixed_dictionaries({"long_answer": texts}), max_size=2),
)


@settings(max_examples=60, deadline=None)
@given(records=st.lists(examples_in_general, min_size=1, max_size=4), form=st.sampled_from(["list", "data", "lines"]))
def test_examples_survive_the_way_through_a_file(
    records: list[dict[str, Any]], form: str, tmp_path_factory: Any
) -> None:
    path = tmp_path_factory.mktemp("examples") / "file"
    content = {"data": records} if form == "data" else records
    path.write_text("\n".join(map(json.dumps, records)) if form == "lines" else json.dumps(content))
    for number, (record, made) in enumerate(zip(records, read_examples(path), strict=True)):
        assert made.id == str(number)
        assert made.question == record["question"]
        assert [(d.title, d.text, list(d.answers_found or ())) for d in made.docs or ()] == [
            (d["title"], d["text"], d["answers_found"]) for d in record["docs"]
        ]
        assert [list(aliases) for aliases in made.answers or ()] == record["answers"]
        assert [list(pair.short_answers) for pair in made.qa_pairs or ()] == [
            p["short_answers"] for p in record["qa_pairs"]
        ]
        assert (list(made.claims or ()), made.answer) == (record["claims"], record["answer"])
        assert list(made.annotations or ()) == [a["long_answer"] for a in record["annotations"]]
