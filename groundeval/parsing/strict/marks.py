"""Placeholder characters used during parsing; no text needs them itself."""

from __future__ import annotations

HIDDEN = "\ufffc"
"""Stands where something was hidden from the reader (OBJECT REPLACEMENT CHARACTER)."""
PLACE = "\ue000"
"""Stands for a citation while the text around it is read."""
