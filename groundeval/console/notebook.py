"""Display of objects in a notebook: a table as HTML, and rows as a pandas DataFrame."""

from __future__ import annotations

import html
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from groundeval.console.sanitize import visible
from groundeval.errors import UsageError

if TYPE_CHECKING:
    from pandas import DataFrame

MOST_ROWS = 200
"""Rows of a table in a notebook; `to_frame` returns all of them."""
LONGEST_CELL = 300


class Tabular:
    """A result that is a table: `_rows` returns its rows by column; the rest follows from them."""

    __slots__ = ()

    def _rows(self) -> Sequence[Mapping[str, object]]:
        raise NotImplementedError

    def _shown(self) -> Sequence[Mapping[str, object]]:
        """The rows that a notebook shows: the most informative ones, in reading order."""
        return self._rows()

    def _folded(self) -> Sequence[Mapping[str, object]]:
        """Further rows, which a notebook shows when expanded."""
        return ()

    def _caption(self) -> str:
        """The line above the table."""
        return ""

    def _notes(self) -> Sequence[str]:
        """The lines below it."""
        return ()

    def to_frame(self) -> DataFrame:
        """The table as a pandas DataFrame with unrounded numbers. Raises UsageError where pandas is not installed."""
        try:
            import pandas
        except ImportError as error:
            raise UsageError(
                "to_frame needs pandas, which is not installed.\n  Install it: pip install pandas"
            ) from error
        return pandas.DataFrame(list(self._rows()))

    def _repr_html_(self) -> str:
        rows, folded = self._shown(), self._folded()
        notes = list(self._notes())
        if len(rows) > MOST_ROWS:
            notes.append(f"{len(rows) - MOST_ROWS:,} more rows: to_frame() has all of them")
        rest = f"<details><summary>All {len(folded)}</summary>{html_table(folded)}</details>" if folded else ""
        return html_table(rows[:MOST_ROWS], self._caption(), notes) + rest


def html_table(rows: Sequence[Mapping[str, object]], caption: str = "", notes: Iterable[str] = ()) -> str:
    """Rows as an HTML table. Everything is escaped: the texts come from models and strangers."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    head = "".join(f"<th>{_cell(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(row.get(each))}</td>' for each in columns)}</tr>" for row in rows)
    above = f"<caption>{_cell(caption)}</caption>" if caption else ""
    below = "".join(f"<div>{_cell(note)}</div>" for note in notes)
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{below}"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    text = f"{value:.2f}" if isinstance(value, float) else str(value)
    return html.escape(visible(text if len(text) <= LONGEST_CELL else text[:LONGEST_CELL] + "…"))


def in_notebook() -> bool:
    """Whether this process serves a notebook, where a bar is drawn by the page and not by a terminal."""
    if "IPython" not in sys.modules:
        return False
    shell: Any = sys.modules["IPython"].get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None
