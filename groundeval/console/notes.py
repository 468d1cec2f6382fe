"""Notes on results as lines."""

from __future__ import annotations

WARNING = "warning: "
"""How a note begins that concerns what the numbers mean."""


def note_line(note: str) -> str:
    """`note: ...`; a warning says itself that it is one."""
    return note if note.startswith(WARNING) else f"note: {note}"
