"""Scoring protocols: the differences between ALCE, Trust-Score and `strict`, as data and small functions.

Metrics contain no case distinctions by profile; they call the profile's functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from groundeval.errors import unknown
from groundeval.parsing.citations import citations, remove_citations
from groundeval.parsing.reasoning import split_reasoning
from groundeval.parsing.refusal import refuses
from groundeval.parsing.statements import list_items, sentences
from groundeval.parsing.strict import citations as strict_citations
from groundeval.parsing.strict import items as strict_list
from groundeval.parsing.strict import statements as strict_statements
from groundeval.parsing.strict.decision import Decision
from groundeval.parsing.strict.part import Kind, Part
from groundeval.parsing.strict.refusal import decide
from groundeval.parsing.strict.titles import with_titles_read
from groundeval.parsing.strict.unusual import with_own_marks_read
from groundeval.parsing.strict.visible import for_verifier, visible
from groundeval.records import Document, Example, Response, Statement


def first_line(text: str) -> str:
    """ALCE's preparation: strip, cut at the first newline, delete `<|im_end|>`."""
    return text.strip().split("\n")[0].replace("<|im_end|>", "")


def as_it_is(text: str) -> str:
    """Trust-Score's preparation: none."""
    return text


def never(citation: int, others: Sequence[int], docs: Sequence[Document]) -> bool:
    """No redundant citation is excused (ALCE)."""
    return False


def same_answer(citation: int, others: Sequence[int], docs: Sequence[Document]) -> bool:
    """A redundant citation is excused if it and one of the others hold the same gold answer (Trust-Score)."""
    mine = docs[citation].answers_found or ()
    return any(any(a and b for a, b in zip(mine, docs[other].answers_found or (), strict=False)) for other in others)


def answers_or_refuses(text: str, example: Example) -> Decision:
    """Trust-Score's decision: any output that does not refuse is an answer."""
    return Decision("refused" if refuses(text) else "answered")


def answers_or_refuses_or_neither(text: str, example: Example) -> Decision:
    """The decision of `strict`, which also knows outputs that do both, and outputs that say nothing."""
    return decide(text, example.question, example.answers or (), example.supported)


def sentences_as_cited(text: str) -> tuple[Statement, ...]:
    """Sentences with the citations inside them (ALCE, Trust-Score)."""
    return tuple(map(_as_cited, sentences(text)))


def items_as_cited(text: str, question: str) -> tuple[Statement, ...]:
    """The question followed by one list item each, with the citations inside the item (ALCE, Trust-Score)."""
    return tuple(_as_cited(f"{question} {item}") for item in list_items(text))


def _as_cited(text: str) -> Statement:
    return Statement(text, remove_citations(text).strip(), citations(text))


@dataclass(frozen=True, slots=True)
class StrictStatement(Statement):
    """A statement under `strict`; the fields are those of `parsing.strict.part.Part`."""

    kind: Kind = "claim"
    inherited: tuple[int, ...] = ()
    continues: bool = False
    denied: bool = False
    about: str = ""


def strict_sentences(text: str) -> tuple[Statement, ...]:
    """Sentences and clauses by the grammar of `strict`; in hypotheses nothing looks like a field of a prompt."""
    return tuple(_strictly(part, for_verifier(part.plain)) for part in strict_statements.sentences(text))


def strict_items(text: str, question: str) -> tuple[Statement, ...]:
    """List items by the grammar of `strict`; the hypothesis is the question followed by the item."""
    return tuple(_strictly(part, f"{question} {for_verifier(part.plain)}") for part in strict_list.items(text))


def _strictly(part: Part, hypothesis: str) -> StrictStatement:
    return StrictStatement(
        part.plain, hypothesis, part.citations, part.kind, part.inherited, part.continues, part.denied, part.about
    )


def answer_alone(response: Response) -> str:
    """The answer, without text outside its tags (ALCE, Trust-Score)."""
    return response.text


def answer_and_beside(response: Response) -> str:
    """The answer with all visible text: the text outside the answer's tags comes first (`strict`)."""
    tags = response.tags
    if tags.answer_open not in response.raw or response.status != "ok":
        return _with_marks_read(response.text, response.example.docs or ())
    outside = split_reasoning(response.raw, replace(tags, answer_open="\0", answer_close="\0\0")).answer
    before, _, rest = outside.rpartition(tags.answer_open)
    after = rest.partition(tags.answer_close)[2]
    beside = "\n".join(
        each.strip() for each in (before.replace(tags.answer_open, "\n").replace(tags.answer_close, "\n"), after)
    ).strip()
    text = f"{beside}\n\n{response.text}" if beside else response.text
    return _with_marks_read(text, response.example.docs or ())


def _with_marks_read(text: str, docs: Sequence[Document]) -> str:
    """The text with marks that only the documents explain, titles and marks of its own, as bracketed numbers."""
    return with_own_marks_read(with_titles_read(text, [document.title for document in docs]), len(docs))


def listed_as_cited(text: str) -> Sequence[str]:
    """The comma-separated items of a list answer without their citations (ALCE, Trust-Score)."""
    return [remove_citations(item) for item in list_items(text)]


def strictly_listed(text: str) -> Sequence[str]:
    """The items of a list answer without their citations, by the grammar of `strict`."""
    return [part.plain for part in strict_list.items(text)]


def first_three(cited: Sequence[int], docs: Sequence[Document]) -> tuple[int, ...] | None:
    """The first three citations; None if any citation names no document (ALCE, Trust-Score).

    Negative indices count from the end, as they do in the original evaluators.
    """
    if any(not -len(docs) <= index < len(docs) for index in cited):
        return None
    return tuple(cited[:3])


def all_once(cited: Sequence[int], docs: Sequence[Document]) -> tuple[int, ...] | None:
    """All citations that name a document, each once (`strict`)."""
    return tuple(dict.fromkeys(index for index in cited if 0 <= index < len(docs)))


def as_written(cited: Sequence[int], docs: Sequence[Document]) -> tuple[int, ...]:
    """The premise has the documents in the order in which they are cited (ALCE, Trust-Score)."""
    return tuple(cited)


def by_content(cited: Sequence[int], docs: Sequence[Document]) -> tuple[int, ...]:
    """The premise has the documents in the alphabetical order of their texts (`strict`): the verdict depends neither on
    the order of citations nor on the numbering of the documents."""
    return tuple(sorted(cited, key=lambda index: docs[index].premise))


@dataclass(frozen=True, slots=True)
class Profile:
    """One scoring protocol."""

    name: str
    prepare: Callable[[str], str]
    """Turns the answer's text into the text that is scored."""
    excuses: Callable[[int, Sequence[int], Sequence[Document]], bool]
    """Whether a redundant citation counts as precise: (citation, the others, documents)."""
    description: str = ""
    judged_citations: Callable[[Sequence[int], Sequence[Document]], tuple[int, ...] | None] = first_three
    """The citations of a statement that are judged; None: the statement counts as uncited."""
    read_together: Callable[[Sequence[int], Sequence[Document]], tuple[int, ...]] = as_written
    """The order in which several cited documents make one premise."""
    remove_citations: Callable[[str], str] = remove_citations
    sentences: Callable[[str], tuple[Statement, ...]] = sentences_as_cited
    """The statements of a text."""
    items: Callable[[str, str], tuple[Statement, ...]] = items_as_cited
    """The statements of a list answer to a question."""
    listed: Callable[[str], Sequence[str]] = listed_as_cited
    """The items of a list answer, without citations."""
    decide: Callable[[str, Example], Decision] = answers_or_refuses
    """Classifies the output: answered or refused."""
    settles: bool = False
    """Whether a verifier decides what stands beside a refusal."""
    source: Callable[[Response], str] = answer_alone
    """The part of a response that is scored, before `prepare`."""


ALCE = Profile("alce", prepare=first_line, excuses=never, description="as ALCE's evaluator scores (Gao et al. 2023)")
TRUST = Profile(
    "trust", prepare=as_it_is, excuses=same_answer, description="as Trust-Score's evaluator scores (Song et al. 2025)"
)
STRICT = Profile(
    "strict",
    prepare=visible,
    excuses=never,
    description="as Trust-Score, with the known loopholes closed",
    judged_citations=all_once,
    read_together=by_content,
    remove_citations=strict_citations.remove_citations,
    sentences=strict_sentences,
    items=strict_items,
    listed=strictly_listed,
    decide=answers_or_refuses_or_neither,
    settles=True,
    source=answer_and_beside,
)
PROFILES = {profile.name: profile for profile in (ALCE, TRUST, STRICT)}


def profile_named(name: str) -> Profile:
    """The profile called `name`. Raises UsageError, with the nearest match, for an unknown one."""
    if name not in PROFILES:
        raise unknown("profile", name, PROFILES)
    return PROFILES[name]
