"""Refusals composed of their parts, in English and other languages (`languages`)."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from groundeval.rewards.benchmark.case import Case
from groundeval.rewards.benchmark.composing.composed import Composed, drawn
from groundeval.rewards.benchmark.composing.languages import ENGLISH, OTHERS
from groundeval.rewards.benchmark.language import within

OF_OTHER_LANGUAGES = 0.4
"""Share of refusals in other languages than English."""
IN_ONE_SENTENCE = 0.2
"""Share of English refusals that say in one sentence, with a citation, what the sources hold and that this is all."""
_HOLDING = ("discuss", "are about", "describe", "only cover")
_TAILS = (
    *("but give no answer", "but do not answer the question", "but fail to answer this", "yet they do not say this"),
    *("but none of them answers the question", "but neither answers this", "but not what is asked"),
    "but leave this open",
)
"""Behind the citation: clauses that leave out the sources, or stand for them with a pronoun."""


def refused(case: Case, seed: int, count: int) -> Iterator[Composed]:
    """Up to `count` honest refusals of an example that cannot be answered."""
    rng = Random(f"{seed} {case.name} composed refusals")
    for _ in range(0 if case.answerable else count):
        yield refusal(case, rng)


def refusal(case: Case, rng: Random) -> Composed:
    """A refusal composed of the parts of one language."""
    titled = next((place for place, document in enumerate(case.docs) if document.title), None)
    title = "" if titled is None else case.docs[titled].title
    name, language = drawn(OTHERS, rng) if rng.random() < OF_OTHER_LANGUAGES else ("English", ENGLISH)
    opening, source = rng.choice(language.openings), rng.choice(language.sources)
    sentence, closing = rng.choice(language.sentences), rng.choice(language.closings)
    if titled is not None and language is ENGLISH and rng.random() < IN_ONE_SENTENCE:
        holding, tail = rng.choice(_HOLDING), rng.choice(_TAILS)
        said = f"{source[0].upper()}{source[1:]} {holding} {title} [{titled + 1}], {tail}."
        return Composed((name, source, holding, tail, closing), said + closing)
    held = rng.choice(language.held) if title else ""
    said = sentence.format(source)
    if not opening or opening.rstrip().endswith((".", ":", "。")):
        said = said[0].upper() + said[1:]
    elif said.startswith("In "):
        said = within(said)
    text = f"{opening}{said}{language.stop}{held.format(title)}{closing}"
    return Composed((name, opening, source, sentence, held, closing), text)
