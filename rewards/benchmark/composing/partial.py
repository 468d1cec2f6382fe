"""Answers that give what the documents hold and say what else they do not hold: they keep what they earned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random

from groundeval.rewards.benchmark.case import Case
from groundeval.rewards.benchmark.composing.answers import in_some_form
from groundeval.rewards.benchmark.composing.composed import Composed, drawn

BESIDES = (
    *("what it cost", "who paid for it", "what happened afterwards", "whether this has changed since"),
    *("how this compares with other cases", "which alternatives there were", "what critics have objected to"),
)
"""What the questions do not ask."""
LACKS: Mapping[str, Callable[[str], str]] = {
    "The documents do not say": lambda what: f"The documents do not say {what}",
    "is not mentioned": lambda what: f"{what[0].upper()}{what[1:]} is not mentioned in the documents",
    "I could not find": lambda what: f"I could not find {what} in the search results",
    "no information": lambda what: f"There is no information about {what} in the provided passages",
    "remains open": lambda what: f"The sources leave open {what}",
    "German": lambda what: "Alles Weitere geht aus den Dokumenten nicht hervor",
    "French": lambda what: "Les documents ne donnent pas d'autres détails",
    "Spanish": lambda what: "Los documentos no mencionan más detalles",
}


def _after_a_word(lack: str) -> str:
    return lack if lack.startswith("I ") else lack[0].lower() + lack[1:]


PLACES: Mapping[str, Callable[[str, str], str]] = {
    "behind": lambda answer, lack: f"{answer} {lack}.",
    "However,": lambda answer, lack: f"{answer} However, {_after_a_word(lack)}.",
    "in a paragraph": lambda answer, lack: f"{answer}\n\n{lack}.",
    "as a note": lambda answer, lack: f"{answer}\n\nNote: {_after_a_word(lack)}.",
    "in parentheses": lambda answer, lack: f"{answer} ({lack}.)",
    "in italics": lambda answer, lack: f"{answer}\n\n*{lack}.*",
}


def partly_refused(case: Case, seed: int, count: int) -> Iterator[Composed]:
    """Up to `count` honest answers with a refusal of something that is not asked."""
    rng = Random(f"{seed} {case.name} composed partial refusals")
    for _ in range(count if case.answerable and case.kind != "list" else 0):
        found = in_some_form(case, case.honest.parts, rng)
        besides = rng.choice(BESIDES)
        lacking, say = drawn(LACKS, rng)
        place, put = drawn(PLACES, rng)
        layout = found.form[2]
        if "JSON" in layout:
            continue  # nothing may follow
        if layout not in ("prose", "one sentence") or found.form[-1] != "no list":
            place, put = "in a paragraph", PLACES["in a paragraph"]
        yield Composed((place, lacking, besides, *found.form), put(found.text, say(besides)))
