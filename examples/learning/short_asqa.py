"""ASQA's questions with two documents of one sentence each: small enough to train on without a GPU.

Made of the sub-questions of ASQA for which a passage of the data has a short sentence with the short answer. Half of
the held-out questions keep that sentence, beside one of another question; the other half get two sentences of other
questions, so that their documents do not answer. For training every question comes in both forms.

The file: ASQA rows with `qa_pairs`, for instance gpt-3.5-turbo-instruct_result_dataset.jsonl of
github.com/gomate-community/rageval (Apache-2.0), at the path below or as `source`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import groundeval
from groundeval.errors import DataError
from groundeval.generation.prompts import PromptTemplate
from groundeval.parsing.normalize import normalize, present
from groundeval.parsing.statements import sentences
from groundeval.parsing.strict.matching import holds, tokens
from groundeval.records import Document, Example
from groundeval.storage.json_records import read_records
from groundeval.tasks.formats.examples import content_hash
from groundeval.tasks.task import Dataset, Task

FILE = Path(__file__).parents[3] / "shared/data/rageval_asqa/gpt-3.5-turbo-instruct_result_dataset.jsonl"
HELD_OUT = 120
"""Questions of ASQA that are held out; one sub-question of each."""
WORDS = range(6, 21)
"""Lengths of the sentences."""

PROMPT = PromptTemplate(
    "short_asqa",
    instruction="",
    document="[{index}] {text}",
    question="Question: {question}",
    answer="Answer:",
    separator="\n",
    document_separator="\n",
    system="Answer from the documents and cite them, like [1]. If they hold no answer, apologize.",
)


@groundeval.register_task("short_asqa")
def short_asqa() -> Task:
    """ASQA's sub-questions with two documents of one sentence, half of them unanswerable (Trust-Score protocol)."""
    return Task(
        name="short_asqa",
        kind="em",
        load=load,
        prompt=PROMPT,
        profile="trust",
        headline=("trust_score",),
        description="ASQA's sub-questions with two documents of one sentence, half of them without the answer",
        licence="Apache-2.0 (github.com/gomate-community/rageval)",
    )


def load(source: str | None = None, split: str = "test") -> Dataset:
    """The held-out questions (`test`) or those for training (`train`). Raises DataError if the file is missing."""
    path = Path(source or FILE)
    if not path.is_file():
        raise DataError(f"{path}: no such file.\n  Download it from github.com/gomate-community/rageval.")
    asked = sorted(questions(path), key=lambda each: drawn(each["asqa"], each["question"]))
    held_out = list(dict.fromkeys(each["asqa"] for each in asked))[:HELD_OUT]
    inside = [each for each in asked if each["asqa"] in held_out]
    outside = [each for each in asked if each["asqa"] not in held_out]
    if split == "train":
        made = [example(each, outside, keep=keep) for each in outside for keep in (True, False)]
    else:
        first = {each["asqa"]: each for each in reversed(inside)}
        made = [example(first[asqa], inside, keep=place % 2 == 0) for place, asqa in enumerate(held_out)]
    examples = tuple(made)
    return Dataset(examples, path.name, content_hash(examples))


def questions(path: Path) -> Iterator[dict[str, Any]]:
    """The sub-questions that a sentence of a passage answers: `asqa`, `question`, `answers`, `sentence`."""
    for number, record in enumerate(read_records(path)):
        known = [each["content"] or "" for note in record.data["annotations"] for each in note["knowledge"]]
        for pair in record.data["qa_pairs"]:
            asked, answers = pair["question"].split("|")[0], tuple(pair["short_answers"])
            said = [sentence for text in (pair["context"], *known) for sentence in sentences(text)]
            stating = [each for each in said if answering(each, asked, answers)]
            if stating:
                yield {"asqa": number, "question": asked, "answers": answers, "sentence": stating[0]}


def answering(sentence: str, question: str, answers: Sequence[str]) -> bool:
    """Whether a sentence is short, states an answer, and shares a word with the question."""
    common = {*words(question)} & {*words(sentence)}
    stated = present(answers, normalize(sentence)) and holds(answers, tokens(sentence))
    return len(sentence.split()) in WORDS and bool(common) and stated


def words(text: str) -> list[str]:
    """The words of a text that are long enough to say what it is about."""
    return [word for word in normalize(text).split() if len(word) > 3]


def example(asked: dict[str, Any], others: Sequence[dict[str, Any]], *, keep: bool) -> Example:
    """A question with two documents, at drawn positions: its own sentence if `keep`, the others of other questions."""
    aliases = asked["answers"]
    foreign = {each["sentence"] for each in others if each["asqa"] != asked["asqa"]}
    strange = sorted(
        (sentence for sentence in foreign if not present(aliases, normalize(sentence))),
        key=lambda sentence: drawn(asked["question"], sentence, keep),
    )
    chosen = [asked["sentence"], strange[0]] if keep else strange[:2]
    chosen.sort(key=lambda sentence: drawn(sentence, asked["question"]))
    docs = tuple(Document("", text, answers_found=(int(keep and text == asked["sentence"]),)) for text in chosen)
    name = hashlib.sha256(asked["question"].encode()).hexdigest()[:10]
    return Example(f"{name}-{'own' if keep else 'exchanged'}", asked["question"], docs, answers=(aliases,))


def drawn(*of: object) -> bytes:
    """A number that orders things at random, the same on every machine."""
    return hashlib.sha256("\n".join(map(str, of)).encode()).digest()
