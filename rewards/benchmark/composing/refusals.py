"""Refusals composed of their parts: who looks or what is looked into, its absence, what is asked, what is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random

from groundeval.rewards.benchmark.case import Case
from groundeval.rewards.benchmark.composing.composed import Composed, drawn
from groundeval.rewards.benchmark.foreign import LANGUAGES
from groundeval.rewards.benchmark.language import ABOUT, within

OPENINGS = ("", "Unfortunately, ", "I'm sorry, but ", "Sorry. ", "Based on what was provided, ")
SOURCES = (
    *("the documents", "the provided passages", "the search results", "the given sources", "the retrieved texts"),
    *("these documents", "the excerpts above", "the context"),
)
ASKED = (
    *("the answer", "the answer to this question", "an answer to your question", "what you are asking about"),
    *("this information", "the information needed to answer"),
)
TELLING = (
    *("say", "mention", "state", "specify", "answer", "address", "tell"),
    *("contain {}", "provide {}", "give {}", "include {}", "hold {}"),
)
"""Verbs of documents: with `this`, or with the asked thing."""

Sentence = Callable[[Random, str], tuple[str, str]]
"""The name and the words of a sentence about a source, without its stop."""


def _documents_do_not(rng: Random, source: str) -> tuple[str, str]:
    verb, asked = rng.choice(TELLING), rng.choice(ASKED)
    said = verb.format(asked) if "{}" in verb else f"{verb} this"
    one = source == "the context"
    negation = rng.choice(("does not", "doesn't") if one else ("do not", "don't"))
    return f"{negation} {said}", f"{source} {negation} {said}"


def _writer_does_not(rng: Random, source: str) -> tuple[str, str]:
    said = rng.choice(
        (
            "I could not find",
            "I couldn't find",
            "I was unable to find",
            "I did not find",
            "I cannot locate",
            "I see no sign of",
        )
    )
    asked = rng.choice(ASKED)
    return f"{said} {asked}", f"{said} {asked} in {source}"


def _nothing_does(rng: Random, source: str) -> tuple[str, str]:
    form = rng.choice(
        (
            "nothing in {} answers this question",
            "none of {} answers the question",
            "there is no answer in {}",
            "there is no information about this in {}",
            "the answer is not in {}",
            "the answer cannot be found in {}",
            "{} leave this open",
            "the question cannot be answered from {}",
            "no answer can be given on the basis of {}",
        )
    )
    said = form.format(source)
    return form, said.replace("the context leave", "the context leaves").replace(
        "none of the context", "nothing in the context"
    )


def _does_not_know(rng: Random, source: str) -> tuple[str, str]:
    said = rng.choice(
        ("I don't know", "I do not know", "I can't answer this", "I cannot answer the question", "I have no answer")
    )
    return said, rng.choice((said, f"{said} based on {source}", f"{said}: {source} {_are(source)} silent on it"))


def _are(source: str) -> str:
    return "is" if source == "the context" else "are"


SENTENCES: Mapping[str, Sentence] = {
    "the documents do not": _documents_do_not,
    "the writer does not": _writer_does_not,
    "nothing does": _nothing_does,
    "does not know": _does_not_know,
}
HELD = ("", " They only discuss related topics.", *(f" {held}" for held in ABOUT))
"""With the title of a document."""
CLOSINGS = ("", " You may want to consult other sources.", " Please share further documents if you have any.")
OF_OTHER_LANGUAGES = 0.4
"""Share of refusals in other languages than English."""


def refused(case: Case, seed: int, count: int) -> Iterator[Composed]:
    """Up to `count` honest refusals of an example that cannot be answered."""
    rng = Random(f"{seed} {case.name} composed refusals")
    for _ in range(0 if case.answerable else count):
        yield refusal(case, rng)


def refusal(case: Case, rng: Random) -> Composed:
    """A refusal composed of its parts."""
    title = next((document.title for document in case.docs if document.title), "")
    if rng.random() < OF_OTHER_LANGUAGES:
        return _foreign(title, rng)
    name, write = drawn(SENTENCES, rng)
    source = rng.choice(SOURCES)
    form, said = write(rng, source)
    opening, held, closing = rng.choice(OPENINGS), rng.choice(HELD), rng.choice(CLOSINGS)
    if held and (not title or source == "the context"):
        held = ""
    joined = said if opening.endswith((", ", "but ")) else said[0].upper() + said[1:]
    return Composed((opening, source, name, form, held, closing), f"{opening}{joined}.{held.format(title)}{closing}")


def _foreign(title: str, rng: Random) -> Composed:
    name, language = drawn(LANGUAGES, rng)
    opening, source = rng.choice(language.openings), rng.choice(language.sources)
    sentence = rng.choice(language.sentences)
    held = rng.choice(language.held) if title else ""
    said = sentence.format(source)
    if not opening or opening.rstrip().endswith((".", ":", "。")):
        said = said[0].upper() + said[1:]
    elif said.startswith("In "):
        said = within(said)
    return Composed((name, opening, source, sentence, held), f"{opening}{said}{language.stop}{held.format(title)}")
