"""Characters that stand for something while a text is read; a text has no use for them itself."""

from __future__ import annotations

HIDDEN = "\ufffc"
"""Stands where something was hidden from the reader (OBJECT REPLACEMENT CHARACTER)."""
PLACE = "\ue000"
"""Stands for a citation while the text around it is read."""
