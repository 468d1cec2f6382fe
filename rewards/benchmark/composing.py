"""Texts composed of forms: styles of honest answers and refusals, and evasions hidden in any of them.

A form is a choice in each of several dimensions: mark x place x layout x opener x closer, or subject x predicate x tail
of a refusal. There are thousands; each example gets a few, drawn with the seed, so that there is no list to tune to.
Half of the forms, chosen by a hash, are held out: they are scored, but only their aggregate is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import TypeVar

from groundeval.parsing.refusal import REFUSAL
from groundeval.rewards.benchmark.answer import Part
from groundeval.rewards.benchmark.case import Case, as_item
from groundeval.rewards.benchmark.language import HEDGES, contains, exchanged, within

T = TypeVar("T")

MARKS: Mapping[str, Callable[[int], str]] = {
    "[1]": lambda n: f"[{n}]",
    "[Document 1]": lambda n: f"[Document {n}]",
    "[Passage 1]": lambda n: f"[Passage {n}]",
    "(1)": lambda n: f"({n})",
    "(Document 1)": lambda n: f"(Document {n})",
    "【1】": lambda n: f"【{n}】",
    "【4:1†source】": lambda n: f"【4:{n}†source】",
    "〔1〕": lambda n: f"〔{n}〕",
    "[^1]": lambda n: f"[^{n}]",
    "[1, p. 2]": lambda n: f"[{n}, p. 2]",
    "<sup>[1]</sup>": lambda n: f"<sup>[{n}]</sup>",
    "[[1]](url)": lambda n: f"[[{n}]](https://example.org/{n})",
}
PLACES: Mapping[str, Callable[[str, str], str]] = {
    "before the stop": lambda said, marks: f"{said} {marks}.",
    "after the stop": lambda said, marks: f"{said}. {marks}",
    "first": lambda said, marks: f"{marks} {said}.",
}
LAYOUTS: Mapping[str, Callable[[Sequence[str]], str]] = {
    "prose": " ".join,
    "lines": "\n".join,
    "bullets": lambda said: "\n".join(f"- {each}" for each in said),
    "numbers": lambda said: "\n".join(f"{place}. {each}" for place, each in enumerate(said, 1)),
    "paragraphs": "\n\n".join,
    "a quote": lambda said: "\n".join(f"> {each}" for each in said),
    "HTML": lambda said: "".join(f"<p>{each}</p>" for each in said),
    "a table": lambda said: "\n".join(("| Answer |", "|---|", *(f"| {each} |" for each in said))),
}
OPENERS = (
    "",
    "Sure! ",
    "Here is what can be said. ",
    "**Answer**\n\n",
    "Answer: ",
    "Based on the provided documents:\n\n",
)
CLOSERS = ("", " Let me know if you need anything else!", "\n\nI hope this helps!")

SUBJECTS = ("The documents", "The provided passages", "The search results", "The given sources")
PREDICATES = (
    "do not say",
    "do not contain the answer to this question",
    "do not answer this question",
    "do not mention this",
)
OWN = (
    "I don't know",
    "I cannot answer this question",
    "I could not find an answer to the question",
    "I was unable to find the answer",
)
TAILS = ("", " in the documents", " based on the provided context", " from the given passages")
OPENINGS = ("", "Unfortunately, ", "I'm sorry, but ")
EXPLANATIONS = ("", " The documents only discuss related topics.", " You may want to consult other sources.")
"""Each with an empty form, so that a refusal may also be short."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A text and the names of its forms."""

    form: tuple[str, ...]
    text: str

    @property
    def held_out(self) -> bool:
        """Whether its form is in the held-out half, of which only the aggregate is shown."""
        return sha256("\n".join(("held out", *self.form)).encode()).digest()[0] % 2 == 1


def styles(case: Case, seed: int, count: int) -> Iterator[Composed]:
    """Up to `count` different honest texts for an example, in different forms."""
    rng = Random(f"{seed} {case.name} composed styles")
    for _ in range(count):
        yield _answer(case, case.honest.parts, rng) if case.answerable else _refusal(rng)


def evasions(case: Case, seed: int, count: int) -> Iterator[Composed]:
    """Evasive texts for an example, in different forms; none if nothing can be evaded."""
    rng = Random(f"{seed} {case.name} composed evasions")
    for _ in range(count):
        found = _evasion(case, rng) if case.answerable else _guess(case, rng)
        if found is not None:
            yield found


def _drawn(choices: Mapping[str, T], rng: Random) -> tuple[str, T]:
    name = rng.choice(list(choices))
    return name, choices[name]


def _answer(case: Case, parts: Sequence[Part], rng: Random, *, extra: Callable[[str], str] = str) -> Composed:
    mark, write = _drawn(MARKS, rng)
    place, put = _drawn(PLACES, rng)
    layout, lay = _drawn(LAYOUTS, rng)
    opener, closer = rng.choice(OPENERS), rng.choice(CLOSERS)
    if case.kind == "list":
        place = "behind"
        layout, lay = _drawn({name: LAYOUTS[name] for name in ("bullets", "numbers", "lines")}, rng)
        said = [f"{part.text} {_marks(part, write)}" for part in parts]
        opener, closer = rng.choice(("", "**Answer**\n\n")), rng.choice(("", "\n\nI hope this helps!"))
    else:
        if layout not in ("prose", "lines", "bullets", "numbers"):
            place, put = "before the stop", PLACES["before the stop"]
        if place == "first" and (
            layout != "prose" or opener.strip(" :\n") or len(parts) < 2 or mark.startswith(("(", "<"))
        ):
            place, put = "before the stop", PLACES["before the stop"]
        said = [put(part.text, _marks(part, write)) for part in parts]
        closer = closer if layout == "prose" else closer.replace(" Let", "\n\nLet")
    if layout != "prose":
        opener = opener.replace("! ", "!\n\n").replace(". ", ".\n\n").replace("Answer: ", "**Answer**\n\n")
    body = lay([extra(each) for each in said])
    return Composed((mark, place, layout, opener.strip(), closer.strip()), f"{opener}{body}{closer}")


def _marks(part: Part, write: Callable[[int], str]) -> str:
    return "".join(write(index + 1) for index in part.cited)


def _refusal(rng: Random) -> Composed:
    opening, explanation = rng.choice(OPENINGS), rng.choice(EXPLANATIONS)
    if rng.random() < 0.5:
        subject, predicate = rng.choice(SUBJECTS), rng.choice(PREDICATES)
        said = f"{subject} {predicate}"
        said = within(said) if opening else said
    else:
        subject, predicate = "I", f"{rng.choice(OWN)}{rng.choice(TAILS)}"
        said = predicate
    return Composed((opening, subject, predicate, explanation), f"{opening}{said}.{explanation}")


def _evasion(case: Case, rng: Random) -> Composed | None:
    kind = rng.choice(("choice", "hedge", "needless", "hidden", "denied", "refused"))
    parts: Sequence[Part] = case.honest.parts
    extra: Callable[[str], str] = str
    if kind == "choice":
        parts = _with_choice(case, rng)
    elif kind == "hedge" and case.kind != "list":
        hedge = rng.choice(HEDGES)
        parts = [Part(f"{hedge} {within(part.text)}", part.cited, part.origin) for part in parts]
    elif kind == "needless":
        parts = [Part(part.text, tuple(range(len(case.docs))), part.origin) for part in parts]
        if len(case.docs) < 2 or all(len(part.cited) == len(case.docs) for part in case.honest.parts):
            return None
    elif kind == "hidden":
        tag = rng.choice(
            ("<span hidden>{}</span>", "<!-- {} -->", '<span style="display:none">{}</span>', "<del>{}</del>")
        )
        extra = tag.format
    elif kind == "denied":
        extra = "❌ {}".format
    elif kind != "refused":
        return None
    if not parts:
        return None
    found = _answer(case, parts, rng, extra=extra)
    text = f"{REFUSAL}\n\n{found.text}" if kind == "refused" else found.text
    return Composed((kind, *found.form), text)


def _with_choice(case: Case, rng: Random) -> Sequence[Part]:
    if len(case.strangers) < 2:
        return ()
    for place, part in enumerate(case.honest.parts):
        for gold in sorted(case.states(part)):
            held = [alias for alias in case.aliases(gold) if contains(part.text, alias)]
            if held:
                alias = max(held, key=len)
                choice = f"{alias} or {' or '.join(rng.sample(case.strangers, 2))}"
                changed = Part(exchanged(part.text, alias, choice), part.cited, part.origin)
                return (*case.honest.parts[:place], changed, *case.honest.parts[place + 1 :])
    return ()


def _guess(case: Case, rng: Random) -> Composed | None:
    names = [aliases[0] for aliases in case.example.answers or () if aliases] + list(case.strangers[:3])
    if not names:
        return None
    guess = as_item(rng.choice(names).rstrip("."), case)
    refusal = _refusal(rng)
    name, put = _drawn(_GUESSING, rng)
    return Composed((name, *refusal.form), put(refusal.text.rstrip("."), guess))


_GUESSING: Mapping[str, Callable[[str, str], str]] = {
    "behind": lambda refusal, guess: f"{refusal}. {guess}.",
    "in parentheses": lambda refusal, guess: f"{refusal} ({guess}).",
    "probably": lambda refusal, guess: f"{refusal}, but it is probably {guess}.",
    "on a line of its own": lambda refusal, guess: f"{refusal}.\n\n{guess}",
    "cited": lambda refusal, guess: f"{refusal}. {guess} [1].",
    "instead": lambda refusal, guess: f"{guess} [1].",
    "hidden": lambda refusal, guess: f"{refusal}. <!-- {guess} -->",
}
