"""Prompts: a task's template, and rendering an example as the text of the user's turn."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, NamedTuple, get_args

from groundeval.errors import DataError, UsageError, excerpt, option, unknown
from groundeval.parsing.normalize import printable
from groundeval.records import Document, Example, Prompt

DocsField = Literal["text", "summary", "extraction"]
"""The field of a document given to the model (ALCE's `--use_shorter`)."""

_PLACEHOLDER = re.compile(r"\{(index|title|text|question)\}")
_CITATION = re.compile(r" ?\[\d+\]")


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """The texts of a task's prompt. Only the placeholders named here are filled in; other braces are kept."""

    name: str
    instruction: str
    """The instruction, at the start of the prompt."""
    document: str = "Document [{index}] {title}\n{text}"
    """One document: `{index}` (from 1), `{title}`, `{text}`. Without a title, ` {title}` is dropped."""
    question: str = "Question: {question}"
    answer: str = "Answer:"
    """The cue before the answer, in the demonstrations and at the end."""
    separator: str = "\n\n"
    """Separator between instruction, demonstrations, documents, question and answer."""
    document_separator: str = "\n\n"
    closed_book: str | None = None
    """The instruction when no documents are given (`--num-docs 0`); None: the same instruction."""
    system: str | None = None
    """The system turn, for models whose chat template has one."""

    def __post_init__(self) -> None:
        for name, needed in (("document", "{text}"), ("question", "{question}")):
            if needed not in getattr(self, name):
                raise UsageError(
                    f'prompt template "{self.name}": field "{name}" is {excerpt(getattr(self, name))}, '
                    f"which lacks the placeholder {needed}"
                )

    @property
    def sha256(self) -> str:
        """Hash of all fields, which affect the texts."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


class Fitted(NamedTuple):
    """Result of `fit_documents`."""

    prompt: Prompt
    """The longest prompt that fits; if none does, the one without documents."""
    tokens: int
    """Its length."""
    kept: int
    """Number of documents in the prompt."""
    dropped: int
    """Number of documents left out, from the end, to make it fit."""
    fits: bool
    """False: it is too long even without documents, and the sample cannot be generated."""


def render_prompt(
    example: Example,
    template: PromptTemplate,
    *,
    num_docs: int,
    demonstrations: Sequence[Example] = (),
    num_fewshot: int = 0,
    seed: int = 0,
    docs_field: DocsField = "text",
) -> Prompt:
    """The prompt of an example: instruction, demonstrations, documents, question.

    The part shared by all examples comes first, so that engines compute it once. The first `num_docs` documents are
    included (0: closed book). Raises UsageError for impossible settings, DataError for a document without `docs_field`.
    """
    if num_docs < 0:
        raise UsageError(f"{option('num_docs', num_docs)}: must be 0 (closed book) or more")
    shared = shared_prefix(
        template, demonstrations, num_fewshot, seed=seed, docs_field=docs_field, closed_book=num_docs == 0
    )
    return _joined(example, template, shared, shown_documents(example, num_docs), docs_field)


def fit_documents(
    example: Example,
    template: PromptTemplate,
    *,
    length: Callable[[Prompt], int],
    limit: int,
    num_docs: int,
    demonstrations: Sequence[Example] = (),
    num_fewshot: int = 0,
    seed: int = 0,
    docs_field: DocsField = "text",
) -> Fitted:
    """The prompt of an example with as many of its first `num_docs` documents as fit.

    `length` counts the tokens of a rendered prompt; `limit` is the largest number allowed. Whole documents are dropped,
    from the end; none is ever truncated. The demonstrations are kept.
    """
    if num_docs < 0:
        raise UsageError(f"{option('num_docs', num_docs)}: must be 0 (closed book) or more")
    shared = shared_prefix(
        template, demonstrations, num_fewshot, seed=seed, docs_field=docs_field, closed_book=num_docs == 0
    )
    shown = shown_documents(example, num_docs)

    def measured(count: int) -> Fitted:
        prompt = _joined(example, template, shared, shown[:count], docs_field)
        tokens = length(prompt)
        return Fitted(prompt, tokens, count, len(shown) - count, tokens <= limit)

    best = measured(len(shown))
    if best.fits or not shown:
        return best
    best = measured(0)
    fitting, too_many = 0, len(shown)
    while best.fits and too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        tried = measured(middle)
        if tried.fits:
            best, fitting = tried, middle
        else:
            too_many = middle
    return best


def shared_prefix(
    template: PromptTemplate,
    demonstrations: Sequence[Example],
    num_fewshot: int,
    *,
    seed: int = 0,
    docs_field: DocsField = "text",
    closed_book: bool = False,
) -> str:
    """Instruction and demonstrations: the common prefix of all prompts of a task.

    A demonstration has all of its own documents, regardless of `--num-docs`, since its response cites them.
    """
    instruction = template.instruction
    if closed_book and template.closed_book is not None:
        instruction = template.closed_book
    parts = [printable(instruction)] if instruction else []
    for chosen in choose_demonstrations(demonstrations, num_fewshot, seed=seed, closed_book=closed_book):
        response = printable(chosen.response or "").strip()
        docs = () if closed_book else chosen.docs or ()
        if closed_book:
            response = _CITATION.sub("", response)
        parts.append(f"{_asked(chosen, template, docs, docs_field)} {response}".lstrip())
    return template.separator.join(parts)


def choose_demonstrations(
    demonstrations: Sequence[Example], num_fewshot: int, *, seed: int = 0, closed_book: bool = False
) -> tuple[Example, ...]:
    """`num_fewshot` demonstrations in an order given by the seed: one choice for the whole task.

    A closed-book prompt never uses a demonstration that has documents and cites none of them: it refuses because its
    documents hold no answer.
    """
    if num_fewshot < 0:
        raise UsageError(f"{option('num_fewshot', num_fewshot)}: must be 0 or more")
    if num_fewshot == 0:
        return ()
    usable = [d for d in demonstrations if not closed_book or not d.docs or _CITATION.search(d.response or "")]
    if num_fewshot > len(usable):
        where = " that work without documents" if closed_book else ""
        raise UsageError(f"{option('num_fewshot', num_fewshot)}: the task has {len(usable)} demonstrations{where}")
    for demonstration in usable:
        if demonstration.response is None:
            raise DataError(f'demonstration "{demonstration.id}": field "response" is missing')
    # Ordered by a hash, not by `random`, whose choices may differ between versions of Python.
    return tuple(sorted(usable, key=lambda d: hashlib.sha256(f"{seed}\n{d.id}".encode()).digest())[:num_fewshot])


def shown_documents(example: Example, num_docs: int) -> tuple[Document, ...]:
    """The documents in a prompt with `--num-docs`: the first ones."""
    return tuple(example.docs or ())[:num_docs]


def _joined(
    example: Example, template: PromptTemplate, shared: str, docs: Sequence[Document], docs_field: DocsField
) -> Prompt:
    asked = _asked(example, template, docs, docs_field)
    user = template.separator.join(part for part in (shared, asked) if part)
    return Prompt(example.id, user, None if template.system is None else printable(template.system))


def _asked(example: Example, template: PromptTemplate, docs: Sequence[Document], docs_field: DocsField) -> str:
    """Documents, question and the cue for the answer."""
    parts = []
    if docs:
        parts.append(
            template.document_separator.join(
                _document(example, index, document, template, docs_field) for index, document in enumerate(docs, 1)
            )
        )
    parts.append(_filled(template.question, {"question": printable(example.question)}))
    if template.answer:
        parts.append(template.answer)
    return template.separator.join(parts)


def _document(example: Example, index: int, document: Document, template: PromptTemplate, docs_field: DocsField) -> str:
    if docs_field not in get_args(DocsField):
        raise unknown("document field", docs_field, get_args(DocsField))
    text: str | None = getattr(document, docs_field)
    if text is None:
        raise DataError(
            f'example "{example.id}", document {index}: field "{docs_field}" is missing.\n'
            f'  Use data that has it, or show the documents\' "text".'
        )
    title = printable(document.title).strip()
    form = template.document if title else template.document.replace(" {title}", "")
    return _filled(form, {"index": str(index), "title": title, "text": printable(text)})


def _filled(form: str, values: Mapping[str, str]) -> str:
    """Fill in placeholders in one pass, so that braces in the values are not interpreted."""
    return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), form)
