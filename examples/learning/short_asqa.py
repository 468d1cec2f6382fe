"""ASQA's questions with two documents, each a title and a sentence: small enough to train on without a GPU.

Made of the sub-questions of ASQA for which a passage of the data has a short sentence with the short answer. A question
comes in two forms: with that sentence beside one of another question, or with two sentences of other questions, so that
its documents do not answer. For training every sub-question comes in both forms; of a held-out question of ASQA the
first sub-question is answerable and the last is not.

The file: ASQA rows with `qa_pairs`, for instance gpt-3.5-turbo-instruct_result_dataset.jsonl of
github.com/gomate-community/rageval (Apache-2.0), at the path below or as `source`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import groundeval
from groundeval.errors import DataError
from groundeval.generation.prompts import PromptTemplate
from groundeval.parsing.normalize import normalize, present
from groundeval.parsing.statements import sentences
from groundeval.parsing.strict.matching import holds
from groundeval.parsing.strict.tokens import tokens
from groundeval.records import Document, Example
from groundeval.storage.json_records import read_records
from groundeval.tasks.formats.examples import content_hash
from groundeval.tasks.task import Dataset, Task

FILE = Path(__file__).parents[3] / "shared/data/rageval_asqa/gpt-3.5-turbo-instruct_result_dataset.jsonl"
HELD_OUT = 120
"""Questions of ASQA that are held out for the results, with two samples each."""
DEV = 40
"""Further questions of ASQA that are neither trained on nor used for results: what settings are tried on."""
WORDS = range(6, 25)
"""Lengths of the sentences."""

PROMPT = PromptTemplate(
    "short_asqa",
    instruction="",
    document="[{index}] {title}: {text}",
    question="Question: {question}",
    answer="Answer:",
    separator="\n",
    document_separator="\n",
    system="Answer from the documents and cite them, like [1]. If they hold no answer, apologize.",
)


@groundeval.register_task("short_asqa_dev")
def short_asqa_dev() -> Task:
    """The same of the questions for trying settings."""
    return replace(short_asqa(), name="short_asqa_dev", load=lambda source=None, split="test": made(source, "dev"))


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
    return made(source, split)


@cache
def made(source: str | None, split: str) -> Dataset:
    """The questions of `test`, `dev` or `train`, from different questions of ASQA."""
    path = Path(source or FILE)
    if not path.is_file():
        raise DataError(f"{path}: no such file.\n  Download it from github.com/gomate-community/rageval.")
    asked = sorted(questions(path), key=lambda each: drawn(each["asqa"], each["question"]))
    order = list(dict.fromkeys(each["asqa"] for each in asked))
    parts = {"test": order[:HELD_OUT], "dev": order[HELD_OUT : HELD_OUT + DEV], "train": order[HELD_OUT + DEV :]}
    inside = [each for each in asked if each["asqa"] in parts[split]]
    if split == "train":
        apart = {each["sentence"] for each in asked if each["asqa"] not in parts[split]}
        inside = [each for each in inside if each["sentence"] not in apart]
        pairs = [(each, keep) for each in inside for keep in (True, False)]
    else:
        of = {asqa: [each for each in inside if each["asqa"] == asqa] for asqa in parts[split]}
        pairs = [pair for each in of.values() for pair in ((each[0], True), (each[-1], False))]
    examples = tuple(example(each, inside, keep=keep) for each, keep in pairs)
    return Dataset(examples, path.name, content_hash(examples))


def questions(path: Path) -> Iterator[dict[str, Any]]:
    """The sub-questions that a sentence of a passage answers: `asqa`, `question`, `answers`, `title`, `sentence`."""
    for number, record in enumerate(read_records(path)):
        known = [
            (each["wikipage"], each["content"]) for note in record.data["annotations"] for each in note["knowledge"]
        ]
        for pair in record.data["qa_pairs"]:
            asked, answers = pair["question"].split("|")[0], tuple(pair["short_answers"])
            passages = [(pair["wikipage"], pair["context"]), *known]
            said = [(title, sentence) for title, text in passages if title for sentence in sentences(text or "")]
            stating = [each for each in said if answering(each[1], asked, answers)]
            if stating:
                title, sentence = min(stating, key=lambda each: len(each[1]))
                yield {"asqa": number, "question": asked, "answers": answers, "title": title, "sentence": sentence}


def answering(sentence: str, question: str, answers: Sequence[str]) -> bool:
    """Whether a sentence is short, states an answer, and shares a word with the question."""
    stated = present(answers, normalized(sentence)) and holds(answers, tokens(sentence))
    return len(sentence.split()) in WORDS and not words(question).isdisjoint(words(sentence)) and stated


# Every question is compared with the sentences of all others.
normalized = cache(normalize)


@cache
def words(text: str) -> frozenset[str]:
    """The words of a text that are long enough to say what it is about."""
    return frozenset(word for word in normalized(text).split() if len(word) > 3)


def example(asked: dict[str, Any], others: Sequence[dict[str, Any]], *, keep: bool) -> Example:
    """A question with two documents, at drawn positions: its own sentence if `keep`, the others of other questions."""
    aliases = asked["answers"]
    foreign = {
        each["sentence"]: each["title"]
        for each in others
        if each["asqa"] != asked["asqa"]
        and not present(aliases, normalized(each["sentence"]))
        and words(asked["question"]).isdisjoint(words(f"{each['title']} {each['sentence']}"))
    }
    strange = sorted(foreign, key=lambda sentence: drawn(asked["question"], sentence, keep))
    chosen = [(asked["title"], asked["sentence"])] if keep else []
    chosen += [(foreign[sentence], sentence) for sentence in strange[: 2 - len(chosen)]]
    chosen.sort(key=lambda each: drawn(each[1], asked["question"]))
    docs = tuple(
        Document(title, text, answers_found=(int(keep and text == asked["sentence"]),)) for title, text in chosen
    )
    name = hashlib.sha256(asked["question"].encode()).hexdigest()[:10]
    return Example(f"{name}-{'own' if keep else 'exchanged'}", asked["question"], docs, answers=(aliases,))


def drawn(*of: object) -> bytes:
    """A number that orders things at random, the same on every machine."""
    return hashlib.sha256("\n".join(map(str, of)).encode()).digest()
