"""One parsed statement of profile `strict`."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["claim", "aside", "source"]
"""`claim`: a statement that needs support, unless it proves empty. `aside`: a heading or a label. `source`: an entry of
a list of sources."""


class Part(NamedTuple):
    """One statement: its text without citations, and the citations."""

    plain: str
    """Ends with the mark `HIDDEN` if hidden text follows it."""
    citations: tuple[int, ...]
    """0-based indices in order of appearance, repetitions kept; unchecked."""
    kind: Kind = "claim"
    inherited: tuple[int, ...] = ()
    """The citations at the end of its paragraph, which apply to it too."""
    continues: bool = False
    """Whether it continues a sentence that another statement begins, so that it may lack a subject."""
    denied: bool = False
    """Whether the text marks it as false."""
    about: str = ""
    """What the text says about it, one to a line: the headings, lead-ins and labels above it, and what comes after."""
