"""What stands above the lines of a text: the headings and lead-ins under which a reader reads them."""

from __future__ import annotations

from collections.abc import Sequence

from groundeval.parsing.strict.disowned import LONGEST_LEAD, denies_next, label_that_denies
from groundeval.parsing.strict.markdown import HEADING, ITEM
from groundeval.parsing.strict.part import Part

_DEEPEST = 3
"""Headings in a row that are kept: a title, its subtitle, and one more."""


class Above:
    """Reads the lines of a text in turn, and adds to their statements what stands above them.

    A heading holds until the next one; it holds for that one, too, if nothing is said between them. A lead-in holds for
    its paragraph and the list behind it, or the next paragraph; before a list in its line, for that; within a list, for
    the items until a blank line, which stands at the end of a nested list.
    """

    def __init__(self) -> None:
        self._headings: list[str] = []
        self._leads: list[str] = []
        self._said_under_heading = self._said_under_lead = False
        self._leads_items = self._after_blank = False

    def blank(self) -> None:
        """Read a blank line."""
        self._after_blank = True

    def over(self, line: str, parts: Sequence[Part], *, is_list: bool = False) -> list[Part]:
        """The statements of a line, with what stands above them; a label holds for its sentence, or its whole list."""
        is_item, after_blank, self._after_blank = line.startswith(ITEM), self._after_blank, False
        if line.startswith(HEADING):
            self._head(line.removeprefix(HEADING))
            return list(parts)
        if after_blank and self._said_under_lead and (self._leads_items or not is_item):
            self._leads = []
        label, found = "", list[Part]()
        for part in parts:
            label = label_that_denies(part.plain) or (label if part.continues or is_list else "")
            above = [*self._headings, *self._leads, *([label] if label else [])]
            found.append(part._replace(about="\n".join(above)))
            if (
                not part.citations
                and len(part.plain) <= LONGEST_LEAD
                and (part.plain.endswith((":", "：")) or denies_next(part.plain))
            ):
                self._leads = [*(() if self._said_under_lead else self._leads[1 - _DEEPEST :]), part.plain]
                self._said_under_lead, self._leads_items = False, is_item
            else:
                self._said_under_heading = self._said_under_lead = True
        if is_list and self._said_under_lead and any(part.plain in self._leads for part in parts):
            self._leads = []
        return found

    def _head(self, heading: str) -> None:
        heading = heading if len(heading) <= LONGEST_LEAD else ""
        goes_on = heading and not self._said_under_heading
        self._headings = [*(self._headings[1 - _DEEPEST :] if goes_on else ()), heading]
        self._leads, self._said_under_heading = [], False
