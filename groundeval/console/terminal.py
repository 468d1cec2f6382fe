"""The terminal, on which strangers' text is text: names of fields, ids and notes come from their files."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from groundeval.console.sanitize import visible


class Terminal(Console):
    """A console without markup and names of emoji; control and invisible characters are written out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """What is printed and what a table's cell holds, as it is shown."""
        return super().render_str(visible(text), **options)
