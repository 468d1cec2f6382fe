"""Scoring protocols: what ALCE and Trust-Score do differently, as data and small functions.

A metric never asks which profile it runs under; it asks the profile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from groundeval.errors import unknown
from groundeval.parsing.citations import citations, remove_citations
from groundeval.parsing.statements import sentences
from groundeval.records import Document


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


@dataclass(frozen=True, slots=True)
class Profile:
    """One scoring protocol."""

    name: str
    prepare: Callable[[str], str]
    """From the answer's text to the text that is scored."""
    excuses: Callable[[int, Sequence[int], Sequence[Document]], bool]
    """Is a citation that its statement could do without still precise: (citation, the others, documents)."""
    description: str = ""
    citation_cap: int | None = 3
    """At most so many citations of a statement are judged."""
    sentences: Callable[[str], Sequence[str]] = sentences
    citations: Callable[[str], tuple[int, ...]] = citations
    remove_citations: Callable[[str], str] = remove_citations

    def judged_citations(self, cited: Sequence[int], docs: Sequence[Document]) -> tuple[int, ...] | None:
        """The citations of a statement that are judged, or None if any of them names no document.

        Negative indices count from the end, as they do in the original evaluators.
        """
        if any(not -len(docs) <= index < len(docs) for index in cited):
            return None
        return tuple(cited[: self.citation_cap])


ALCE = Profile("alce", prepare=first_line, excuses=never, description="as ALCE's evaluator scores (Gao et al. 2023)")
TRUST = Profile(
    "trust", prepare=as_it_is, excuses=same_answer, description="as Trust-Score's evaluator scores (Song et al. 2025)"
)
PROFILES = {profile.name: profile for profile in (ALCE, TRUST)}


def profile_named(name: str) -> Profile:
    """The profile of a name; an unknown one is a UsageError that offers the nearest match."""
    if name not in PROFILES:
        raise unknown("profile", name, PROFILES)
    return PROFILES[name]
