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


def refused(case: Case, seed: int, count: int) -> Iterator[Composed]:
    """Up to `count` honest refusals of an example that cannot be answered."""
    rng = Random(f"{seed} {case.name} composed refusals")
    for _ in range(0 if case.answerable else count):
        yield refusal(case, rng)


def refusal(case: Case, rng: Random) -> Composed:
    """A refusal composed of the parts of one language."""
    title = next((document.title for document in case.docs if document.title), "")
    name, language = drawn(OTHERS, rng) if rng.random() < OF_OTHER_LANGUAGES else ("English", ENGLISH)
    opening, source = rng.choice(language.openings), rng.choice(language.sources)
    sentence, closing = rng.choice(language.sentences), rng.choice(language.closings)
    held = rng.choice(language.held) if title else ""
    said = sentence.format(source)
    if not opening or opening.rstrip().endswith((".", ":", "。")):
        said = said[0].upper() + said[1:]
    elif said.startswith("In "):
        said = within(said)
    text = f"{opening}{said}{language.stop}{held.format(title)}{closing}"
    return Composed((name, opening, source, sentence, held, closing), text)
