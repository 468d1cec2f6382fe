"""One statement as the grammar reads it."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["claim", "aside", "source"]
"""`claim`: a statement that needs support, unless it turns out to say nothing. `aside`: a heading or a label. `source`:
an entry of a list of sources."""


class Part(NamedTuple):
    """One statement: its text without citations, and what it cites."""

    plain: str
    """Ends with the mark `HIDDEN` if something is hidden behind it."""
    citations: tuple[int, ...]
    """0-based indices in order of appearance, repetitions kept; unchecked."""
    kind: Kind = "claim"
    inherited: tuple[int, ...] = ()
    """The citations at the end of its paragraph, which stand for it too."""
    continues: bool = False
    """Does it go on with a sentence that another statement begins, so that it may lack a subject."""
    denied: bool = False
    """Does a sign say that it is false."""
