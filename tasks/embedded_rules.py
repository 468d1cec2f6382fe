"""Rules of the embedded data: sizes, and labels that can be verified from the text itself.

They are stricter than for other data sets: the lexical verifier, which needs no model, must agree with the labels, so
that the demonstration of the whole pipeline gives meaningful numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from groundeval.nli.verifiers.lexical import tokens
from groundeval.parsing.citations import citations, remove_citations
from groundeval.parsing.normalize import normalize, normalized_alias, present
from groundeval.parsing.refusal import REFUSAL
from groundeval.parsing.statements import list_items, sentences
from groundeval.records import Document, Example, as_premise
from groundeval.tasks.formats.sources import embedded

SIZES = {"test": (12, 4), "train": (8, 3), "demos": (6, 2)}
"""For each split: least number of examples, and of unanswerable ones among them."""

WORDS = range(40, 91)
"""Allowed lengths of a document's text, in words."""

Fault = tuple[str, str]


def embedded_problems(dataset: str) -> list[Fault]:
    """Every broken rule of a data set's three files, as (where, what)."""
    faults: list[Fault] = []
    questions: dict[str, str] = {}
    texts: dict[str, str] = {}
    for split, (size, refused) in SIZES.items():
        examples = embedded(dataset, split).examples
        if len(examples) < size:
            faults.append((split, f"{len(examples)} examples; at least {size} are required"))
        if sum(not example.answerable for example in examples) < refused:
            faults.append((split, f"fewer than {refused} unanswerable examples"))
        for number, example in enumerate(examples, 1):
            where = f'example "{example.id}"'
            faults += [(where, what) for what in example_faults(example, dataset)]
            if example.id != f"{dataset}-{split}-{number:02d}":
                faults.append((where, f"its id must be {dataset}-{split}-{number:02d}"))
            named = [(questions, normalize(example.question), "question")]
            named += [(texts, document.text, f"docs[{index}]") for index, document in enumerate(example.docs or ())]
            for seen, text, what in named:
                if seen.setdefault(text, where) != where:
                    faults.append((where, f"{what} is also in {seen[text]}"))
    return faults


def example_faults(example: Example, dataset: str) -> Iterator[str]:
    """Broken rules of one example."""
    docs, answers = example.docs or (), example.answers or ()
    if not 3 <= len(docs) <= 5:
        yield f"{len(docs)} documents; 3 to 5 are required"
    for index, document in enumerate(docs):
        words = len(document.text.split())
        if words not in WORDS:
            yield f"docs[{index}] has {words} words; {WORDS[0]} to {WORDS[-1]} are required"
        yield from _flag_faults(document, index, answers, dataset)
    if all(any(document.answers_found or ()) for document in docs):
        yield "no document is a distractor"
    yield from _shape_faults(example, dataset)
    response = example.response or ""
    if not example.answerable:
        if response != REFUSAL:
            yield "it is unanswerable, so its response must be the refusal, word for word"
        return
    yield from _statement_faults(example, response, dataset)
    for aliases, supported in zip(answers, example.supported, strict=True):
        if supported and not _answers(response, aliases, dataset):
            yield f"the response lacks the supported answer {aliases[0]!r}"


def _flag_faults(document: Document, index: int, answers: Sequence[tuple[str, ...]], dataset: str) -> Iterator[str]:
    found = document.answers_found
    if found is None or len(found) != len(answers):
        yield f"docs[{index}].answers_found must have {len(answers)} entries"
        return
    for aliases, flag in zip(answers, found, strict=True):
        if dataset in ("asqa", "qampari"):
            if flag != present(aliases, normalize(document.text)):
                yield f"docs[{index}] is marked {flag} for {aliases[0]!r}, which contradicts its text"
        elif flag and not _entails(document.premise, aliases[0]):
            yield f"docs[{index}] is marked as supporting {aliases[0]!r} but has less than half of its words"


def _shape_faults(example: Example, dataset: str) -> Iterator[str]:
    if dataset == "asqa":
        pairs = example.qa_pairs or ()
        if tuple(pair.short_answers for pair in pairs) != example.answers:
            yield "the short answers of qa_pairs differ from answers"
        if len(pairs) < 2:
            yield "an ambiguous question needs two sub-questions or more"
        if len(example.annotations or ()) != 2:
            yield "two long answers (annotations) are required"
    if dataset in ("eli5", "expertqa") and tuple((claim,) for claim in example.claims or ()) != example.answers:
        yield "every claim must be a gold answer of its own, in the same order"


def _statement_faults(example: Example, response: str, dataset: str) -> Iterator[str]:
    docs = example.docs or ()
    statements = sentences(response)
    if dataset == "qampari":
        statements = tuple(f"{example.question} {item}" for item in list_items(response))
    for statement in statements:
        cited, hypothesis = citations(statement), remove_citations(statement).strip()
        if not cited or not all(0 <= index < len(docs) for index in cited):
            yield f"a statement of the response cites no document, or none that exists: {statement!r}"
        elif not _entails(as_premise(docs, cited), hypothesis):
            yield f"the cited documents have less than half of the words of: {statement!r}"
        else:
            for index in cited:
                others = [other for other in cited if other != index]
                if (
                    others
                    and not _entails(docs[index].premise, hypothesis)
                    and _entails(as_premise(docs, others), hypothesis)
                ):
                    yield f"the citation [{index + 1}] is not needed in: {statement!r}"


def _answers(response: str, aliases: tuple[str, ...], dataset: str) -> bool:
    plain = remove_citations(response)
    if dataset == "qampari":
        return any(normalize(item) in map(normalized_alias, aliases) for item in list_items(plain))
    return present(aliases, normalize(plain)) if dataset == "asqa" else _entails(plain, aliases[0])


def _entails(premise: str, hypothesis: str) -> bool:
    """The lexical verifier's rule: at least half of the hypothesis's distinct words are in the premise."""
    asked = tokens(hypothesis)
    return bool(asked) and 2 * len(asked & tokens(premise)) >= len(asked)
