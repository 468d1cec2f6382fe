"""Prompts that hold the question and the passages: taken apart where both are clear, else left as they are."""

from __future__ import annotations

from typing import Any

import pytest

from groundeval.run.options import ScoreOptions
from groundeval.run.outputs import read_outputs
from groundeval.tasks import load_task
from groundeval.tasks.formats.outputs.numbered import question_and_passages

Q = "What is the capital of Norway?"
A, B = "Oslo is the capital.", "Bergen lies in the west."
PLAIN = (Q, [("", A), ("", B)])
TITLED = (Q, [("Oslo", A), ("Bergen", B)])

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
}  # fmt: skip


@pytest.mark.parametrize("name", CLEAR)
def test_a_prompt_is_taken_apart_where_question_and_passages_are_clear(name: str):
    prompt, expected = CLEAR[name]
    assert question_and_passages(prompt) == expected


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
}


@pytest.mark.parametrize("name", UNCLEAR)
def test_a_prompt_stays_whole_where_either_is_unclear(name: str):
    assert question_and_passages(UNCLEAR[name]) is None


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


def test_documents_beside_the_prompt_are_the_documents():
    prompt = f"[1] {A}\n[2] {B}\n\nQuestion: {Q}"
    outputs = read_outputs(ScoreOptions(predictions=[logged(prompt, documents=["Other."])]), load_task("own"))
    [example] = [each.example for each in outputs.responses]
    assert [doc.text for doc in example.docs or ()] == ["Other."]
