"""Tasks from YAML files: the mapping, and the places named in errors."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import yaml

from groundeval.errors import DataError, UsageError
from groundeval.generation.prompts import render_prompt
from groundeval.parsing.refusal import REFUSAL
from groundeval.records import Document, Example, QAPair
from groundeval.tasks import Task, load_task

MINIMAL: dict[str, Any] = {
    "name": "mine",
    "kind": "em",
    "data": "data.jsonl",
    "fields": {"question": "q", "documents": "docs", "answers": "gold"},
}
RECORD: dict[str, Any] = {"q": "Who sang Aida?", "docs": [{"title": "Aida", "text": "An opera."}], "gold": ["Verdi"]}


def task_of(folder: Path, spec: dict[str, Any] | str, *records: dict[str, Any]) -> Task:
    (folder / "data.jsonl").write_text("\n".join(json.dumps(record) for record in records or (RECORD,)))
    path = folder / "mine.yaml"
    path.write_text(spec if isinstance(spec, str) else yaml.safe_dump(spec, sort_keys=False))
    return load_task(path)


def mapped(folder: Path, fields: dict[str, Any], record: dict[str, Any], kind: str = "em") -> Example:
    spec = {**MINIMAL, "kind": kind, "fields": {"question": "q", "answers": "gold", **fields}}
    spec["fields"] = {name: value for name, value in spec["fields"].items() if value is not None}
    [example] = task_of(folder, spec, {"q": "Why?", "gold": "x", **record}).load().examples
    return example


def docs_of(folder: Path, documents: Any, value: Any) -> list[tuple[str, str]]:
    return [(d.title, d.text) for d in mapped(folder, {"documents": documents}, {"docs": value}).docs or ()]


def test_a_few_lines_make_a_task(tmp_path: Path) -> None:
    task = task_of(tmp_path, MINIMAL)
    assert (task.name, task.kind, task.profile, task.prompt.name) == ("mine", "em", "alce", "cited_answer")
    assert task.headline == ("str_em", "citation_rec", "citation_prec")
    assert task.demonstrations() == ()
    dataset = task.load()
    assert tuple(dataset.examples) == (
        Example(
            "0",
            "Who sang Aida?",
            docs=(Document("Aida", "An opera."),),
            answers=(("Verdi",),),
            qa_pairs=(QAPair("Who sang Aida?", ("Verdi",)),),
        ),
    )
    assert (dataset.source, dataset.notes) == ("data.jsonl", ())
    assert pickle.loads(pickle.dumps(task)).load().sha256 == dataset.sha256


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"kind": "list"}, ("alce", "cited_list", "qampari_rec_top5")),
        ({"kind": "claims"}, ("alce", "cited_answer", "claims_nli")),
        ({"prompt": "trust"}, ("trust", "trust_answer", "trust_score")),
        ({"profile": "trust", "kind": "list"}, ("trust", "trust_list", "trust_score")),
        ({"prompt": "list", "profile": "trust"}, ("trust", "cited_list", "trust_score")),
        ({"headline": "length"}, ("alce", "cited_answer", "length")),
    ],
)
def test_prompt_profile_and_headline_fit_each_other_unless_named(
    spec: dict[str, Any], expected: tuple[str, str, str], tmp_path: Path
) -> None:
    task = task_of(tmp_path, {**MINIMAL, **spec})
    assert (task.profile, task.prompt.name, task.headline[0]) == expected


def test_prompt_texts_can_be_replaced(tmp_path: Path) -> None:
    prompt = {"base": "trust", "instruction": "Be brief.", "document": "<{title}> {text}", "system": "You are kind."}
    task = task_of(tmp_path, {**MINIMAL, "prompt": prompt})
    made = render_prompt(task.load().examples[0], task.prompt, num_docs=5)
    assert made.user == "Be brief.\n\n<Aida> An opera.\n\nQuestion: Who sang Aida?\n\nAnswer:"
    assert made.system == "You are kind."
    assert "Be brief." in render_prompt(task.load().examples[0], task.prompt, num_docs=0).user


@pytest.mark.parametrize(
    ("documents", "value", "expected"),
    [
        ("docs", [{"title": "T", "text": "a"}, {"text": "b"}], [("T", "a"), ("", "b")]),
        ("docs", ["a", "b"], [("", "a"), ("", "b")]),
        ("docs", "a", [("", "a")]),
        ("docs", {"title": "T", "text": "a"}, [("T", "a")]),
        ("docs", {"One": "a", "Two": "b"}, [("One", "a"), ("Two", "b")]),
        ("docs", [], []),
        ("docs", None, []),
        ("docs[].text", [{"text": "a"}, {"text": "b"}], [("", "a"), ("", "b")]),
        ("docs[1:]", ["a", "b", "c"], [("", "b"), ("", "c")]),
        ("docs.*", {"x": "a", "y": "b"}, [("", "a"), ("", "b")]),
        ("docs[0]", [["a", "b"]], [("", "a"), ("", "b")]),
        ({"path": "docs", "title": "meta.name", "text": "body"}, [{"meta": {"name": "N"}, "body": "a"}], [("N", "a")]),
        ({"path": "docs", "title": "[0]", "text": "[1:]"}, [["T", "a.", "b."]], [("T", "a. b.")]),
        ({"path": "docs", "text": "parts", "join": "|"}, [{"parts": ["a", "b"]}], [("", "a|b")]),
        ({"path": "docs", "decode": "json"}, '[{"title": "T", "text": "a"}]', [("T", "a")]),
        ({"path": "docs", "decode": "python_literal"}, "[{'title': 'T', 'text': 'a'}]", [("T", "a")]),
        ({"path": "docs", "decode": "json", "inside": "hits[].d"}, '{"hits": [{"d": "a"}]}', [("", "a")]),
        ({"path": "docs", "drop_repeated": True}, ["a", "b", "a"], [("", "a"), ("", "b")]),
        ({"path": "docs", "remove": r"\[\d+\] "}, ["[1] a", "b"], [("", "a"), ("", "b")]),
    ],
)
def test_documents_come_in_many_shapes(
    documents: Any, value: Any, expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert docs_of(tmp_path, documents, value) == expected


@pytest.mark.parametrize(
    ("answers", "value", "expected"),
    [
        ("gold", "x", (("x",),)),
        ("gold", ["x", "y"], (("x",), ("y",))),
        ("gold", [["x", "X"], ["y"]], (("x", "X"), ("y",))),
        ({"path": "gold", "list_of": "aliases"}, ["x", "X"], (("x", "X"),)),
        ({"path": "gold", "list_of": "aliases"}, [], ()),
        ("gold", "", ()),
        ("gold", ["", [" "], "x"], (("x",),)),
        ("gold", None, ()),
        ("gold[0].answer", [{"answer": "x"}, {"answer": "y"}], (("x",),)),
        ("gold[].answer", [{"answer": "x"}, {"answer": "y"}], (("x",), ("y",))),
        ('["a.b"].c', None, (("dotted",),)),
        ({"path": "gold", "decode": "python_literal"}, "[['x', 'X'], ['y']]", (("x", "X"), ("y",))),
        ({"path": "nowhere", "default": "d"}, "x", (("d",),)),
        ({"path": "gold", "default": "d"}, None, (("d",),)),
        ({"constant": ["c"]}, "x", (("c",),)),
    ],
)
def test_gold_answers_come_in_many_shapes(answers: Any, value: Any, expected: Any, tmp_path: Path) -> None:
    record = {"gold": value, "a.b": {"c": "dotted"}}
    assert mapped(tmp_path, {"answers": answers}, record).answers == expected


def test_claims_are_gold_answers_and_gold_answers_are_claims(tmp_path: Path) -> None:
    both = ("Aida is an opera.", "Verdi wrote it.")
    by_claims = mapped(tmp_path, {"claims": "gold", "answers": None}, {"gold": list(both)}, "claims")
    by_answers = mapped(tmp_path, {"answers": "gold"}, {"gold": [[both[0], "other words"], [both[1]]]}, "claims")
    assert by_claims.claims == by_answers.claims == both
    assert by_claims.answers == ((both[0],), (both[1],))
    assert by_claims.qa_pairs is None


def test_other_fields_are_mapped(tmp_path: Path) -> None:
    fields = {
        "id": "meta.key",
        "answer": {"path": "long", "remove": r" ?\[\d\]"},
        "response": "given",
        "extra": {"topic": "meta.topic", "fixed": {"constant": 3}},
    }
    record = {"meta": {"key": 12, "topic": "music"}, "long": "Verdi [1].", "given": "Verdi [1]."}
    example = mapped(tmp_path, fields, record)
    assert (example.id, example.answer, example.response) == ("12", "Verdi.", "Verdi [1].")
    assert example.extra == {"topic": "music", "fixed": 3}


@pytest.mark.parametrize(
    ("documents", "answerable", "record", "expected"),
    [
        ({"holds_answer": True}, None, {}, [(1, 1), (1, 1)]),
        ({"holds_answer": True}, None, {"gold": []}, [(), ()]),
        ({"holds_answer": True}, "ok", {"ok": False}, [(0, 0), (0, 0)]),
        ({"holds_answer": True}, "ok", {"ok": "No"}, [(0, 0), (0, 0)]),
        ({"holds_answer": True}, "ok", {"ok": "yes"}, [(1, 1), (1, 1)]),
        ({"holds_answer": True}, {"path": "ok", "equals": "FULL"}, {"ok": "PART"}, [(0, 0), (0, 0)]),
        ({"holds_answer": True}, {"path": "ok", "equals": "FULL"}, {"ok": "FULL"}, [(1, 1), (1, 1)]),
        ({"holds_answer": "gold"}, None, {}, [(1, 1), (0, 0)]),
        ({"holds_answer": "which"}, None, {}, [(0, 1), (1, 0)]),
        ({"holds_answer": False}, None, {}, [(0, 0), (0, 0)]),
        ({}, None, {}, [None, None]),
    ],
)
def test_what_documents_hold_can_be_said(
    documents: dict[str, Any], answerable: Any, record: dict[str, Any], expected: list[Any], tmp_path: Path
) -> None:
    docs = [{"text": "a", "gold": True, "which": [0, 1]}, {"text": "b", "gold": False, "which": [True, False]}]
    fields = {"documents": {"path": "docs", **documents}, "answerable": answerable}
    example = mapped(tmp_path, fields, {"docs": docs, "gold": ["x", "y"], **record})
    assert [document.answers_found for document in example.docs or ()] == expected
    assert example.answerable == any(any(found or ()) for found in expected)


def test_one_file_split_into_test_and_training_data(tmp_path: Path) -> None:
    records = [{**RECORD, "q": f"question {number}"} for number in range(5)]
    data, train = {"path": "data.jsonl", "limit": 2}, {"path": "data.jsonl", "skip": 2, "limit": 2}
    task = task_of(tmp_path, {**MINIMAL, "data": data, "train": train}, *records)
    asked = [[example.question[-1] for example in task.load(split=split).examples] for split in ("test", "train")]
    assert asked == [["0", "1"], ["2", "3"]]


def test_several_files_each_with_a_limit(tmp_path: Path) -> None:
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text(json.dumps([{**RECORD, "q": f"{name} {n}?"} for n in range(4)]))
    data = [{"path": "one.json", "limit": 2}, "two.json"]
    dataset = task_of(tmp_path, {**MINIMAL, "data": data, "train": "one.json"}).load()
    assert [example.id for example in dataset.examples] == ["one-0", "one-1", "two-0", "two-1", "two-2", "two-3"]
    assert dataset.source == "one.json + two.json"


def test_the_training_split_is_a_source_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "train.json").write_text(json.dumps([{**RECORD, "q": "Train?"}]))
    [example] = task_of(tmp_path, {**MINIMAL, "train": "train.json"}).load(split="train").examples
    assert example.question == "Train?"
    with pytest.raises(UsageError, match=r'names no training data \(field "train"\)'):
        task_of(tmp_path, MINIMAL).load(split="train")


def test_another_file_can_be_given_in_place_of_the_data(tmp_path: Path) -> None:
    task = task_of(tmp_path, {**MINIMAL, "data": "missing.jsonl"})
    assert len(task.load(str(tmp_path / "data.jsonl")).examples) == 1
    with pytest.raises(UsageError, match="has no embedded data"):
        task.load("embedded")
    with pytest.raises(UsageError, match=r"missing.jsonl does not exist; it is named in .*mine.yaml"):
        task.load()


def test_demonstrations_come_from_a_file_or_from_the_embedded_data(tmp_path: Path) -> None:
    demonstrations = tmp_path / "demos.jsonl"
    demonstrations.write_text(json.dumps({"question": "q", "docs": [{"text": "t"}], "response": "r [1]."}))
    assert [d.response for d in task_of(tmp_path, {**MINIMAL, "demonstrations": "demos.jsonl"}).demonstrations()] == [
        "r [1]."
    ]
    spec = {**MINIMAL, "demonstrations": {"embedded": "asqa"}}
    assert REFUSAL not in [d.response for d in task_of(tmp_path, spec).demonstrations()]
    assert REFUSAL in [d.response for d in task_of(tmp_path, {**spec, "profile": "trust"}).demonstrations()]
    demonstrations.write_text(json.dumps({"question": "q"}))
    with pytest.raises(DataError, match='demonstration "0": field "response" is missing'):
        task_of(tmp_path, {**MINIMAL, "demonstrations": "demos.jsonl"}).demonstrations()


YAML = """\
name: mine
kind: em
data:
  - path: data.jsonl
    limit: 5
fields:
  question: q
  documents:
    path: docs
  answers: gold
"""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            ("kind: em", "kinds: em"),
            r'line 2: unknown field "kinds"\. Did you mean "kind"\?\n  Known: data, demonstrations',
        ),
        (("kind: em", "kinds: em"), 'line 1: field "kind" is missing'),
        (("kind: em", "kind: ems"), r'line 2: field "kind" is .ems. \(a string\); it must be "em", "list" or "claims"'),
        (("name: mine", "name: a/b"), 'line 1: field "name": a name is made of letters'),
        (("name: mine", "name: 5"), r'line 1: field "name" is 5 \(a number\); it must be a valid string'),
        (("name: mine", "name: asqa"), 'the name "asqa" is already used by the task of groundeval.tasks.asqa'),
        (("limit: 5", "limits: 5"), r'line 5: unknown field "data\[0\].limits"\. Did you mean "limit"\?'),
        (("limit: 5", "limit: five"), r'line 5: field "data\[0\].limit" is .five. .*valid integer'),
        (("limit: 5", "limit: 0"), r'line 5: field "data\[0\].limit" is 0 .*greater than or equal to 1'),
        (("limit: 5", "limit: yes"), r'line 5: field "data\[0\].limit" is True \(a boolean\)'),
        (("limit: 5", "format: xml"), r'line 5: field "data\[0\].format" is .xml. .*"auto", "json" or "jsonl"'),
        (("  question: q", "  questions: q"), r'line 7: unknown field "fields.questions"\. Did you mean "question"\?'),
        (
            ("question: q", "question: a..b"),
            r"line 7: field \"fields.question.path\": in the path 'a..b': '.b' is not a field",
        ),
        (("question: q", "question: '[x]'"), "'\\[x\\]' is not a field name"),
        (("question: q", "question: ''"), "the path is empty"),
        (("question: q", "question: {decode: json}"), 'field "fields.question": give a path .* or a constant'),
        (("question: q", "question: {path: q, constant: x}"), "give a path .* or a constant"),
        (("question: q", "question: {path: q, decode: xml}"), 'it must be "json" or "python_literal"'),
        (("question: q", "question: {path: q, remove: '('}"), "not a regular expression"),
        (
            ("    path: docs", "    path: docs\n    titel: x"),
            r'line 10: unknown field "fields.documents.titel"\. Did you mean "title"',
        ),
        (("    path: docs", "    path: docs\n    text: a b]"), 'field "fields.documents.text": in the path'),
        (("  answers: gold\n", ""), "map `answers` or `claims` under `fields`"),
        (("answers: gold", "claims: gold"), "`claims` are gold data of kind claims, and the kind is em"),
        (("name: mine", "name: mine\nname: yours"), r'line 2: field "name" is given twice \(first on line 1\)'),
        (("name: mine", "name: [mine"), "is not YAML: .*line"),
        (
            ("name: mine", "name: mine\nprofile: alcee"),
            r'field "profile": unknown profile "alcee"\. Did you mean "alce"',
        ),
        (("name: mine", "name: mine\nprompt: trusty"), 'field "prompt.base" is .trusty.'),
        (("name: mine", "name: mine\nprompt: {document: x}"), r"lacks the placeholder \{text\}"),
        (("name: mine", "name: mine\ndistractors: {count: 0}"), 'line 2: field "distractors.count" is 0'),
        (("name: mine", "name: mine\ndemonstrations: {embedded: x}"), 'field "demonstrations.embedded" is .x.'),
        (("name: mine", "name: mine\ndemonstrations: {}"), "give the path of a file"),
    ],
)
def test_what_is_wrong_in_a_yaml_file_is_said(change: tuple[str, str], says: str, tmp_path: Path) -> None:
    assert change[0] in YAML
    with pytest.raises((DataError, UsageError), match=says) as raised:
        task_of(tmp_path, YAML.replace(*change))
    assert str(tmp_path / "mine.yaml") in str(raised.value) or "prompt template" in str(raised.value)


@pytest.mark.parametrize("text", ["", "- a", "just text", "12"])
def test_a_yaml_file_without_fields_is_an_error(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must hold fields"):
        task_of(tmp_path, text)


def test_yaml_anchors_that_contain_themselves_do_no_harm(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="an alias that holds itself"):
        task_of(tmp_path, "&a [*a]")


@pytest.mark.parametrize(
    ("fields", "record", "says"),
    [
        (
            {"question": "input"},
            {},
            r'field "question" \(path "input" in .*mine.yaml\): "input" does not exist; there is "q"',
        ),
        ({"question": "q.x"}, {}, '"q.x" does not exist: "q" is a string, not an object'),
        ({"question": "q"}, {"q": None}, "the value is null; it must be a string that is not empty"),
        ({"question": "q"}, {"q": float("nan")}, "the value is NaN"),
        ({"question": "gold[3]"}, {"gold": ["x"]}, r'"gold\[3\]" does not exist: the list has 1 elements'),
        ({"answers": "gold[].a"}, {"gold": [{"a": "x"}, {}]}, r'"gold\[1\].a" does not exist; there is nothing'),
        ({"answers": "gold.*"}, {"gold": "x"}, r'"gold.\*" does not exist: "gold" is a string, not an object'),
        ({"answers": "gold[]"}, {"gold": "x"}, r'"gold\[\]" does not exist: "gold" is a string, not a list'),
        ({"answers": "gold"}, {"gold": [1]}, 'field "answers" .* the value is 1'),
        ({"answers": {"path": "gold", "decode": "json"}}, {"gold": "[1"}, "cannot be decoded as json: "),
        (
            {"answers": {"path": "gold", "decode": "json"}},
            {"gold": ["x"]},
            "must be a string, because of `decode: json`",
        ),
        ({"answers": {"path": "gold", "decode": "python_literal"}}, {"gold": "open('x')"}, "decoded as python_literal"),
        ({"answers": {"path": "gold", "decode": "python_literal"}}, {"gold": "(" * 9999}, "decoded as python_literal"),
        ({"documents": "docs"}, {"docs": [5]}, r'field "documents\[0\]" .* the value is 5 .*an object with a title'),
        ({"documents": "docs"}, {"docs": [{"title": "x"}]}, r'in documents\[0\], text: "text" does not exist'),
        (
            {"documents": "docs"},
            {"docs": [{"text": None}]},
            r'"documents\[0\].text" is missing: a document needs a text',
        ),
        ({"documents": "docs"}, {"docs": [{"text": 5}]}, r'field "documents\[0\].text"'),
        ({"documents": "docs"}, {"docs": [["a", "b"]]}, "for a list, give paths"),
        ({"documents": {"path": "docs", "title": "t"}}, {"docs": [{"text": "x"}]}, r"in documents\[0\], title: "),
        (
            {"documents": {"path": "docs", "holds_answer": "h"}},
            {"docs": [{"text": "x", "h": 2}]},
            "true or false, or a list of 1",
        ),
        ({"id": "docs"}, {"docs": []}, 'field "id" .* a whole number'),
        ({"claims": "gold", "answers": None}, {"gold": [2]}, 'field "claims" .* the value is 2'),
    ],
)
def test_a_record_that_does_not_fit_the_mapping_is_named_with_field_and_path(
    fields: dict[str, Any], record: dict[str, Any], says: str, tmp_path: Path
) -> None:
    kind = "claims" if "claims" in fields else "em"
    with pytest.raises(DataError, match=says) as raised:
        mapped(tmp_path, fields, record, kind)
    assert "data.jsonl, record 1" in str(raised.value)


def test_ids_that_repeat_between_files_are_named(tmp_path: Path) -> None:
    for name in ("one.json", "two.json"):
        (tmp_path / name).write_text(json.dumps([{**RECORD, "id": "x"}]))
    spec = {**MINIMAL, "data": ["one.json", "two.json"], "fields": {**MINIMAL["fields"], "id": "id"}}
    with pytest.raises(DataError, match=r'two.json, record 1: the id "x" is already used by record 1 of .*one.json'):
        task_of(tmp_path, spec).load()
