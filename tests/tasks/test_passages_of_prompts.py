"""Prompts that hold the question and the passages: taken apart where both are clear, else left as they are."""

from __future__ import annotations

from typing import Any

import pytest

from groundeval.run.options import ScoreOptions
from groundeval.run.outputs import read_outputs
from groundeval.tasks import load_task
from groundeval.tasks.formats.outputs.parts import Part
from groundeval.tasks.formats.outputs.prompts import question_and_passages, standing_passages, with_told
from groundeval.tasks.formats.outputs.sources import documents_from

Q = "What is the capital of Norway?"
A, B = "Oslo is the capital.", "Bergen lies in the west."
PLAIN = (Q, [("", A), ("", B)])
TITLED = (Q, [("Oslo", A), ("Bergen", B)])

TAGS = f'<document id="1">{A}</document>\n<document id="2">{B}</document>'
LONG = (
    f'<documents>\n<document index="1">\n<source>Oslo</source>\n<document_content>\n{A}\n</document_content>\n'
    f'</document>\n<document index="2"><source>Bergen</source><document_content>{B}</document_content></document>\n'
    "</documents>"
)


def taken_apart(prompt: str) -> Any:
    found = question_and_passages(prompt)
    return None if found is None else (found[0], pairs(found[1]))


def pairs(docs: Any) -> list[tuple[str, str | None]]:
    return [(each.title, each.text) for each in documents_from(docs, "prompt")]


CLEAR = {
    "passages first": (f"Cite.\n\n[1] {A}\n[2] {B}\n\nQuestion: {Q}", PLAIN),
    "the question first": (f"Question: {Q}\n\nDocument 1: {A}\n\nDocument 2: {B}\n\nAnswer:", PLAIN),
    "headings": (f"## Documents\n\n[1]\n{A}\n\n[2]\n{B}\n\n## Question\n\n{Q}\n\n## Answer\n", PLAIN),
    "bold labels": (f"Document [1]: {A}\nDocument [2]: {B}\n\n**Question:** {Q}\n\nAnswer in one sentence.", PLAIN),
    "instructions after them": (f"[1] {A}\n[2] {B}\n\nUse only these.\n\nUser query: {Q}", PLAIN),
    "titles in lines": (f"[1] Title: Oslo\n{A}\n\n[2] Title: Bergen\nText: {B}\n\nQuestion: {Q}", TITLED),
    "titles in brackets": (f"Doc [1](Title: Oslo): {A}\nDoc [2](Title: Bergen): {B}\n\nQuestion: {Q}", TITLED),
    "lines of another system": (f"[1] {A}\r\n[2] {B}\r\n\r\nQuestion: {Q}\r\n", PLAIN),
    "paragraphs": (f"Document 1: {A}\n\nIt is old.\nDocument 2: {B}\nQuestion: {Q}",
                   (Q, [("", f"{A}\n\nIt is old."), ("", B)])),
    "tags, then what asks": (f"Answer with citations.\n\n{TAGS}\n\n{Q}", PLAIN),
    "tags, then what asks, in one line": (f"{TAGS}{Q}", PLAIN),
    "what asks, then tags": (f"{Q}\n\n{TAGS}\n", PLAIN),
    "tags and a line": (f"{TAGS}\n\nUse only these.\n\nCite them.\n\nQuestion: {Q}\nAnswer:", PLAIN),
    "tags and a tag": (f"Use these.\n{TAGS}\n<user_question>{Q}</user_question>\nCite them. Will you?", PLAIN),
    "other names": (f"<doc index='1'>{A}</doc><doc index='2'>{B}</doc>\n{Q}", PLAIN),
    "names with numbers": (f"<source_1>{A}</source_1>\n<source_2>{B}</source_2>\n{Q}", PLAIN),
    "no numbers": (f"<passage>{A}</passage>\n\n<passage>{B}</passage>\n{Q}", PLAIN),
    "one document": (f"<document>{A}</document>\n{Q}", (Q, [("", A)])),
    "titles in tags": (f'<source id=1 title="Oslo">{A}</source> <source id=2 title="Bergen">{B}</source>{Q}', TITLED),
    "elements of their own": (f"{LONG}\n\n{Q}", TITLED),
    "a tag around numbers": (f"<context>\n[1] {A}\n\n[2] {B}\n\nMore.\n</context>\n\n{Q}",
                             (Q, [("", A), ("", f"{B}\n\nMore.")])),
    "tags that are mentioned": (f"Use the <document> tags in <documents>.\n<documents>{TAGS}</documents>\n{Q}", PLAIN),
    "HTML in a document": (f"<document><p>{A}</p><p>More.</p></document>{Q}", (Q, [("", f"<p>{A}</p><p>More.</p>")])),
}  # fmt: skip


@pytest.mark.parametrize("name", CLEAR)
def test_a_prompt_is_taken_apart_where_question_and_passages_are_clear(name: str):
    prompt, expected = CLEAR[name]
    assert taken_apart(prompt) == expected


UNCLEAR = {
    "no question is named": f"[1] {A}\n[2] {B}\n\n{Q}",
    "two questions": f"[1] {A}\n[2] {B}\n\nQuestion: Why?\nAnswer: So.\n\nQuestion: {Q}",
    "one passage": f"[1] {A}\n\nQuestion: {Q}",
    "numbers begin again": f"[1] {A}\n[2] {B}\n[1] {A}\n[2] {B}\n\nQuestion: {Q}",
    "a question between passages": f"[1] {A}\nQuestion: {Q}\n[2] {B}",
    "a numbered list": f"1. {A}\n2. {B}\n\nQuestion: {Q}",
    "the end of the last passage is not known": f"[1] {A}\n\nMore.\n\n[2] {B}\n\nUse these.\n\nQuestion: {Q}",
    "a question without words": f"[1] {A}\n[2] {B}\n\nQuestion:",
    "a question": Q,
    "tags, then an instruction": f"{TAGS}\n\nAnswer briefly and cite.",
    "tags, then two paragraphs": f"{TAGS}\n\nCite.\n\n{Q}",
    "tags and two questions": f"<question>Why?</question>{TAGS}<question>{Q}</question>",
    "tags and a line and a tag": f"Question: Why?\n\n{TAGS}\n<question>{Q}</question>",
    "tags of an example": f"<document>{A}</document>\nQuestion: Why?\n\n<document>{B}</document>\n{Q}",
    "tags with a text between": f'<document id="1">{A}</document> and <document id="2">{B}</document>\n{Q}',
    "tags whose numbers begin elsewhere": f'<document id="3">{A}</document><document id="4">{B}</document>\n{Q}',
    "tags that are not closed": f'<document id="1">{A}<document id="2">{B}</document>\n{Q}',
    "other tags": f"<rule>{A}</rule><rule>{B}</rule>\n{Q}",
    "an empty tag": f"Answer in <result></result> tags. {Q}",
    "a form to answer in": f"Answer as <result>your answer</result>. {Q}",
    "a context without numbers": f"<context>{A}</context>\n{Q}",
    "HTML": "<div>" * 3_000 + f"<document>{A}</document>{Q}",
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_a_prompt_stays_whole_where_either_is_unclear(name: str):
    assert question_and_passages(UNCLEAR[name]) is None


STANDING = {
    "a word and a line": f"Answer from these.\n\nDocument 1:\n{A}\n\nDocument 2:\n{B}\n\nBe brief.",
    "brackets after a line that says so": f"You cite.\n\nSources:\n[1] {A}\n[2] {B}",
    "brackets after a heading": f"# Context\n[1] {A}\n[2] {B}",
    "nothing else": f"[1] {A}\n[2] {B}",
    "tags": f"Answer from these.\n{TAGS}\nBe brief. Will you?",
    "a tag around numbers": f"<context>[1] {A}\n[2] {B}</context>\n\nCite.",
}
NO_PASSAGES = {
    "rules": f"Follow these rules:\n[1] {A}\n[2] {B}",
    "an instruction": "You answer with citations.",
    "its end is not known": f"Document 1: {A}\n\nMore.\n\nDocument 2: {B}\n\nBe brief.",
}


@pytest.mark.parametrize("name", STANDING)
def test_passages_that_the_system_was_told_are_the_documents_of_what_the_user_asks(name: str):
    told = STANDING[name]
    assert pairs(standing_passages(told)) == PLAIN[1]
    user = {"role": "user", "content": Q}
    for record in (
        {"messages": [{"role": "system", "content": told}, user]},
        {"request": {"messages": [{"role": "developer", "content": [{"type": "text", "text": told}]}, user]}},
        {"request": {"system": [{"type": "text", "text": told}], "messages": [user]}},
        {"request": {"instructions": told, "input": [user]}},
        {"system_prompt": told, "query": Q},
        {"system_prompt": told, "question": Q},
        {"messages": [{"role": "system", "content": told}, {"role": "user", "content": f"Question: {Q}\nAnswer:"}]},
    ):
        for said in ({"output": "It is Oslo [1]."}, {"response": {"choices": [{"message": SAID}]}}):
            outputs = read_outputs(ScoreOptions(predictions=[{**record, **said}]), load_task("own"))
            [example] = [each.example for each in outputs.responses]
            assert (example.question, [(doc.title, doc.text) for doc in example.docs or ()]) == PLAIN


@pytest.mark.parametrize("name", NO_PASSAGES)
def test_what_else_the_system_was_told_is_no_document(name: str):
    assert standing_passages(NO_PASSAGES[name]) == []


def test_passages_beside_the_question_come_before_those_that_the_system_was_told():
    turns = [{"role": "system", "content": f"Document 1: {B}\nDocument 2: {B}"}, {"role": "user", "content": TAGS + Q}]
    outputs = read_outputs(ScoreOptions(predictions=[{"messages": turns, "output": "Oslo [1]."}]), load_task("own"))
    [example] = [each.example for each in outputs.responses]
    assert [doc.text for doc in example.docs or ()] == [A, B]


def test_an_answer_that_ends_with_its_sources_has_no_documents_because_of_them():
    said = f"Oslo [1].\n\nSources:\n[1] {A}\n[2] {B}"
    parts = {"question": Part(Q, "userMessage"), "output": Part(said, "systemMessage")}
    assert with_told(parts, {"userMessage": Q, "systemMessage": said}) == parts


def test_ids_of_tags_are_what_the_answer_cites():
    prompt = f"<document id='guide'>{A}</document><document id='faq'>{B}</document>{Q}"
    outputs = read_outputs(ScoreOptions(predictions=[{"prompt": prompt, "output": "Oslo [faq]."}]), load_task("own"))
    [response] = outputs.responses
    assert (response.example.question, response.text) == (Q, "Oslo [2].")


def test_a_field_of_documents_between_tags_is_read_by_documents():
    outputs = read_outputs(
        ScoreOptions(predictions=[{"question": Q, "output": "Oslo [1].", "context": LONG}]), load_task("own")
    )
    assert [(doc.title, doc.text) for doc in outputs.responses[0].example.docs or ()] == TITLED[1]


SAID = {"role": "assistant", "content": "It is Oslo [1]."}


def logged(prompt: str, **more: Any) -> dict[str, Any]:
    said = {"choices": [{"message": {"role": "assistant", "content": "It is Oslo [1]."}}]}
    return {"request": {"messages": [{"role": "user", "content": prompt}]}, "response": said, **more}


def test_a_prompt_without_passages_among_prompts_with_them_is_a_question_without_documents():
    records = [logged(f"[1] {A}\n[2] {B}\n\nQuestion: {Q}"), logged(Q)]
    outputs = read_outputs(ScoreOptions(predictions=records), load_task("own"))
    examples = [each.example for each in outputs.responses]
    assert [each.question for each in examples] == [Q, Q]
    assert [[doc.text for doc in each.docs or ()] for each in examples] == [[A, B], []]
    assert outputs.reader.documents_at is None


@pytest.mark.parametrize("gold", [{}, {"answers": [["Oslo"]]}])
def test_a_prompt_under_the_names_of_groundevals_own_format_is_taken_apart(gold: Any):
    record = {"question": f"{TAGS}\n{Q}", "output": "Oslo [1].", **gold}
    outputs = read_outputs(ScoreOptions(predictions=[record]), load_task("own"))
    [example] = [each.example for each in outputs.responses]
    assert (example.question, [(doc.title, doc.text) for doc in example.docs or ()]) == PLAIN
    assert example.answers == ((("Oslo",),) if gold else None)


def test_documents_beside_the_prompt_are_the_documents():
    prompt = f"[1] {A}\n[2] {B}\n\nQuestion: {Q}"
    outputs = read_outputs(ScoreOptions(predictions=[logged(prompt, documents=["Other."])]), load_task("own"))
    [example] = [each.example for each in outputs.responses]
    assert [doc.text for doc in example.docs or ()] == ["Other."]
