"""Families 12 and 13: the same statements repeated, chopped, joined, laid out or worded in another way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from groundeval.rewards.benchmark.answer import Answer, Part
from groundeval.rewards.benchmark.attacks.attack import any_position, attack, changed, honest_positions
from groundeval.rewards.benchmark.case import Case, as_item
from groundeval.rewards.benchmark.language import LINKS, NEUTRAL, SYNONYMS, canonical, contains, exchanged, within


def _once_more(part: Part) -> Part:
    """The same part marked as added: it gives nothing new."""
    return replace(part, origin=None)


@attack("12", "a statement repeated")
def repeated(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A statement occurs twice."""
    place = any_position(answer, rng)
    return None if place is None else answer.plus(_once_more(answer.parts[place]))


@attack("12", "everything repeated")
def all_repeated(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """All statements occur three times."""
    return answer.plus(*(_once_more(part) for part in answer.parts * 2)) if answer.parts else None


@attack("12", "a statement repeated in other words")
def repeated_in_other_words(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A statement is followed by its paraphrase; in lists by another alias, or the name in capitals."""
    place = any_position(answer, rng)
    if place is None:
        return None
    part = answer.parts[place]
    if case.kind == "list":
        others = [alias for gold in sorted(case.states(part)) for alias in case.aliases(gold)]
        text = next((alias for alias in others if canonical(alias) != canonical(part.text)), part.text.upper())
    else:
        text = f"{rng.choice(NEUTRAL)} {within(part.text)}"
    return answer.plus(_once_more(replace(part, text=text)))


@attack("12", "a statement chopped into pieces")
def chopped(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A sentence becomes several fragments, each with the citation; none of them says what it said."""
    places = [place for place in honest_positions(answer) if len(answer.parts[place].text.split()) >= _LEAST_TO_CHOP]
    if not places or case.kind == "list":
        return None
    place = rng.choice(places)
    part, words = answer.parts[place], answer.parts[place].text.split()
    size = rng.choice((3, 4))
    fragments = [replace(part, text=" ".join(words[at : at + size]).rstrip(",;")) for at in range(0, len(words), size)]
    return answer.having(*answer.parts[:place], *fragments, *answer.parts[place + 1 :])


_LEAST_TO_CHOP = 6


LINKED = (*(f", {link}" for link in LINKS), ";")


@attack("12=", "two statements joined")
def joined(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Two neighbouring statements become one sentence with the citations of both, if it needs them all."""
    places = [place for place in honest_positions(answer) if _can_be_joined(answer.parts[place : place + 2], case)]
    if not places or case.kind == "list":
        return None
    place = rng.choice(places)
    first, second = answer.parts[place], answer.parts[place + 1]
    cited = tuple(dict.fromkeys((*first.cited, *second.cited)))
    whole = Part(f"{first.text}{rng.choice(LINKED)} {within(second.text)}", cited, first.origin)
    return answer.having(*answer.parts[:place], whole, *answer.parts[place + 2 :])


def _can_be_joined(parts: Sequence[Part], case: Case) -> bool:
    """Whether these are two honest parts with no more citations than they need together."""
    if len(parts) < 2 or parts[1].origin is None or not all(map(case.needs_each, parts)):
        return False
    first, second = parts
    return all(
        index in case.irrelevant(other)
        for part, other in ((first, second), (second, first))
        for index in part.cited
        if index not in other.cited
    )


@attack("12=", "one statement a line")
def lines(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A line break after every sentence, or instead of the comma after every item."""
    return changed(answer, replace(answer, separator="\n")) if len(answer.parts) > 1 else None


@attack("12=", "bullets")
def bullets(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Every statement is an item of a bulleted list."""
    if not answer.parts or answer.lead:
        return None
    return changed(answer, replace(answer, lead="- ", separator="\n- "))


@attack("12=", "numbers")
def numbers(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Every statement is an item of a numbered list."""
    if len(answer.parts) < 2 or answer.lead or answer.separator is not None:
        return None
    numbered = (replace(part, text=f"{place}. {part.text}") for place, part in enumerate(answer.parts, 1))
    return replace(answer.having(*numbered), separator="\n")


@attack("13=", "paraphrase")
def paraphrase(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A statement gets an introduction that keeps its meaning."""
    place = any_position(answer, rng)
    if place is None or case.kind == "list":
        return None
    part = answer.parts[place]
    return answer.with_part(place, replace(part, text=f"{rng.choice(NEUTRAL)} {within(part.text)}"))


@attack("13=", "synonyms")
def synonyms(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """Words outside the gold answers are replaced by synonyms."""
    if case.kind == "list":
        return None
    names = [alias for aliases in case.example.answers or () for alias in aliases] if case.kind == "em" else []
    usable = [pair for pair in SYNONYMS if not any(contains(name, word) for word in pair for name in names)]

    def reworded(part: Part) -> Part:
        text = part.text
        for word, synonym in usable if part.origin is not None else ():
            text = exchanged(text, word, synonym)
        return replace(part, text=text)

    return changed(answer, answer.each(reworded))


@attack("13=", "another alias")
def another_alias(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """A gold answer is given by another of its names."""
    if case.kind == "claims":
        return None
    options = []
    for place in honest_positions(answer):
        part = answer.parts[place]
        for gold in sorted(case.states(part)):
            aliases = case.aliases(gold)
            found = [alias for alias in aliases if contains(part.text, alias)]
            if not found or _mentions(part.text, found) != 1:
                continue
            for alias in aliases:
                text = exchanged(part.text, max(found, key=len), as_item(alias, case))
                if canonical(text) != canonical(part.text):
                    options.append(answer.with_part(place, replace(part, text=text)))
    return rng.choice(options) if options else None


def _mentions(text: str, names: Sequence[str]) -> int:
    """Number of separate places of a text with one of the names; a name within a longer one is not counted twice."""
    count = 0
    for name in sorted(names, key=len, reverse=True):
        while contains(text, name):
            shorter = exchanged(text, name, "")
            if shorter == text:
                return count + 1
            text, count = shorter, count + 1
    return count


@attack("13=", "citations in another order")
def citations_reordered(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The citations of every statement in reverse order."""
    return changed(answer, answer.each(lambda part: replace(part, cited=part.cited[::-1])))


@attack("13=", "statements in another order")
def statements_reordered(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """The statements in reverse order."""
    return changed(answer, answer.having(*answer.parts[::-1]))


@attack("13=", "citations in one bracket")
def one_bracket(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """`[1, 3]` for `[1][3]`."""
    several = any(len(part.cited) > 1 for part in answer.parts)
    return changed(answer, replace(answer, style=in_one_bracket)) if several else None


@attack("13=", "citations by name")
def by_name(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """`[Doc 1]` for `[1]`."""
    return changed(answer, replace(answer, style=as_documents)) if _cites(answer) else None


@attack("13=", "citations in other brackets")
def other_brackets(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """`【1】` for `[1]`."""
    return changed(answer, replace(answer, style=in_lenticular_brackets)) if _cites(answer) else None


@attack("13=", "citations after the full stop")
def after_the_stop(answer: Answer, case: Case, rng: Random) -> Answer | None:
    """`Paris is large. [1]` for `Paris is large [1].`"""
    if case.kind == "list" or not _cites(answer):
        return None
    return changed(answer, replace(answer, after_stop=True))


def _cites(answer: Answer) -> bool:
    return any(part.cited for part in answer.parts)


def in_one_bracket(cited: Sequence[int]) -> str:
    """`[1, 3]`."""
    return f"[{', '.join(str(index + 1) for index in cited)}]" if cited else ""


def as_documents(cited: Sequence[int]) -> str:
    """`[Doc 1][Doc 3]`."""
    return "".join(f"[Doc {index + 1}]" for index in cited)


def in_lenticular_brackets(cited: Sequence[int]) -> str:
    """`【1】【3】`."""
    return "".join(f"【{index + 1}】" for index in cited)
